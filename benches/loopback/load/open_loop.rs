//! Open loop: messages are due at fixed times, whether or not earlier ones have come back, and
//! latency counts from when a message was due. So a server that stalls cannot hide it by being
//! asked less. The generator never sleeps.

use std::time::{Duration, Instant};

use super::{Load, Tally};

/// Runs until the window is over and all messages have come back.
///
/// # Errors
/// What the server did that it must not.
pub fn open_loop(
    load: &mut Load,
    sockets_len: usize,
    per_second: u32,
    tally: &mut Tally,
) -> Result<(), String> {
    load.open(sockets_len)?;
    let begin = Instant::now();
    let interval = Duration::from_secs(1) / per_second;
    let due_at = |number: usize| begin + interval * u32::try_from(number).expect("a run is short");
    let mut number = 0;
    while tally.goes_on()? {
        let now = Instant::now();
        while due_at(number) <= now {
            tally.delay(due_at(number).elapsed());
            load.clients[number % sockets_len].ask(1, &load.messages)?;
            number += 1;
        }
        for at in 0..load.wait(Duration::ZERO)? {
            let socket = load.ready(at);
            let first = load.clients[socket].received();
            let len = load.receive(socket)?;
            tally.count(len, load.take_bytes());
            // The messages go round the sockets, so their numbers follow from the socket's.
            for answer in first..first + len {
                tally.latency(due_at(answer * sockets_len + socket).elapsed());
            }
        }
    }
    load.settle()
}

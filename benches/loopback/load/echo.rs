//! Closed loop: each socket has a fixed number of messages in flight, and sends another one for
//! each that comes back.

use super::{Load, SILENCE_MAX, Tally};

/// Runs until the window is over and all messages have come back.
///
/// # Errors
/// What the server did that it must not.
pub fn echo(
    load: &mut Load,
    sockets_len: usize,
    in_flight: usize,
    tally: &mut Tally,
) -> Result<(), String> {
    load.open(sockets_len)?;
    for socket in 0..sockets_len {
        load.ask(socket, in_flight)?;
    }
    while tally.goes_on()? {
        for at in 0..load.wait(SILENCE_MAX)? {
            let socket = load.ready(at);
            let len = load.receive(socket)?;
            if len == 0 {
                continue;
            }
            tally.count(len, load.take_bytes());
            if let Some(sent) = load.clients[socket].take_timed() {
                tally.latency(sent.elapsed());
            }
            load.ask(socket, len)?;
        }
    }
    load.settle()
}

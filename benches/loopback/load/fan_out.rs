//! All sockets get each message: one socket sends, all receive, and the next message is sent when
//! the last one has reached all.

use std::time::Instant;

use super::{Load, SILENCE_MAX, TIMED_EVERY, Tally};

/// Runs until the window is over and the last message has reached all sockets.
///
/// # Errors
/// What the server did that it must not.
pub fn fan_out(load: &mut Load, sockets_len: usize, tally: &mut Tally) -> Result<(), String> {
    load.open(sockets_len)?;
    while tally.goes_on()? {
        let sent = Instant::now();
        load.clients[SENDER].ask(1, &load.messages)?;
        let mut left = sockets_len;
        while left > 0 {
            for at in 0..load.wait(SILENCE_MAX)? {
                let socket = load.ready(at);
                let len = load.receive(socket)?;
                if len > left {
                    return Err("more messages came than were sent".to_owned());
                }
                left -= len;
                tally.count(len, load.take_bytes());
                if len > 0 && left.is_multiple_of(TIMED_EVERY) {
                    tally.latency(sent.elapsed());
                }
            }
            tally.goes_on()?;
        }
    }
    Ok(())
}

/// The socket that sends.
const SENDER: usize = 0;

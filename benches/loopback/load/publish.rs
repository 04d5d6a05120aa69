//! The first socket sends a burst of messages, all sockets receive each, and the next burst is sent
//! when all have.

use super::{Load, SILENCE_MAX};

/// Sends so many bursts of so many messages.
///
/// # Errors
/// What the server did that it must not.
pub fn publish(load: &mut Load, bursts: usize, burst: usize) -> Result<(), String> {
    for _ in 0..bursts {
        load.ask(SENDER, burst)?;
        let mut left = load.clients.len() * burst;
        while left > 0 {
            for at in 0..load.wait(SILENCE_MAX)? {
                let len = load.receive(load.ready(at))?;
                left = left.checked_sub(len).ok_or("more messages came than were sent")?;
            }
        }
    }
    Ok(())
}

/// The socket that sends.
const SENDER: usize = 0;

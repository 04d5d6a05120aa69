//! Sockets that are there and do nothing: what they cost in memory.

use std::ops::Range;
use std::thread;
use std::time::Duration;

use super::Load;
use crate::server::resident_bytes;

/// What each of the sockets takes of the resident memory of the server and its children, in bytes.
pub struct Idle {
    /// After the upgrade.
    pub upgraded: f64,
    /// After their messages.
    pub echoed: f64,
}

/// Opens the sockets, behind `beside` others, and sends `messages_len` by each.
///
/// # Errors
/// What the server did that it must not.
pub fn idle(
    load: &mut Load,
    beside: usize,
    sockets_len: usize,
    messages_len: usize,
    pid: u32,
) -> Result<Idle, String> {
    load.open(beside)?;
    use_all(load, 0..beside, messages_len)?;
    if beside > 0 {
        thread::sleep(REST);
    }
    let before = resident_bytes(pid)?;
    let per_socket = || -> Result<f64, String> {
        // A server may return memory only when it has nothing else to do.
        thread::sleep(REST);
        Ok((resident_bytes(pid)? - before) / sockets_len as f64)
    };
    load.open(beside + sockets_len)?;
    let upgraded = per_socket()?;
    use_all(load, beside..beside + sockets_len, messages_len)?;
    Ok(Idle { upgraded, echoed: per_socket()? })
}

/// Has each socket send so many messages, one after the other.
fn use_all(load: &mut Load, sockets: Range<usize>, messages_len: usize) -> Result<(), String> {
    for _ in 0..messages_len {
        for socket in sockets.clone() {
            load.ask(socket, 1)?;
        }
        load.settle()?;
    }
    Ok(())
}

const REST: Duration = Duration::from_millis(500);

//! Sockets that are there and do nothing: what they cost in memory.

use std::thread;
use std::time::Duration;

use super::Load;
use crate::server::resident_bytes;

/// What each of the sockets takes of the resident memory of the server and its children, in bytes.
pub struct Idle {
    /// After the upgrade.
    pub upgraded: f64,
    /// After one echo each.
    pub echoed: f64,
}

/// Opens the sockets, behind `beside` others, and sends one message by each.
///
/// # Errors
/// What the server did that it must not.
pub fn idle(load: &mut Load, beside: usize, sockets_len: usize, pid: u32) -> Result<Idle, String> {
    load.open(beside)?;
    for socket in 0..beside {
        load.ask(socket, 1)?;
    }
    load.settle()?;
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
    for socket in beside..beside + sockets_len {
        load.ask(socket, 1)?;
    }
    load.settle()?;
    Ok(Idle { upgraded, echoed: per_socket()? })
}

const REST: Duration = Duration::from_millis(500);

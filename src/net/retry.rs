//! Calls of the system that a signal may interrupt, and that may block.

use std::io::{self, ErrorKind};

/// Calls until no signal interrupts it; `None` if it would block.
///
/// # Errors
/// The connection is lost.
pub(super) fn retry(
    mut call: impl FnMut() -> io::Result<usize>,
) -> Result<Option<usize>, &'static str> {
    loop {
        match call() {
            Ok(len) => return Ok(Some(len)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(describe(error.kind())),
        }
    }
}

const fn describe(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ConnectionReset => "the peer reset the connection",
        ErrorKind::BrokenPipe => "the peer has closed the connection",
        ErrorKind::TimedOut => "the network gave the connection up",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "the peer is unreachable",
        _ => "the connection failed",
    }
}

//! Sockets that open, some at a time, and stay: what it costs to connect and to upgrade.

use super::{Load, Measured, measure};

/// Opens the sockets. The first one does not count, since a server may start then what serves it.
///
/// # Errors
/// What the server did that it must not.
pub fn opening(load: &mut Load, sockets_len: usize, pid: u32) -> Result<Measured, String> {
    load.open(1)?;
    let opened = load.clients.len();
    let mut measured = measure(pid, || load.open(sockets_len))?;
    measured.count = sockets_len - opened;
    Ok(measured)
}

//! Listening at a path: a Unix socket and its file.

use std::fmt;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::Path;

use crate::sys::listeners;
use crate::sys::unix_path::{FileId, UnixPath};

/// The file of a Unix socket, which is removed with this, unless another one is at its path by
/// then. This has to be dropped before the socket: while that listens, nobody takes the file for
/// one that was left behind, and no other file has its id.
pub(super) struct SocketFile {
    path: UnixPath,
    id: Option<FileId>,
}

impl SocketFile {
    fn is_there(&self) -> bool {
        self.id.is_some() && self.path.socket_id() == self.id
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_there() {
            // If it fails, the next start finds the file, and that nobody listens.
            let _ = self.path.remove();
        }
    }
}

impl fmt::Debug for SocketFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketFile").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Listens at `path`. The file gets the permissions `mode` before anybody can connect. The file of
/// a server that has gone is replaced.
///
/// # Errors
/// A server listens there; a file of another kind, or one that this user may not connect to, is
/// there; or the error of the system.
pub(super) fn listen_at(path: &Path, mode: u32) -> io::Result<(OwnedFd, SocketFile)> {
    let path = UnixPath::new(path).ok_or_else(|| fault(LENGTH))?;
    // This does not wait, not even for a server that hangs.
    match path.try_connect().map_err(|error| error.kind()) {
        Ok(()) | Err(ErrorKind::WouldBlock) => return Err(fault(IN_USE)),
        Err(ErrorKind::ConnectionRefused) if path.socket_id().is_some() => path.remove()?,
        // Nothing is there, or else `bind` fails.
        Err(_) => {}
    }
    let socket = path.bind().map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => fault(IN_THE_WAY),
        _ => error,
    })?;
    let file = SocketFile { path, id: path.socket_id() };
    path.set_mode(mode)?;
    listeners::listen(&socket)?;
    // Before it listened, another start could take the file for one that was left behind.
    if file.is_there() { Ok((socket, file)) } else { Err(fault(IN_USE)) }
}

#[inline(never)]
fn fault(text: &'static str) -> io::Error {
    io::Error::other(text)
}

const LENGTH: &str = "a path has 1 to 107 bytes, none of them zero";
const IN_USE: &str = "it is in use by a running server";
const IN_THE_WAY: &str = "a file is there that is no socket, or one of another user; remove it, or \
                          choose another path";

//! `UnixPath`: the path of a Unix socket, as the system wants it.

use std::io;
use std::mem::offset_of;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::listeners::{bind, family, length_of, new_socket, number};

/// The path of a Unix socket, with a zero behind it.
#[derive(Clone, Copy)]
pub(crate) struct UnixPath(libc::sockaddr_un);

/// What tells files apart: the device and the inode.
pub(crate) type FileId = (libc::dev_t, libc::ino_t);

impl UnixPath {
    /// As long as possible (unix(7)).
    pub(crate) const BYTES_MAX: usize =
        size_of::<libc::sockaddr_un>() - offset_of!(libc::sockaddr_un, sun_path) - 1;

    /// The path, if a socket can have it: it has 1 to 107 bytes, none of them zero.
    pub(crate) fn new(path: &Path) -> Option<Self> {
        let mut name = libc::sockaddr_un { sun_family: family(libc::AF_UNIX), sun_path: [0; 108] };
        let bytes = path.as_os_str().as_bytes();
        if bytes.is_empty() || bytes.len() > Self::BYTES_MAX || bytes.contains(&0) {
            return None;
        }
        for (place, &byte) in name.sun_path.iter_mut().zip(bytes) {
            *place = libc::c_char::from_ne_bytes([byte]);
        }
        Some(Self(name))
    }

    /// A socket with this path, to which nobody can connect before it listens.
    ///
    /// # Errors
    /// The error of the system.
    pub(crate) fn bind(&self) -> io::Result<OwnedFd> {
        let socket = new_socket(libc::AF_UNIX)?;
        bind(&socket, &self.0)?;
        Ok(socket)
    }

    /// Connects to it for a moment, without waiting.
    ///
    /// # Errors
    /// The error of the system. It is `WouldBlock` if the listener has many connections to accept.
    pub(crate) fn try_connect(&self) -> io::Result<()> {
        let socket = new_socket(libc::AF_UNIX)?;
        let name = (&raw const self.0).cast();
        // SAFETY: the pointer and the length are those of a value that is borrowed, and the call
        // only reads it.
        number(unsafe { libc::connect(socket.as_raw_fd(), name, length_of(&self.0)) }).map(drop)
    }

    /// Sets the permissions of the file.
    ///
    /// # Errors
    /// The error of the system.
    pub(crate) fn set_mode(&self, mode: u32) -> io::Result<()> {
        // SAFETY: the path is borrowed and ends in a zero, and the call only reads it.
        number(unsafe { libc::chmod(self.0.sun_path.as_ptr(), mode) }).map(drop)
    }

    /// Removes the file.
    ///
    /// # Errors
    /// The error of the system.
    pub(crate) fn remove(&self) -> io::Result<()> {
        // SAFETY: the path is borrowed and ends in a zero, and the call only reads it.
        number(unsafe { libc::unlink(self.0.sun_path.as_ptr()) }).map(drop)
    }

    /// The socket that is there; `None` if there is nothing, or a file of another kind.
    pub(crate) fn socket_id(&self) -> Option<FileId> {
        // SAFETY: all of it is numbers, which may be zero.
        let mut file: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: the path is borrowed and ends in a zero; the call writes a local of its type.
        let result = unsafe { libc::lstat(self.0.sun_path.as_ptr(), &raw mut file) };
        let is_socket = result == 0 && file.st_mode & libc::S_IFMT == libc::S_IFSOCK;
        is_socket.then_some((file.st_dev, file.st_ino))
    }
}

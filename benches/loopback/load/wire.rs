//! The bytes of a socket, plain or over TLS. It never blocks.

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

#[cfg(feature = "tls")]
use super::tls::{Sealed, Tls};

/// What all sockets of a load send bytes by.
#[derive(Clone)]
pub enum Transport {
    /// TCP alone.
    Plain,
    /// TLS, with a full handshake for each socket.
    #[cfg(feature = "tls")]
    Tls(Tls),
}

/// The bytes of one socket.
pub struct Wire {
    socket: OwnedFd,
    #[cfg(feature = "tls")]
    sealed: Option<Box<Sealed>>,
}

/// What one read came to.
pub enum Received {
    /// So many bytes, and whether there may be more.
    Bytes {
        /// How many.
        len: usize,
        /// Less than fits the buffer: later bytes make a new event.
        is_short: bool,
    },
    /// Nothing now.
    Nothing,
    /// The end of the stream.
    End,
}

impl Wire {
    /// A socket that may still be connecting.
    pub fn new(socket: OwnedFd, transport: &Transport) -> Result<Self, String> {
        match transport {
            Transport::Plain => Ok(Self {
                socket,
                #[cfg(feature = "tls")]
                sealed: None,
            }),
            #[cfg(feature = "tls")]
            Transport::Tls(tls) => {
                let sealed = Some(Box::new(Sealed::new(tls)?));
                Ok(Self { socket, sealed })
            }
        }
    }

    /// Sends bytes. Returns how many the kernel has, or TLS.
    pub fn send(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        #[cfg(feature = "tls")]
        if let Some(sealed) = &mut self.sealed {
            return sealed.send(&self.socket, bytes);
        }
        send(&self.socket, bytes, SendFlags::NOSIGNAL)
    }

    /// Sends what TLS has.
    #[cfg(feature = "tls")]
    pub fn flush(&mut self) -> Result<(), Errno> {
        if let Some(sealed) = &mut self.sealed {
            return sealed.flush(&self.socket).map(drop);
        }
        Ok(())
    }

    /// Reads once.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Result<Received, String> {
        #[cfg(feature = "tls")]
        if let Some(sealed) = &mut self.sealed {
            return sealed.receive(&self.socket, buffer);
        }
        Ok(match recv(&self.socket, &mut *buffer, RecvFlags::empty()) {
            Ok((0, _)) => Received::End,
            Ok((len, _)) => Received::Bytes { len, is_short: len < buffer.len() },
            Err(Errno::AGAIN) => Received::Nothing,
            Err(error) => return Err(format!("reading failed: {error}")),
        })
    }

    /// Its descriptor.
    pub fn socket(&self) -> &OwnedFd {
        &self.socket
    }
}

//! `RedisStream`: the bytes to and from Redis, with TLS or without.
//!
//! The system ends a read that has a time limit when the process is stopped and goes on
//! (signal(7)), and a connection of the library cannot go on then: it leaves an answer out. So the
//! bytes are read here, and a read that a signal has ended is repeated.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;

/// The bytes to and from Redis.
pub(super) enum RedisStream {
    Plain(RedisSocket),
    Tls(Box<StreamOwned<ClientConnection, RedisSocket>>),
}

/// A socket, whose calls are repeated when a signal has ended them.
pub(super) struct RedisSocket(Box<dyn LimitedSocket>);

/// A socket of any kind.
trait LimitedSocket: Read + Write {
    fn limit(&self, read: Duration, write: Duration) -> io::Result<()>;
}

impl LimitedSocket for TcpStream {
    fn limit(&self, read: Duration, write: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(read))?;
        self.set_write_timeout(Some(write))
    }
}

impl LimitedSocket for UnixStream {
    fn limit(&self, read: Duration, write: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(read))?;
        self.set_write_timeout(Some(write))
    }
}

impl RedisStream {
    /// Connects to a Unix socket.
    pub(super) fn unix(path: &Path) -> io::Result<Self> {
        Ok(Self::Plain(RedisSocket(Box::new(UnixStream::connect(path)?))))
    }

    /// Connects by TCP. Each address of the host is tried for so long.
    pub(super) fn tcp(host: &str, port: u16, within: Duration) -> io::Result<Self> {
        Ok(Self::Plain(RedisSocket::tcp(host, port, within)?))
    }

    /// The same with TLS. The handshake is made when the first bytes are written.
    pub(super) fn tls(
        host: &str,
        port: u16,
        within: Duration,
        config: Arc<ClientConfig>,
    ) -> io::Result<Self> {
        let name = ServerName::try_from(host).map_err(io::Error::other)?.to_owned();
        let tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
        let socket = RedisSocket::tcp(host, port, within)?;
        Ok(Self::Tls(Box::new(StreamOwned::new(tls, socket))))
    }

    /// Reads and writes end after so long, which begins again after a signal.
    pub(super) fn limit(&self, read: Duration, write: Duration) -> io::Result<()> {
        let RedisSocket(socket) = match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        };
        socket.limit(read, write)
    }
}

impl RedisSocket {
    fn tcp(host: &str, port: u16, within: Duration) -> io::Result<Self> {
        let mut last = io::Error::from(ErrorKind::NotFound);
        for address in (host, port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, within) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(Self(Box::new(stream)));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl Read for RedisSocket {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        repeat(|| self.0.read(bytes))
    }
}

impl Write for RedisSocket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        repeat(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for RedisStream {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(bytes),
            Self::Tls(stream) => stream.read(bytes),
        }
    }
}

impl Write for RedisStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// Calls until no signal ends the call.
fn repeat(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

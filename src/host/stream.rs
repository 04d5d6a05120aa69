//! `Stream`: one connection without blocking. Would-block stays in here: a read or write that
//! would block has simply moved nothing.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;

use crate::host::sys;
use crate::hub::cut;
use crate::service::SocketId;

/// All connections, each in the place of its socket.
#[derive(Debug)]
pub(super) struct Streams(Vec<Option<Stream>>);

impl Streams {
    pub(super) fn with_capacity(len: usize) -> Self {
        Self(Vec::with_capacity(len))
    }

    pub(super) fn insert(&mut self, id: SocketId, stream: Stream) {
        let place = id.index();
        if place >= self.0.len() {
            self.0.resize_with(place + 1, || None);
        }
        self.0[place] = Some(stream);
    }

    /// The connection of this socket, and never that of another one in its place.
    pub(super) fn get_mut(&mut self, id: SocketId) -> Option<&mut Stream> {
        let stream = self.0.get_mut(id.index())?.as_mut()?;
        Some(stream).filter(|stream| stream.serial == SerialEnd::of(id))
    }

    /// Gives up the places from `places_len` on, which nobody has.
    pub(super) fn trim(&mut self, places_len: usize) {
        cut(&mut self.0, places_len);
    }

    /// For how many sockets there are places.
    #[cfg(test)]
    pub(super) const fn places_len(&self) -> usize {
        self.0.len()
    }

    /// Closes the connection of this socket, which takes it out of the poll.
    pub(super) fn close(&mut self, id: SocketId) {
        if self.get_mut(id).is_some() {
            self.0[id.index()] = None;
        }
    }
}

/// One connection, in eight bytes: there are many.
#[derive(Debug)]
pub(super) struct Stream {
    /// The end of its socket's number, which tells it from others in the same place.
    serial: SerialEnd,
    /// What is so of it: a set of [`Flag`].
    flags: u8,
    stream: TcpStream,
}

// In a debug build mio keeps more, for checks of its own.
#[cfg(not(debug_assertions))]
const _: () = assert!(size_of::<Option<Stream>>() <= 8, "a stream is a descriptor and little more");

/// What may be so of a connection.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
enum Flag {
    /// A write may move bytes; if not, an edge tells when it may again.
    Writable = 1 << 0,
    /// The system has told that the peer has ended its half.
    Ending = 1 << 1,
    /// The system has told that the connection is lost.
    Lost = 1 << 2,
    /// Nothing comes any more.
    Ended = 1 << 3,
    /// Our half has been ended.
    Shut = 1 << 4,
    /// It stands in the list of those to be read.
    Reading = 1 << 5,
    /// It stands in the list of those to be written to.
    Writing = 1 << 6,
}

/// What the system has told of a peer's end, whether or not all was read before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tidings {
    /// Nothing.
    None,
    /// The peer has ended its half.
    Ending,
    /// The connection is lost.
    Lost,
}

/// What a read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// So many bytes came, and there may be more.
    More(usize),
    /// So many bytes came, maybe none; an edge tells when there are more.
    Drained(usize),
    /// The peer has ended its half.
    End,
    /// The connection is lost.
    Lost(&'static str),
}

impl Stream {
    /// A connection that was just accepted.
    #[must_use]
    pub(super) const fn new(id: SocketId, stream: TcpStream) -> Self {
        Self { serial: SerialEnd::of(id), flags: Flag::Writable as u8, stream }
    }

    /// Reads once.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Progress {
        if self.has(Flag::Ended) {
            return Progress::Drained(0);
        }
        loop {
            match self.stream.read(buffer) {
                Ok(0) => {
                    self.set(Flag::Ended);
                    return Progress::End;
                }
                // A short read has emptied the queue; what comes after it makes an edge. Only
                // an end that was there before it does not (nor does urgent data, which no
                // client of ours sends, and which would delay nobody else).
                Ok(len) if len < buffer.len() && self.tidings() == Tidings::None => {
                    return Progress::Drained(len);
                }
                Ok(len) => return Progress::More(len),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Progress::Drained(0);
                }
                Err(error) => {
                    self.set(Flag::Ended);
                    return Progress::Lost(describe(error.kind()));
                }
            }
        }
    }

    /// Writes once. Gives back how many bytes have left.
    ///
    /// # Errors
    /// The connection is lost.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<usize, &'static str> {
        self.write_by(bytes.len(), |stream| stream.write(bytes))
    }

    /// Writes once, all chunks together, like [`Stream::write`].
    ///
    /// # Errors
    /// The connection is lost.
    pub(super) fn write_vectored(&mut self, chunks: &[IoSlice<'_>]) -> Result<usize, &'static str> {
        let len = chunks.iter().map(|chunk| chunk.len()).sum();
        self.write_by(len, |stream| stream.write_vectored(chunks))
    }

    fn write_by(
        &mut self,
        len: usize,
        mut write: impl FnMut(&mut TcpStream) -> io::Result<usize>,
    ) -> Result<usize, &'static str> {
        if !self.is_writable() || len == 0 {
            return Ok(0);
        }
        loop {
            match write(&mut self.stream) {
                Ok(written) => {
                    // A short write has filled the queue; room in it makes an edge.
                    if written < len {
                        self.clear(Flag::Writable);
                    }
                    return Ok(written);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.clear(Flag::Writable);
                    return Ok(0);
                }
                Err(error) => return Err(describe(error.kind())),
            }
        }
    }

    /// How many of the bytes that were written the peer has not taken.
    pub(super) fn queued_len(&self) -> usize {
        sys::queued_len(&self.stream)
    }

    /// Ends our half, once.
    pub(super) fn end_writing(&mut self) {
        if self.set(Flag::Shut) {
            // If it fails the connection is gone, which the next read tells.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }

    /// From here on the system keeps nothing for the peer when this is closed: up to 4 MiB
    /// otherwise, for as long as the peer says that it has no room (RFC 9293, 3.8.6.1). The
    /// connection is reset, if anything is left of what was written.
    pub(super) fn abandon(&self) {
        if self.queued_len() > 0 {
            // Where that fails, the system keeps it.
            let _ = sys::reset_on_close(&self.stream);
        }
    }

    /// The system told that a write may move bytes. Gives back whether that is news.
    pub(super) const fn set_writable(&mut self) -> bool {
        self.set(Flag::Writable)
    }

    /// It is put in the list of those to be read. Gives back whether it was not there yet:
    /// whoever stood there twice would get twice its share.
    pub(super) const fn set_reading(&mut self) -> bool {
        self.set(Flag::Reading)
    }

    /// It was taken from that list.
    pub(super) const fn clear_reading(&mut self) {
        self.clear(Flag::Reading);
    }

    /// It is put in the list of those to be written to. Returns whether it was not there yet.
    pub(super) const fn set_writing(&mut self) -> bool {
        self.set(Flag::Writing)
    }

    /// It was taken from that list.
    pub(super) const fn clear_writing(&mut self) {
        self.clear(Flag::Writing);
    }

    /// Whether it is in that list.
    #[must_use]
    pub(super) const fn is_writing(&self) -> bool {
        self.has(Flag::Writing)
    }

    /// The system told something of the peer's end.
    pub(super) const fn set_tidings(&mut self, tidings: Tidings) {
        match tidings {
            Tidings::None => {}
            Tidings::Ending => _ = self.set(Flag::Ending),
            Tidings::Lost => _ = self.set(Flag::Lost),
        }
    }

    /// What the system has told of the peer's end.
    pub(super) const fn tidings(&self) -> Tidings {
        if self.has(Flag::Lost) {
            return Tidings::Lost;
        }
        if self.has(Flag::Ending) { Tidings::Ending } else { Tidings::None }
    }

    /// Whether a write may move bytes.
    #[must_use]
    pub(super) const fn is_writable(&self) -> bool {
        self.has(Flag::Writable)
    }

    /// The connection as a source of events.
    pub(super) const fn source(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// From here on it is so. Gives back whether that is news.
    const fn set(&mut self, flag: Flag) -> bool {
        let news = !self.has(flag);
        self.flags |= flag as u8;
        news
    }

    const fn clear(&mut self, flag: Flag) {
        self.flags &= !(flag as u8);
    }

    const fn has(&self, flag: Flag) -> bool {
        self.flags & flag as u8 != 0
    }
}

/// The end of a socket's number: enough to tell apart the sockets that one place has within two
/// turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SerialEnd([u8; 3]);

impl SerialEnd {
    const fn of(id: SocketId) -> Self {
        let [a, b, c, ..] = id.serial().to_le_bytes();
        Self([a, b, c])
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

//! `Stream`: one connection without blocking. Would-block stays in here: a read or write that
//! would block has simply moved nothing.

use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;

/// One connection.
#[derive(Debug)]
pub struct Stream {
    stream: TcpStream,
    /// Whether a write may move bytes; an edge tells when it may again.
    writable: bool,
    /// Whether the system has told that the peer ended its half, so that a read which is
    /// short is not the last one.
    ending: bool,
    /// Whether nothing comes any more.
    ended: bool,
    /// Whether our half has been ended.
    shut: bool,
}

/// What a read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
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
    pub const fn new(stream: TcpStream) -> Self {
        Self { stream, writable: true, ending: false, ended: false, shut: false }
    }

    /// Reads once.
    pub fn read(&mut self, buffer: &mut [u8]) -> Progress {
        if self.ended {
            return Progress::Drained(0);
        }
        loop {
            match self.stream.read(buffer) {
                Ok(0) => {
                    self.ended = true;
                    return Progress::End;
                }
                // A short read has emptied the queue; what comes after it makes an edge. Only
                // an end that was there before it does not.
                Ok(len) if len < buffer.len() && !self.ending => return Progress::Drained(len),
                Ok(len) => return Progress::More(len),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Progress::Drained(0);
                }
                Err(error) => {
                    self.ended = true;
                    return Progress::Lost(describe(error.kind()));
                }
            }
        }
    }

    /// Writes once, all chunks together. Gives back how many bytes have left.
    ///
    /// # Errors
    /// The connection is lost.
    pub fn write(&mut self, chunks: &[IoSlice<'_>]) -> Result<usize, &'static str> {
        let len: usize = chunks.iter().map(|chunk| chunk.len()).sum();
        if !self.writable || len == 0 {
            return Ok(0);
        }
        loop {
            let written = match chunks {
                [chunk] => self.stream.write(chunk),
                chunks => self.stream.write_vectored(chunks),
            };
            match written {
                Ok(written) => {
                    // A short write has filled the queue; room in it makes an edge.
                    self.writable = written == len;
                    return Ok(written);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.writable = false;
                    return Ok(0);
                }
                Err(error) => return Err(describe(error.kind())),
            }
        }
    }

    /// Ends our half, once.
    pub fn end_writing(&mut self) {
        if !self.shut {
            self.shut = true;
            // If it fails the connection is gone, which the next read tells.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }

    /// The system told that a write may move bytes.
    pub const fn set_writable(&mut self) {
        self.writable = true;
    }

    /// The system told that the peer has ended its half.
    pub const fn set_ending(&mut self) {
        self.ending = true;
    }

    /// Whether a write may move bytes.
    #[must_use]
    pub const fn is_writable(&self) -> bool {
        self.writable
    }

    /// The connection as a source of events.
    pub const fn source(&mut self) -> &mut TcpStream {
        &mut self.stream
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

//! `ParentLink`: the parent's end of the link to a child. Nothing here waits.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;

use crate::prefork::line::{LinkFault, LinkLine, LinkReader};

/// Reads and writes lines. The child may be slow, or hang.
#[derive(Debug)]
pub(super) struct ParentLink {
    stream: UnixStream,
    reader: LinkReader,
    /// It has sent what is no line, and is not read any more.
    is_faulty: bool,
    /// What the system has not taken.
    unsent: Vec<u8>,
}

impl ParentLink {
    /// For this end.
    ///
    /// # Errors
    /// The error of the system.
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, reader: LinkReader::default(), is_faulty: false, unsent: Vec::new() })
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    /// Queues a line for the next [`flush`](Self::flush), unless the queue is full. Returns whether
    /// the line is queued.
    pub(super) fn send(&mut self, line: &[u8]) -> bool {
        if self.unsent.len() >= TOGETHER_BYTES {
            self.flush();
        }
        if self.unsent.len() >= UNSENT_BYTES_MAX {
            return false;
        }
        self.unsent.extend_from_slice(line);
        true
    }

    /// Sends what waits, as far as the system takes it.
    pub(super) fn flush(&mut self) {
        let mut sent = 0;
        while sent < self.unsent.len() {
            match self.stream.write(&self.unsent[sent..]) {
                Ok(len) => sent += len,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // If the child has gone, its exit comes.
                Err(_) => break,
            }
        }
        self.unsent.drain(..sent);
        if self.unsent.is_empty() {
            self.unsent = Vec::new();
        }
    }

    /// Reads what has come, as much as a turn takes. Returns whether there may be more.
    pub(super) fn read(&mut self) -> bool {
        if self.is_faulty {
            return false;
        }
        let mut bytes = [0; 16 << 10];
        for _ in 0..READS_MAX {
            match self.stream.read(&mut bytes) {
                Ok(0) => return false,
                Ok(len) => self.reader.push(&bytes[..len]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// The next line that was read.
    ///
    /// # Errors
    /// The child has sent something else. There is no line after that, and no second error.
    pub(super) fn next(&mut self) -> Result<Option<LinkLine>, LinkFault> {
        if self.is_faulty {
            return Ok(None);
        }
        let line = self.reader.next_line();
        self.is_faulty = line.is_err();
        line
    }
}

/// Lines are written together until they have so many bytes.
const TOGETHER_BYTES: usize = 16 << 10;
/// What waits for a child may exceed this by one line.
const UNSENT_BYTES_MAX: usize = 1 << 20;
const READS_MAX: usize = 64;

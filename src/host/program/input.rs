//! `Input`: the standard input of a child. What is to be written is collected here and written
//! as far as the pipe takes it, which is told by edges; nothing ever waits.

use std::io::{ErrorKind, Write};
use std::process::ChildStdin;

use mio::unix::pipe::Sender;

/// The writing end of a pipe, and what waits for it.
#[derive(Debug)]
pub(super) struct Input {
    /// `None` once it has been closed, by either side.
    pipe: Option<Sender>,
    unwritten: Vec<u8>,
    /// Where in that the pipe goes on.
    at: usize,
    /// How much the pipe has taken in all.
    written: u64,
    /// Whether the pipe may take more; an edge tells when it does again.
    writable: bool,
    /// Whether it is closed as soon as all has been written.
    closing: bool,
}

impl Input {
    pub(super) fn new(pipe: ChildStdin) -> Self {
        Self {
            pipe: Some(pipe.into()),
            unwritten: Vec::new(),
            at: 0,
            written: 0,
            writable: true,
            closing: false,
        }
    }

    /// Where what is to be written is appended; `None` once nothing more can be.
    pub(super) fn end(&mut self) -> Option<&mut Vec<u8>> {
        self.is_open().then_some(&mut self.unwritten)
    }

    /// Writes until nothing is left or the pipe is full, and shows what the pipe has taken. Gives
    /// back whether the child reads no more, which is told once.
    pub(super) fn flush(&mut self, mut show: impl FnMut(&[u8])) -> bool {
        let Some(pipe) = &mut self.pipe else { return false };
        while self.writable && self.at < self.unwritten.len() {
            match pipe.write(&self.unwritten[self.at..]) {
                Ok(len) => {
                    show(&self.unwritten[self.at..self.at + len]);
                    self.at += len;
                    self.written += len as u64;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.discard();
                    return true;
                }
            }
        }
        self.compact();
        if self.closing && self.unwritten.is_empty() {
            self.pipe = None;
        }
        false
    }

    /// Closes the pipe once all has been written.
    pub(super) const fn close(&mut self) {
        self.closing = true;
    }

    /// Closes the pipe, whatever has not been written.
    pub(super) fn discard(&mut self) {
        self.pipe = None;
        (self.unwritten, self.at) = (Vec::new(), 0);
    }

    /// The pipe has room again, or nobody reads it, which the next write finds out.
    pub(super) const fn set_writable(&mut self) {
        self.writable = true;
    }

    /// Whether more may be appended.
    pub(super) const fn is_open(&self) -> bool {
        self.pipe.is_some() && !self.closing
    }

    /// Whether a write would do something.
    pub(super) fn has_work(&self) -> bool {
        self.pipe.is_some() && self.writable && (self.closing || !self.unwritten.is_empty())
    }

    pub(super) fn unwritten_len(&self) -> usize {
        self.unwritten.len() - self.at
    }

    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    pub(super) const fn source(&mut self) -> Option<&mut Sender> {
        self.pipe.as_mut()
    }

    /// Forgets what has been written, at a cost in proportion to it.
    fn compact(&mut self) {
        if self.at == self.unwritten.len() {
            self.unwritten.clear();
            // What a long message needed is given back.
            self.unwritten.shrink_to(KEPT_BYTES);
            self.at = 0;
        } else if self.at > self.unwritten.len() / 2 {
            self.unwritten.drain(..self.at);
            self.at = 0;
        }
    }
}

/// How much memory stays for the next messages.
const KEPT_BYTES: usize = 65_536;

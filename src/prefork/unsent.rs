//! `UnsentLines`: what waits until the system takes it, at either end of a link.

use std::io::{self, ErrorKind, Write};
use std::os::unix::net::UnixStream;

/// Lines on their way to the other end. The first of them may have left in part.
#[derive(Debug, Default)]
pub(super) struct UnsentLines(Vec<u8>);

impl UnsentLines {
    pub(super) fn push(&mut self, line: &[u8]) {
        self.0.extend_from_slice(line);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there are as many as one call of the system is to take.
    pub(super) const fn are_many(&self) -> bool {
        self.0.len() >= TOGETHER_BYTES
    }

    /// Whether no line is to be added that can be left out.
    pub(super) const fn is_full(&self) -> bool {
        self.0.len() >= UNSENT_BYTES_MAX
    }

    /// Sends them over a link without blocking, as far as the system takes them.
    ///
    /// # Errors
    /// The other end has gone.
    pub(super) fn send(&mut self, mut link: &UnixStream) -> io::Result<()> {
        let mut sent = 0;
        let sending = loop {
            if sent == self.0.len() {
                break Ok(());
            }
            match link.write(&self.0[sent..]) {
                Ok(len) => sent += len,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.0.drain(..sent);
        if self.0.is_empty() && self.0.capacity() > KEPT_BYTES_MAX {
            self.0 = Vec::new();
        }
        sending
    }
}

/// Lines are sent together until they have so many bytes.
const TOGETHER_BYTES: usize = 16 << 10;
/// What waits for the other end may exceed this by one line.
const UNSENT_BYTES_MAX: usize = 1 << 20;
/// The capacity that is kept for further lines.
const KEPT_BYTES_MAX: usize = 64 << 10;

//! `UnsentLines`: what waits until the system takes it, at either end of a link.

use std::io::{self, ErrorKind, Write};

/// Lines on their way to the other end. The first of them may have left in part.
#[derive(Debug, Default)]
pub(super) struct UnsentLines {
    bytes: Vec<u8>,
    /// How many of them have left.
    sent: usize,
}

impl UnsentLines {
    pub(super) fn push(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    const fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Whether there are as many as one call of the system is to take.
    pub(super) const fn are_many(&self) -> bool {
        self.len() >= TOGETHER_BYTES
    }

    /// Whether no line is to be added that can be left out.
    pub(super) const fn is_full(&self) -> bool {
        self.len() >= UNSENT_BYTES_MAX
    }

    /// Sends them over a link without blocking, as far as the system takes them.
    ///
    /// # Errors
    /// The other end has gone.
    pub(super) fn send(&mut self, mut link: impl Write) -> io::Result<()> {
        let sending = loop {
            if self.is_empty() {
                break Ok(());
            }
            match link.write(&self.bytes[self.sent..]) {
                Ok(len) => self.sent += len,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        // The rest is moved only when as much has left: a long line is not moved each time.
        if self.sent >= self.len() {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        }
        sending
    }
}

/// Lines are sent together until they have so many bytes.
const TOGETHER_BYTES: usize = 16 << 10;
/// What waits for the other end may exceed this by one line.
pub(super) const UNSENT_BYTES_MAX: usize = 1 << 20;
/// The capacity that is kept for further lines.
const KEPT_BYTES_MAX: usize = 64 << 10;

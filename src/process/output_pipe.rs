//! `OutputPipe`: the standard output of a child, or its standard error. It is read whenever there
//! is something, so that no child waits for us while we wait for it.

use std::io::{ErrorKind, Read};

use mio::unix::pipe::Receiver;

/// The reading end of a pipe.
#[derive(Debug)]
pub(super) struct OutputPipe {
    /// `None` once it has ended.
    pipe: Option<Receiver>,
    /// Whether a read may move bytes; an edge tells when it may again.
    readable: bool,
    /// Whether it has no writer any more. After that, a short read is not the last one.
    hung_up: bool,
    /// How much is still read from it, once its child has gone.
    left: Option<usize>,
    /// Whether it is not to be read now, so that the child has to wait.
    pub(super) paused: bool,
}

/// The result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PipeRead {
    /// So many bytes.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// Nothing ever again.
    End,
}

impl OutputPipe {
    pub(super) const fn new(pipe: Receiver) -> Self {
        Self { pipe: Some(pipe), readable: true, hung_up: false, left: None, paused: false }
    }

    /// Reads once.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> PipeRead {
        let room = self.left.unwrap_or(buffer.len()).min(buffer.len());
        let Some(pipe) = &mut self.pipe else { return PipeRead::End };
        if !self.readable || self.paused {
            return PipeRead::Nothing;
        }
        let len = loop {
            match pipe.read(&mut buffer[..room]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.readable = false;
                    // All output of the child is in the pipe when it exits. Another process may
                    // hold the pipe open, and is not waited for.
                    if self.left.is_some() {
                        break 0;
                    }
                    return PipeRead::Nothing;
                }
                Ok(len) => break len,
                Err(_) => break 0,
            }
        };
        if len == 0 {
            self.pipe = None;
            return PipeRead::End;
        }
        self.left = self.left.map(|left| left - len);
        // A short read has emptied the pipe, and what comes next is an edge.
        self.readable = len == room || self.hung_up || self.left.is_some();
        PipeRead::Bytes(len)
    }

    /// The child has exited: what is in the pipe is its last.
    pub(super) fn set_last(&mut self) {
        if self.left.is_none() {
            (self.readable, self.left) = (true, Some(PIPE_BYTES_MAX));
        }
    }

    /// There is something to read.
    pub(super) const fn set_readable(&mut self) {
        self.readable = true;
    }

    /// It has no writer any more.
    pub(super) const fn set_hung_up(&mut self) {
        (self.readable, self.hung_up) = (true, true);
    }

    /// Whether a read would do something.
    pub(super) const fn has_work(&self) -> bool {
        self.pipe.is_some() && self.readable && !self.paused
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.pipe.is_none()
    }

    pub(super) const fn source(&mut self) -> Option<&mut Receiver> {
        self.pipe.as_mut()
    }
}

/// What a pipe holds at most, unless the system's administrator wants it otherwise.
const PIPE_BYTES_MAX: usize = 1_048_576;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use mio::unix::pipe;

    use super::*;

    #[test]
    fn what_is_said_after_the_exit_has_an_end() {
        let (mut sender, receiver) = pipe::new().expect("there are descriptors");
        let mut output = OutputPipe::new(receiver);
        output.set_last();
        let (mut buffer, mut heard) = ([0; 4_096], 0);
        // A writer that never lets the pipe become empty.
        let end = loop {
            sender.write_all(&[b'x'; 4_096]).expect("there is space");
            match output.read(&mut buffer) {
                PipeRead::Bytes(len) => heard += len,
                end @ (PipeRead::Nothing | PipeRead::End) => break end,
            }
            assert!(output.has_work() && heard <= PIPE_BYTES_MAX);
        };
        assert_eq!((end, heard), (PipeRead::End, PIPE_BYTES_MAX));
        assert!(output.has_ended() && !output.has_work());
    }

    #[test]
    fn an_empty_pipe_is_at_its_end_once_the_child_has_gone() {
        let (_sender, receiver) = pipe::new().expect("there are descriptors");
        let mut output = OutputPipe::new(receiver);
        assert_eq!(output.read(&mut [0; 10]), PipeRead::Nothing);
        assert!(!output.has_work());
        output.set_last();
        assert_eq!(output.read(&mut [0; 10]), PipeRead::End);
        assert_eq!(output.read(&mut [0; 10]), PipeRead::End);
    }

    #[test]
    fn the_end_is_seen_behind_a_short_read() {
        let (mut sender, receiver) = pipe::new().expect("there are descriptors");
        let mut output = OutputPipe::new(receiver);
        sender.write_all(b"bye").expect("there is space");
        drop(sender);
        output.set_hung_up();
        assert_eq!(output.read(&mut [0; 10]), PipeRead::Bytes(3));
        assert!(output.has_work());
        assert_eq!(output.read(&mut [0; 10]), PipeRead::End);
    }
}

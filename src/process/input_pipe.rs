//! `InputPipe`: the standard input of a child. Bytes are collected here and written as far as the
//! pipe takes them, at its edges; no call blocks.
//!
//! The number of bytes that the child has read is always known, also after its death: one end of
//! the pipe is kept open until then, since the system reports the number only while one is.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::ChildStdin;

use mio::unix::pipe::Sender;

use crate::sys::children;

/// The writing end of a pipe, and the bytes that wait for it.
#[derive(Debug)]
pub(super) struct InputPipe {
    end: InputEnd,
    unwritten: Vec<u8>,
    /// How many of these bytes have been written.
    at: usize,
    /// How often in a row it needed less memory than it has.
    short_rounds: u32,
    /// How much the pipe has taken in all.
    written: u64,
    /// Whether the pipe may take more; an edge follows when it does again.
    writable: bool,
}

/// Our end of the pipe.
#[derive(Debug)]
enum InputEnd {
    Held(Sender, WritePhase),
    /// It is closed. The child may still read; the other end shows that.
    Closed(File),
    /// The child reads no more of it, or has read all. So much never was.
    Gone {
        unread: u64,
    },
}

/// Why an end is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WritePhase {
    /// More may be appended.
    Open,
    /// It is closed as soon as all has been written.
    Closing,
    /// All has been written, and it is closed once the child has read all.
    Lingering,
    /// Nothing more is written. It is there to know what is read.
    Abandoned,
}

impl InputPipe {
    pub(super) fn new(pipe: ChildStdin) -> Self {
        Self {
            end: InputEnd::Held(pipe.into(), WritePhase::Open),
            unwritten: Vec::new(),
            at: 0,
            short_rounds: 0,
            written: 0,
            writable: true,
        }
    }

    /// Where what is to be written is appended; `None` once nothing more can be.
    pub(super) fn end(&mut self) -> Option<&mut Vec<u8>> {
        if !self.is_open() {
            return None;
        }
        // At a cost in proportion to what has been written. What is not followed by anything is
        // never moved.
        if self.at > self.unwritten.len() / 2 {
            self.unwritten.drain(..self.at);
            self.at = 0;
        }
        Some(&mut self.unwritten)
    }

    /// Writes until nothing is left or the pipe is full, and records what the pipe has taken.
    /// Returns whether the child reads no more; that is returned once.
    pub(super) fn flush(&mut self, mut show: impl FnMut(&[u8])) -> bool {
        let InputEnd::Held(pipe, phase) = &mut self.end else { return false };
        let phase = *phase;
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
        if self.at == self.unwritten.len() {
            self.clear();
            if phase == WritePhase::Closing {
                self.end_writing();
            }
        }
        false
    }

    /// Closes the pipe once all has been written.
    pub(super) fn close(&mut self) {
        self.pass(WritePhase::Open, WritePhase::Closing);
    }

    /// Writes nothing more, though the child may still read what is in the pipe.
    pub(super) fn abandon(&mut self) {
        if let InputEnd::Held(_, phase) = &mut self.end {
            *phase = WritePhase::Abandoned;
        }
        (self.unwritten, self.at) = (Vec::new(), 0);
    }

    /// Closes the pipe finally: it has no reader any more.
    pub(super) fn discard(&mut self) {
        self.abandon();
        self.end = InputEnd::Gone { unread: self.unread() };
    }

    /// The pipe has space again, or no reader; the next write shows which.
    pub(super) const fn set_writable(&mut self) {
        self.writable = true;
    }

    /// Whether it is held open until the child has read all; there is no event for that.
    pub(super) const fn is_lingering(&self) -> bool {
        matches!(self.end, InputEnd::Held(_, WritePhase::Lingering))
    }

    /// The child may have read all by now, which the next flush finds out.
    pub(super) fn look_again(&mut self) {
        self.pass(WritePhase::Lingering, WritePhase::Closing);
    }

    /// Whether more may be appended.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.end, InputEnd::Held(_, WritePhase::Open))
    }

    /// Whether a write would do something.
    pub(super) const fn has_work(&self) -> bool {
        let InputEnd::Held(_, phase) = &self.end else { return false };
        let has_to_write = match phase {
            WritePhase::Open => !self.unwritten.is_empty(),
            WritePhase::Closing => true,
            WritePhase::Lingering | WritePhase::Abandoned => false,
        };
        self.writable && has_to_write
    }

    pub(super) fn unwritten_len(&self) -> usize {
        self.unwritten.len() - self.at
    }

    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// How much of that the child has read.
    pub(super) fn read(&self) -> u64 {
        self.written.saturating_sub(self.unread())
    }

    pub(super) const fn source(&mut self) -> Option<&mut Sender> {
        match &mut self.end {
            InputEnd::Held(pipe, _) => Some(pipe),
            InputEnd::Closed(_) | InputEnd::Gone { .. } => None,
        }
    }

    fn pass(&mut self, from: WritePhase, to: WritePhase) {
        if let InputEnd::Held(_, phase) = &mut self.end
            && *phase == from
        {
            *phase = to;
        }
    }

    fn unread(&self) -> u64 {
        match &self.end {
            InputEnd::Held(pipe, _) => children::unread_len(pipe),
            InputEnd::Closed(rest) => children::unread_len(rest),
            InputEnd::Gone { unread } => *unread,
        }
    }

    /// Closes our end, so that the child sees the end of its input. Unless the child has read all,
    /// the other end is opened. That does not hide the end from the child, and the number of unread
    /// bytes can still be asked for. Without `/proc`, or without a free descriptor, our end is held
    /// until the child has read all, and the child sees the end only then.
    fn end_writing(&mut self) {
        let InputEnd::Held(pipe, phase) = &mut self.end else { return };
        if children::unread_len(pipe) == 0 {
            self.end = InputEnd::Gone { unread: 0 };
            return;
        }
        let path = format!("{}/{}", children::OWN_DESCRIPTORS, pipe.as_raw_fd());
        match OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path) {
            Ok(rest) => self.end = InputEnd::Closed(rest),
            Err(_) => *phase = WritePhase::Lingering,
        }
    }

    /// All has been written. The memory for long messages is kept while they come, since fresh
    /// pages cost as much as the pipe. It is freed once enough shorter messages have come in a row.
    fn clear(&mut self) {
        if self.unwritten.len() > KEPT_BYTES {
            self.short_rounds = 0;
        } else if self.unwritten.capacity() > KEPT_BYTES && !self.unwritten.is_empty() {
            self.short_rounds += 1;
            if self.short_rounds >= SHORT_ROUNDS_MAX {
                self.unwritten = Vec::with_capacity(KEPT_BYTES);
            }
        }
        self.unwritten.clear();
        self.at = 0;
    }
}

/// How much memory stays for the next messages, however short they are.
const KEPT_BYTES: usize = 65_536;
/// How often in a row less than that is written before the memory above it is freed.
const SHORT_ROUNDS_MAX: u32 = 16;

#[cfg(test)]
mod tests {
    use std::io::{self, PipeReader, Read};
    use std::os::fd::OwnedFd;

    use super::*;

    /// The input of a child that reads all of it.
    fn input() -> (InputPipe, PipeReader) {
        let (reader, writer) = io::pipe().expect("there are descriptors");
        let mut input = InputPipe::new(OwnedFd::from(writer).into());
        let pipe = input.source().expect("it is open");
        pipe.set_nonblocking(true).expect("it is a pipe");
        (input, reader)
    }

    /// Writes so many bytes to it; returns what has come, once all has.
    fn tell(input: &mut InputPipe, reader: &mut PipeReader, bytes: &[u8]) -> Vec<u8> {
        let (before, mut read) = (input.written(), Vec::new());
        input.end().expect("it is open").extend_from_slice(bytes);
        while read.len() < bytes.len() {
            input.set_writable();
            assert!(!input.flush(|_| {}), "somebody reads");
            let come = usize::try_from(input.written() - before).expect("it fits") - read.len();
            let start = read.len();
            read.resize(start + come, 0);
            reader.read_exact(&mut read[start..]).expect("it has been written");
        }
        read
    }

    #[test]
    fn memory_is_kept_while_long_messages_come_and_then_given_back() {
        let (mut input, mut reader) = input();
        let long: Vec<u8> = (0..1_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        for _ in 0..3 {
            assert_eq!(tell(&mut input, &mut reader, &long), long);
            for _ in 1..SHORT_ROUNDS_MAX {
                assert!(input.unwritten.capacity() >= long.len());
                assert_eq!(tell(&mut input, &mut reader, b"short"), b"short");
            }
        }
        tell(&mut input, &mut reader, b"short");
        assert_eq!(input.unwritten.capacity(), KEPT_BYTES);
    }

    #[test]
    fn what_has_been_written_makes_room_for_what_follows() {
        let (mut input, mut reader) = input();
        let part = vec![b'x'; 40_000];
        let (mut told, mut read) = (0, vec![0; 40_000]);
        for _ in 0..100 {
            while input.unwritten_len() < 100_000 {
                input.end().expect("it is open").extend_from_slice(&part);
                told += part.len();
            }
            input.set_writable();
            input.flush(|_| {});
            assert!(input.unwritten_len() > 0, "the pipe holds less");
            assert_eq!(input.written() + input.unwritten_len() as u64, told as u64);
            assert!(input.unwritten.len() <= 300_000, "{}", input.unwritten.len());
            reader.read_exact(&mut read).expect("there is as much");
        }
    }

    /// The number of read bytes is known in each state of our end.
    #[test]
    fn what_has_been_read_stays_known() {
        let read_by = |end: fn(&mut InputPipe)| {
            let (mut input, mut reader) = input();
            input.end().expect("it is open").extend_from_slice(b"four");
            input.flush(|_| {});
            end(&mut input);
            assert!(input.end().is_none() && !input.is_open());
            input.flush(|_| {});
            assert_eq!(input.read(), 0);
            reader.read_exact(&mut [0; 3]).expect("it has been written");
            assert_eq!(input.read(), 3);
            (input, reader)
        };
        let ends: [fn(&mut InputPipe); 2] = [InputPipe::close, InputPipe::abandon];
        for end in ends {
            let (mut input, reader) = read_by(end);
            assert!(!input.has_work());
            drop(reader);
            input.discard();
            assert_eq!(input.read(), 3);
        }
        // As without /proc.
        let linger = |input: &mut InputPipe| {
            input.close();
            input.pass(WritePhase::Closing, WritePhase::Lingering);
        };
        let (mut input, mut reader) = read_by(linger);
        assert!(input.is_lingering() && !input.has_work());
        assert_eq!(reader.read(&mut [0; 9]).expect("it has been written"), 1);
        input.look_again();
        assert!(input.has_work());
        input.flush(|_| {});
        assert_eq!(reader.read(&mut [0; 9]).expect("it has ended"), 0);
        assert_eq!(input.read(), 4);
    }
}

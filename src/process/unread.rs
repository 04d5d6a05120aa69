//! `UnreadLines`: the input lines that a program may not have read yet. Their bytes are kept as a
//! second copy beside the input buffer. So inputs of programs that keep nothing do not change.

use std::collections::VecDeque;
use std::mem;

use crate::service::SocketId;

/// Lines, the oldest first.
#[derive(Debug, Default)]
pub(super) struct UnreadLines {
    bytes: Vec<u8>,
    lines: VecDeque<UnreadLine>,
    /// The position of the first byte, among all input bytes.
    begin: u64,
    /// How many of the bytes have been dropped.
    gone: usize,
    /// How many bytes were left at the last check.
    left: usize,
}

/// The kind of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineSubject {
    /// OPEN of a socket that no program has had before.
    Open(SocketId),
    /// TEXT or BIN.
    Data(SocketId),
    /// FULL, with its bytes.
    Full(SocketId, usize),
    /// DRAIN.
    Drained(SocketId),
    /// CLOSE.
    Close(SocketId),
    /// Lines for this run of the program only: HELLO, ASK, ERR, RELOAD, STOP, and the OPEN of a
    /// socket that an earlier run had.
    Passing,
}

#[derive(Clone, Copy, Debug)]
struct UnreadLine {
    /// The position of its end, among all input bytes.
    end: u64,
    what: LineSubject,
}

impl UnreadLines {
    /// Adds a line, whose bytes are appended by `write`; returns them.
    pub(super) fn add(&mut self, what: LineSubject, write: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.lines.push_back(UnreadLine { end: self.begin + self.bytes.len() as u64, what });
        &self.bytes[start..]
    }

    /// Whether so much is held that a check of the read bytes is worth it: twice what was left the
    /// last time, so that the number of checks is in proportion to the input.
    pub(super) fn is_long(&self) -> bool {
        self.bytes.len() - self.gone >= LONG_BYTES.max(2 * self.left)
    }

    /// So many of all input bytes have been read. Drops the lines that have been read to their end,
    /// and passes their kinds to the caller.
    pub(super) fn read_up_to(&mut self, read: u64, mut forget: impl FnMut(LineSubject)) {
        while let Some(line) = self.lines.front().filter(|line| line.end <= read).copied() {
            self.lines.pop_front();
            self.gone = self.place(line.end);
            forget(line.what);
        }
        self.left = self.bytes.len() - self.gone;
        // At a cost in proportion to the input.
        if self.gone > self.bytes.len() / 2 {
            self.bytes.drain(..self.gone);
            self.bytes.shrink_to(LONG_BYTES);
            self.begin += mem::take(&mut self.gone) as u64;
        }
    }

    /// The lines that are left.
    pub(super) fn lines(&self) -> impl Iterator<Item = (LineSubject, &[u8])> {
        let ends = self.lines.iter().map(|line| self.place(line.end));
        let starts = std::iter::once(self.gone).chain(ends.clone());
        self.lines
            .iter()
            .zip(starts.zip(ends))
            .map(|(l, (start, end))| (l.what, &self.bytes[start..end]))
    }

    /// Where the bytes are that end there.
    fn place(&self, end: u64) -> usize {
        usize::try_from(end.saturating_sub(self.begin)).unwrap_or(usize::MAX)
    }
}

/// Less than this is held without a check. A pipe holds as much.
const LONG_BYTES: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    fn id(serial: u64) -> SocketId {
        SocketId::new(0, serial).expect("it is one")
    }

    fn words(unread: &UnreadLines) -> Vec<&str> {
        let words = unread.lines().map(|(_, line)| std::str::from_utf8(line).expect("it is text"));
        words.collect()
    }

    #[test]
    fn a_line_goes_when_its_last_byte_has_been_read() {
        let mut unread = UnreadLines::default();
        for (serial, text) in (1..).zip(["one\n", "two\n", "three\n"]) {
            let line =
                unread.add(LineSubject::Data(id(serial)), |bytes| bytes.extend(text.bytes()));
            assert_eq!(line, text.as_bytes());
        }
        let rows = [
            (0, vec!["one\n", "two\n", "three\n"]),
            (3, vec!["one\n", "two\n", "three\n"]),
            (4, vec!["two\n", "three\n"]),
            (13, vec!["three\n"]),
            (14, vec![]),
        ];
        for (read, left) in rows {
            unread.read_up_to(read, |_| {});
            assert_eq!(words(&unread), left, "after {read} bytes");
        }
        unread.add(LineSubject::Passing, |bytes| bytes.extend(b"four\n"));
        unread.read_up_to(18, |what| panic!("it is not read to its end: {what:?}"));
        assert_eq!(words(&unread), ["four\n"]);
    }

    #[test]
    fn what_is_held_is_what_may_be_unread() {
        let mut unread = UnreadLines::default();
        let (mut told, mut asked) = (0_u64, 0);
        for number in 0..100_000_u64 {
            let text = format!("TEXT {number} +1\nx\n");
            told += text.len() as u64;
            unread.add(LineSubject::Data(id(number)), |bytes| bytes.extend(text.bytes()));
            // The program is 1,000 bytes behind.
            if unread.is_long() {
                asked += 1;
                unread.read_up_to(told - 1_000, |_| {});
            }
            assert!(unread.bytes.capacity() <= 4 * LONG_BYTES, "{}", unread.bytes.capacity());
        }
        assert!((20..60).contains(&asked), "the system is asked {asked} times");
    }
}

//! `Records`: space in which records are made. It is initialized once: otherwise a short record
//! would cost as much as the longest.

/// Records that are to be sent, one behind the other.
#[derive(Debug, Default)]
pub struct Records {
    /// The records, followed by bytes without a meaning.
    space: Vec<u8>,
    /// The length of all records.
    len: usize,
    /// Where the last one begins.
    last: usize,
}

impl Records {
    /// Drops the records, and keeps the space.
    pub const fn clear(&mut self) {
        (self.len, self.last) = (0, 0);
    }

    /// Adds what `write` puts at the beginning of the space that it gets, and whose length it
    /// returns. The space has at least `len_max` bytes. Returns whether `write` returned a length.
    pub fn append(
        &mut self,
        len_max: usize,
        write: impl FnOnce(&mut [u8]) -> Option<usize>,
    ) -> bool {
        let space_len = self.len + len_max;
        if self.space.len() < space_len {
            self.space.resize(space_len, 0);
        }
        let Some(written) = write(&mut self.space[self.len..]) else { return false };
        self.last = self.len;
        self.len += written;
        true
    }

    /// Whether the last record is an alert (RFC 8446, 6; RFC 5246, 7.2). TLS 1.3 encrypts it as a
    /// record of data. Only an alert is that short there: two bytes, one for the type, and 16 for
    /// the tag.
    pub(super) fn ends_with_alert(&self) -> bool {
        matches!(self.bytes()[self.last..], [21, ..] | [23, _, _, 0, 19, ..])
    }

    /// The bytes of all records.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.space[..self.len]
    }
}

//! `Waiting`: the bytes of a TLS connection that wait for the rest of a record, or for the system.

/// What one connection keeps only while bytes wait.
#[derive(Default)]
pub(super) struct Waiting {
    /// Bytes of the client that make no whole record or message yet.
    pub(super) rest: Vec<u8>,
    /// Plain bytes that came in one read with the end of the handshake. The next read returns them.
    pub(super) early: Vec<u8>,
    /// Records, or the rest of one, that the system has not taken.
    pub(super) unsent: Vec<u8>,
    /// How many plain bytes were encrypted, and do not count as written to the caller yet.
    pub(super) owed: usize,
    /// The last record with plain bytes among them.
    pub(super) last: LastRecord,
    /// The length of the answers of TLS itself that wait behind it. They contain no plain bytes.
    pub(super) behind: usize,
}

/// The last record of a write that the system has not taken whole.
#[derive(Clone, Copy, Default)]
pub(super) struct LastRecord {
    /// Its length.
    len: u16,
    /// How many plain bytes it contains.
    plain: u16,
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        let Self { rest, early, unsent, owed, .. } = self;
        rest.is_empty() && early.is_empty() && unsent.is_empty() && *owed == 0
    }

    /// Returns how many of the plain bytes that are owed have left, and how many have not. Only the
    /// latter are owed after that.
    pub(super) fn settle(&mut self) -> (usize, usize) {
        let LastRecord { len, plain } = self.last;
        let left = match self.unsent.len().saturating_sub(self.behind) {
            0 => 0,
            // Of two records, the first has left.
            unsent if unsent <= len as usize => self.owed.min(plain as usize),
            _ => self.owed,
        };
        let before = std::mem::replace(&mut self.owed, left);
        (before - left, left)
    }
}

impl LastRecord {
    pub(super) fn new(len: usize, plain: usize) -> Self {
        let short = |len| u16::try_from(len).expect("a record is shorter than 64 KiB");
        Self { len: short(len), plain: short(plain) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_bytes_are_owed_until_their_record_has_left() {
        // Two records: 16,384 plain bytes in 16,406, and 4 in 26.
        for (unsent_len, settled) in [
            (16_432, (0, 16_388)),
            (27, (0, 16_388)),
            (26, (16_384, 4)),
            (1, (16_384, 4)),
            (0, (16_388, 0)),
        ] {
            let last = LastRecord::new(26, 4);
            let unsent = vec![0; unsent_len];
            let mut waiting = Waiting { unsent, owed: 16_388, last, ..Waiting::default() };
            assert_eq!(waiting.settle(), settled, "{unsent_len}");
            assert_eq!(waiting.settle(), (0, settled.1), "{unsent_len}, again");
        }
    }

    #[test]
    fn records_of_no_plain_bytes_owe_nothing() {
        let last = LastRecord::new(26, 4);
        let mut waiting = Waiting { unsent: vec![0; 20], last, ..Waiting::default() };
        assert_eq!(waiting.settle(), (0, 0));
    }
}

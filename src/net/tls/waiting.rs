//! `Waiting`: what a TLS connection keeps while bytes wait for others, or for the system.

/// Bytes that wait for others, or for the system.
#[derive(Default)]
pub(super) struct Waiting {
    /// Bytes of the client that make no whole record or message yet.
    pub(super) rest: Vec<u8>,
    /// Plain bytes that came together with the end of the handshake: they are read next.
    pub(super) early: Vec<u8>,
    /// Records that the system has not taken.
    pub(super) unsent: Vec<u8>,
    /// How many plain bytes are in them, of which the caller does not know that they are written.
    pub(super) owed: usize,
    /// The last of them.
    pub(super) last: LastRecord,
    /// How long the answers of TLS itself are that wait behind it.
    pub(super) behind: usize,
}

/// The last record that was not taken whole.
#[derive(Clone, Copy, Default)]
pub(super) struct LastRecord {
    /// Its own bytes, at the end of those that wait.
    len: u16,
    /// The plain bytes in it.
    plain: u16,
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        let Self { rest, early, unsent, owed, .. } = self;
        rest.is_empty() && early.is_empty() && unsent.is_empty() && *owed == 0
    }

    /// Returns how many of the plain bytes that the caller does not know to be written are, and how
    /// many are not; these are owed from now on.
    pub(super) fn settle(&mut self) -> (usize, usize) {
        let LastRecord { len, plain } = self.last;
        let left = match self.unsent.len().saturating_sub(self.behind) {
            0 => 0,
            // One of two records has left.
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

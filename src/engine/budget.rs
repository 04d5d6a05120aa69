//! `Budget`: how much one turn of the loop may do for all sockets together. It counts calls, bytes
//! and deliveries and reads no clock, so that a repeated turn ends at the same point.

use crate::limits::Limits;

/// The rest of a turn's work, in approximate nanoseconds: a third each for reads, deliveries and
/// writes, so that none of them stops the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    reads: usize,
    deliveries: usize,
    writes: usize,
    /// How many bytes may still be read.
    read_bytes: usize,
    /// The share of one service in the deliveries.
    deliveries_max: usize,
}

impl Budget {
    /// A budget without limits, for work that has no next turn.
    pub(super) const ENDLESS: Self = Self::of(usize::MAX, usize::MAX);

    /// The budget of a whole turn, [`Limits::turn_work_max`].
    #[must_use]
    pub(super) const fn new(limits: &Limits) -> Self {
        Self::of(limits.turn_work_max, limits.turn_deliveries_max)
    }

    const fn of(work: usize, deliveries_max: usize) -> Self {
        let third = work.div_ceil(3);
        Self {
            reads: third,
            deliveries: third,
            writes: third,
            read_bytes: usize::MAX,
            deliveries_max,
        }
    }

    /// Reads end after so many bytes, also if there is time left.
    pub(super) const fn limit_read_bytes(&mut self, bytes_max: usize) {
        self.read_bytes = bytes_max;
    }

    /// Whether another socket may be read.
    #[must_use]
    pub(super) const fn may_read(&self) -> bool {
        self.reads > 0 && self.read_bytes > 0
    }

    /// Whether another socket may be written to.
    #[must_use]
    pub(super) const fn may_write(&self) -> bool {
        self.writes > 0
    }

    /// How many messages the next service may have put into outboxes; at 0 it has to wait for the
    /// next turn.
    #[must_use]
    pub(super) fn deliveries(&self) -> usize {
        self.deliveries.div_ceil(DELIVERY_WORK).min(self.deliveries_max)
    }

    /// A socket has its turn to be read.
    pub(super) const fn visit(&mut self) {
        self.reads = self.reads.saturating_sub(READ_WORK);
    }

    /// So many bytes of a socket were read.
    pub(super) const fn read(&mut self, bytes: usize) {
        self.reads = self.reads.saturating_sub(bytes / WORK_BYTES);
        self.read_bytes = self.read_bytes.saturating_sub(bytes);
    }

    /// So many records of TLS were decrypted.
    pub(super) const fn decrypted(&mut self, records: usize) {
        self.reads = self.reads.saturating_sub(records.saturating_mul(RECORD_WORK));
    }

    /// A socket was written to.
    pub(super) const fn wrote(&mut self, bytes: usize) {
        self.writes = self.writes.saturating_sub(WRITE_WORK + bytes / WORK_BYTES);
    }

    /// So many messages were put into outboxes.
    pub(super) const fn delivered(&mut self, deliveries: usize) {
        self.deliveries = self.deliveries.saturating_sub(deliveries.saturating_mul(DELIVERY_WORK));
    }
}

// The prices are about one and a half times those in docs/performance.md for an echo of 20 bytes
// (E1), an echo of a mebibyte (E4) and a message to a thousand sockets (F1), since other work takes
// its part.

/// The price of a read, beside its bytes.
const READ_WORK: usize = 1_000;
/// The price of a record of TLS, beside its bytes.
const RECORD_WORK: usize = 1_000;
/// The price of a write, beside its bytes: on loopback, a write does much of the receiver's work.
const WRITE_WORK: usize = 4_000;
/// How many bytes can be read and unmasked, or written, for a nanosecond.
const WORK_BYTES: usize = 4;
/// The price of a delivery.
const DELIVERY_WORK: usize = 150;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_a_turn_has_a_third() {
        let limits = Limits { turn_work_max: 30_000, ..Limits::SERVER };
        let mut budget = Budget::new(&limits);
        let reads = std::iter::from_fn(|| {
            budget.may_read().then(|| {
                budget.visit();
                budget.read(4_000);
            })
        });
        let reads = reads.count();
        let writes = std::iter::from_fn(|| budget.may_write().then(|| budget.wrote(4_000))).count();
        assert_eq!((reads, writes, budget.deliveries()), (5, 2, 67));
        budget.delivered(66);
        assert_eq!(budget.deliveries(), 1);
        budget.delivered(usize::MAX);
        assert_eq!(budget.deliveries(), 0);
        let limits = Limits { turn_deliveries_max: 5, ..Limits::SERVER };
        assert_eq!(Budget::new(&limits).deliveries(), 5, "one service has no more");
    }
}

//! Which messages the demo chat has shown of late, if other processes store some in the same table:
//! some of those that it finds there are on the way, and are shown when they come.

#![cfg(all(feature = "chatroom", any(feature = "sqlite", feature = "postgres")))]

use std::collections::BTreeSet;

use super::_chat_history::first_id;

/// What was shown, as far as it is known.
#[derive(Default)]
pub(crate) struct Shown {
    /// The digits at the end of the ids of this process.
    pub slot: u64,
    /// The last ids: [`IDS_MAX`] at most.
    ids: BTreeSet<u64>,
    /// It is unknown which messages below this id were shown.
    known_from: u64,
    /// All messages below this id count as shown.
    floor: u64,
}

impl Shown {
    /// Messages may have been missed: all that are stored by now count as shown.
    #[cfg(feature = "processes")]
    pub(crate) fn begin(&mut self, slot: u64, now_ms: u64) {
        self.slot = slot;
        self.floor = self.floor.max(first_id(now_ms));
        if self.known_from == 0 {
            self.known_from = self.floor;
        }
    }

    /// A message is shown. Returns whether it is new.
    pub(crate) fn add(&mut self, id: u64) -> bool {
        let is_new = self.ids.insert(id);
        if self.ids.len() > IDS_MAX
            && let Some(id) = self.ids.pop_first()
        {
            self.known_from = self.known_from.max(id + 1);
        }
        is_new
    }

    /// Whether a message was shown, or counts as shown.
    pub(crate) fn has(&self, id: u64, now_ms: u64) -> bool {
        let on_the_way = first_id(now_ms.saturating_sub(ON_THE_WAY_MS));
        id < self.floor.max(self.known_from).max(on_the_way) || self.ids.contains(&id)
    }

    /// Whether a message was not shown.
    #[cfg(feature = "processes")]
    pub(crate) fn lacks(&self, id: u64) -> bool {
        id >= self.known_from && !self.ids.contains(&id)
    }
}

/// How long a message may take from the table to here.
const ON_THE_WAY_MS: u64 = 10_000;
const IDS_MAX: usize = 10_000;

#[cfg(feature = "processes")]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_was_not_shown() {
        let mut shown = Shown::default();
        let id = |ms: u64, slot: u64| first_id(ms) + slot;
        shown.begin(1, 40_000);
        assert!(shown.add(id(50_000, 1)) && !shown.add(id(50_000, 1)));
        assert!(shown.has(id(50_000, 1), 50_000));
        assert!(!shown.has(id(50_000, 2), 50_000), "it comes");
        assert!(shown.has(id(39_999, 2), 50_000), "it was there before");
        assert!(shown.has(id(50_000, 2), 60_001), "it got lost");
        assert!(shown.lacks(id(50_000, 2)) && !shown.lacks(id(39_999, 2)));
        shown.begin(1, 55_000);
        assert!(shown.has(id(50_000, 2), 50_000) && shown.lacks(id(50_000, 2)), "after a gap");
        for ms in 60_000..60_000 + IDS_MAX as u64 {
            shown.add(id(ms, 3));
        }
        assert_eq!(shown.ids.len(), IDS_MAX);
        assert!(!shown.lacks(id(50_000, 0)), "no more is known");
        assert!(shown.lacks(id(60_000, 2)));
    }
}

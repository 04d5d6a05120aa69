//! `SourceSlot`: something else that is read on the loop. Without the feature `processes`,
//! `no_source` stands for this file.

use std::fmt;

use crate::engine::budget::Budget;
use crate::engine::io::{Left, LoopSource, PLUGGED};
use crate::hub::Hub;
use crate::time::Time;

/// The source of an engine, if it has one.
#[derive(Default)]
pub(super) struct SourceSlot {
    source: Option<Box<dyn LoopSource>>,
    /// Whether there may be something to read.
    is_ready: bool,
}

impl SourceSlot {
    pub(super) fn plug(&mut self, source: Box<dyn LoopSource>) {
        self.source = Some(source);
    }

    /// The poll reports something about this place. Returns whether it is that of the source.
    pub(super) fn notify(&mut self, place: usize) -> bool {
        self.is_ready |= place == PLUGGED;
        place == PLUGGED
    }

    /// Whether there may be something to read although no event comes.
    pub(super) const fn has_work(&self) -> bool {
        self.is_ready
    }

    /// Reads as much as a turn takes, with half of its deliveries: services have the other half.
    pub(super) fn take(&mut self, hub: &mut Hub, budget: &mut Budget, now: Time) {
        if std::mem::take(&mut self.is_ready)
            && let Some(source) = &mut self.source
        {
            let share = budget.deliveries().div_ceil(2);
            let mut left = share;
            self.is_ready = source.take(hub, &mut left, now) == Left::Unknown;
            budget.delivered(share - left);
        }
    }
}

impl fmt::Debug for SourceSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceSlot").field("is_ready", &self.is_ready).finish_non_exhaustive()
    }
}

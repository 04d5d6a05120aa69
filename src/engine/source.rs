//! `SourceSlot`: what else is read on the loop. Without the feature `processes`,
//! `no_source` stands for this file.

use crate::engine::budget::Budget;
use crate::engine::io::{Left, LoopSource, PLUGGED};
use crate::hub::Hub;
use crate::time::Time;

/// The sources of an engine: one that is polled, if it has one, and those of other threads.
#[derive(Debug, Default)]
pub(super) struct SourceSlot {
    source: Option<Box<dyn LoopSource>>,
    /// Whether there may be something to read.
    is_ready: bool,
    /// Those of other threads, each until nothing is left in it.
    handed: Vec<Box<dyn LoopSource>>,
}

impl SourceSlot {
    pub(super) fn plug(&mut self, source: Box<dyn LoopSource>) {
        self.source = Some(source);
    }

    /// Another thread has a source.
    pub(super) fn hand(&mut self, source: Box<dyn LoopSource>) {
        self.handed.push(source);
    }

    /// The poll reports something about this place. Returns whether it is that of the source.
    pub(super) fn notify(&mut self, place: usize) -> bool {
        self.is_ready |= place == PLUGGED;
        place == PLUGGED
    }

    /// Whether there may be something to read although no event comes.
    pub(super) fn has_work(&self) -> bool {
        self.is_ready || !self.handed.is_empty()
    }

    /// Reads as much as a turn takes: each source with half of the deliveries that are left, since
    /// services need some.
    pub(super) fn take(&mut self, hub: &mut Hub, budget: &mut Budget, now: Time) {
        if std::mem::take(&mut self.is_ready)
            && let Some(source) = &mut self.source
        {
            self.is_ready = take_share(&mut **source, hub, budget, now) == Left::Unknown;
        }
        self.handed.retain_mut(|of| take_share(&mut **of, hub, budget, now) == Left::Unknown);
    }
}

fn take_share(source: &mut dyn LoopSource, hub: &mut Hub, budget: &mut Budget, now: Time) -> Left {
    let share = budget.deliveries().div_ceil(2);
    let mut left = share;
    let found = source.take(hub, &mut left, now);
    budget.delivered(share - left);
    found
}

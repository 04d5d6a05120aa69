//! `ReplacementTurn`: the workers of a program are replaced one after the other, so that the others
//! serve meanwhile. If a new version does not start, the next worker keeps its old one until it is
//! clear that this one has.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::time::Time;

/// Whose turn it is among the workers of a program: the number of a worker, above 0, or 0.
#[derive(Clone, Debug, Default)]
pub(super) struct ReplacementTurn(Arc<AtomicUsize>);

/// The turn as one worker sees it, which ends with its run.
#[derive(Debug)]
pub(super) struct OwnTurn {
    shared: ReplacementTurn,
    own: usize,
    /// Why the worker is to be replaced, once it is its turn.
    pub(super) due: Option<&'static str>,
}

impl ReplacementTurn {
    /// The turn of the worker with this number.
    pub(super) fn of(&self, worker: usize) -> OwnTurn {
        OwnTurn { shared: self.clone(), own: worker + 1, due: None }
    }
}

impl OwnTurn {
    /// Takes the turn. Returns whether this worker has it.
    pub(super) fn take(&self) -> bool {
        let Self { shared: ReplacementTurn(turn), own, .. } = self;
        let taken = turn.compare_exchange(0, *own, Ordering::AcqRel, Ordering::Acquire);
        taken.is_ok() || taken == Err(*own)
    }

    /// When to look again whether it is the turn of this worker, if it waits for that.
    pub(super) fn look_at(&self, now: Time) -> Option<Time> {
        self.due.map(|_| now.after(LOOK_EVERY_MS))
    }

    /// Passes the turn on, if this worker has it.
    pub(super) fn end(&self) {
        let Self { shared: ReplacementTurn(turn), own, .. } = self;
        let _ = turn.compare_exchange(*own, 0, Ordering::AcqRel, Ordering::Acquire);
    }
}

impl Drop for OwnTurn {
    fn drop(&mut self) {
        self.end();
    }
}

/// From one look to the next.
const LOOK_EVERY_MS: u64 = 100;

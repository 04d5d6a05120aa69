//! What stands for `intake` in builds without the feature `senders`: nothing is sent.

use crate::engine::batches::{NextBatch, OwnBatches};
use crate::hub::{Hub, WorkerId};
use crate::service::SenderTable;
use crate::time::Time;

/// Nothing is sent.
#[derive(Debug)]
pub struct NoIntake(());

pub use NoIntake as Intake;

#[expect(clippy::unused_self, reason = "with senders, it has what they have sent")]
impl NoIntake {
    pub(crate) const fn new(_: &SenderTable) -> Self {
        Self(())
    }

    pub(crate) const fn hear(&self, _: WorkerId) {}

    pub(crate) fn begin(&self, _: WorkerId, _: impl Fn() -> OwnBatches) -> NextBatch {
        NextBatch::Own
    }

    pub(crate) const fn apply(&self, _: WorkerId, _: &mut Hub, _: usize, _: Time) -> Option<usize> {
        None
    }

    pub(crate) const fn has_more(&self, _: WorkerId) -> bool {
        false
    }

    pub(crate) const fn hold_stop(&self) -> bool {
        false
    }

    pub(crate) const fn holds_stop(&self) -> bool {
        false
    }

    pub(crate) const fn bytes(&self) -> u64 {
        0
    }
}

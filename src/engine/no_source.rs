//! What stands for `source` in builds without the feature `processes`: there is none.

use crate::engine::budget::Budget;
use crate::engine::io::LoopSource;
use crate::hub::Hub;
use crate::time::Time;

/// There is none.
#[derive(Debug, Default)]
pub(super) struct NoSource(());

pub(super) use NoSource as SourceSlot;

#[expect(clippy::unused_self, reason = "with processes, it has a source")]
impl NoSource {
    pub(super) fn plug(&self, _: Box<dyn LoopSource>) {}

    pub(super) const fn notify(&self, _: usize) -> bool {
        false
    }

    pub(super) const fn has_work(&self) -> bool {
        false
    }

    pub(super) const fn take(&self, _: &mut Hub, _: &mut Budget, _: Time) {}
}

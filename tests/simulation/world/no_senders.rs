//! What stands for `senders` in builds without the feature: no other thread sends anything.

use switchboard::hub::{Hub, WorkerId};

use super::World;

/// No senders.
pub struct Senders(());

#[expect(clippy::unused_self, reason = "with senders, it has what they send")]
impl Senders {
    pub const fn none() -> Self {
        Self(())
    }

    pub const fn hold_stop(&self) -> bool {
        false
    }

    pub const fn holds_stop(&self) -> bool {
        false
    }

    pub const fn note_stop(&self) {}

    pub const fn check_stop(&self) {}

    pub const fn check_end(&self, _: bool) {}
}

#[expect(clippy::unused_self, reason = "with senders, it has what they send")]
impl World {
    pub(super) const fn senders_act(&self) {}

    pub(super) fn begin_next(&mut self, place: usize, _: WorkerId) -> bool {
        self.begin(place)
    }

    pub(super) const fn apply_sent(
        &self,
        _: &Hub,
        _: usize,
        _: WorkerId,
        _: usize,
    ) -> Option<usize> {
        None
    }

    pub(super) const fn has_sent_more(&self, _: WorkerId) -> bool {
        false
    }
}

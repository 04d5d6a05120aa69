//! What stands for `later` in builds without the feature `database`: services answer at once.

use switchboard::hub::Hub;
use switchboard::service::{Inbound, SocketId};

use super::World;
use super::profile::ServiceProfile;
use super::service::{Surroundings, Worker};

/// No jobs.
pub struct Jobs(());

/// Nothing is answered later.
#[derive(Debug)]
pub struct Desk(());

#[expect(clippy::unused_self, reason = "with databases, it has jobs")]
impl Jobs {
    pub const fn none() -> Self {
        Self(())
    }

    pub const fn desk(&self, _: (usize, u32), _: bool) -> Desk {
        Desk(())
    }
}

#[expect(clippy::unused_self, reason = "with databases, it has jobs")]
impl Desk {
    pub const fn note_delivered(&self, _: &[Inbound]) {}

    pub const fn note_handled(&self, _: &Inbound) {}

    pub const fn is_ready(&self) -> bool {
        false
    }

    pub const fn is_idle(&self) -> bool {
        true
    }

    pub const fn check_end(&self) {}
}

impl Worker {
    /// As a context does it: a transaction counts as taken when the next is asked for, and
    /// everything is sent before it would wait.
    pub(super) fn receive(
        &mut self,
        _: &ServiceProfile,
        _: &mut Surroundings<'_>,
    ) -> Option<Inbound> {
        self.batcher.put_down();
        loop {
            if let Some(transaction) = self.batcher.mail.next() {
                self.batcher.pick_up(&transaction);
                return Some(transaction);
            }
            self.flush();
            self.batcher.mail = self.inbox.pop_front()?.into_iter();
        }
    }

    #[expect(clippy::unused_self, reason = "with databases, it has jobs")]
    pub(super) fn answer_later(&self, _: SocketId, _: usize, _: &Surroundings<'_>) {
        panic!("no service answers later");
    }
}

#[expect(clippy::unused_self, reason = "with databases, it has jobs")]
impl World {
    pub(super) const fn jobs_act(&self) {}

    pub(super) const fn awaits_jobs(&self) -> bool {
        false
    }

    pub(super) const fn check_later(&self, _: &Hub) {}

    pub(super) const fn check_quiet_tasks(&self) {}

    pub(super) const fn check_all_answered(&self) {}
}

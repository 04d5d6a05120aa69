//! `LinkBackplane`: takes what services of a process share to the parent.

use crate::hub::Backplane;
use crate::prefork::publication::publication;
use crate::prefork::queue::{LinkQueue, TopicVerb};
use crate::ws::Message;

/// Takes what services share to the parent, what is of one turn together.
#[derive(Debug)]
pub(super) struct LinkBackplane {
    queue: LinkQueue,
    /// Whether there is anything of this turn.
    has_shared: bool,
}

impl LinkBackplane {
    pub(super) const fn new(queue: LinkQueue) -> Self {
        Self { queue, has_shared: false }
    }

    fn change(&mut self, verb: TopicVerb, service: &str, topic: &str) {
        self.has_shared = true;
        self.queue.change_topic(verb, service, topic);
    }
}

impl Drop for LinkBackplane {
    /// Services may share while their host is dropped, after its last turn.
    fn drop(&mut self) {
        self.flush();
    }
}

impl Backplane for LinkBackplane {
    fn subscribe(&mut self, service: &str, topic: &str) {
        self.change(TopicVerb::Subscribe, service, topic);
    }

    fn unsubscribe(&mut self, service: &str, topic: &str) {
        self.change(TopicVerb::Unsubscribe, service, topic);
    }

    fn publish(&mut self, service: &str, topic: Option<&str>, message: &Message) {
        self.has_shared = true;
        self.queue.push_or_miss(&publication(service, topic, message));
    }

    fn flush(&mut self) {
        if std::mem::take(&mut self.has_shared) {
            self.queue.flush();
        }
    }
}

//! What services share with other processes, of their server or of other hosts. Local sockets never
//! wait for that.

use crate::hub::backplane_trait::{Backplane, SharedEvent};
use crate::hub::worker_slot::{RunState, WorkerSlot};
use crate::hub::{Hub, Output, ServiceId, WorkerId};
use crate::limits::Limits;
use crate::service::audience::Recipients;
use crate::service::{Audience, Inbound, Share, SocketId};
use crate::time::Time;
use crate::ws::Message;

impl Hub {
    /// Shares by this backplane. To be called before there are sockets.
    pub fn share_by(&mut self, backplane: Box<dyn Backplane>) {
        self.services.backplane = Some(backplane);
    }

    /// A turn is over.
    pub fn flush_shared(&mut self) {
        if let Some(backplane) = &mut self.services.backplane {
            backplane.flush();
        }
    }

    /// Applies what comes from others. Returns how many deliveries of a turn it counts as: one at
    /// least, since what reaches no socket costs something, too.
    pub fn apply_shared(&mut self, event: SharedEvent, now: Time) -> usize {
        self.deliver_shared(event, now).max(1)
    }

    /// Returns how many messages were put into outboxes.
    fn deliver_shared(&mut self, event: SharedEvent, now: Time) -> usize {
        match event {
            SharedEvent::Message { service, topic, message } => {
                let Some(service) = self.tree.find(&service) else { return 0 };
                let entry = &self.services[service];
                let to = match (topic, entry.options.share) {
                    (Some(topic), Share::Topics | Share::All) => Audience::topic(topic),
                    (None, Share::All) => Audience::all(),
                    (_, Share::None) | (None, Share::Topics) => return 0,
                };
                let (worker, len) = (entry.first(), message.len());
                if let Recipients::Topic(topic) = &to.who {
                    self.tell_listeners(service, topic, &message);
                }
                let deliveries = self.send(worker, to, message, now);
                self.memory.grow(len.saturating_mul(deliveries));
                deliveries
            }
            SharedEvent::Gap => {
                let shares = |id: &ServiceId| self.services[*id].options.share != Share::None;
                let services: Vec<_> = self.services.ids().filter(shares).collect();
                let workers = services.iter().flat_map(|id| self.services[*id].workers.all());
                for worker in workers.copied().collect::<Vec<_>>() {
                    self.tell_gap(worker);
                }
                0
            }
        }
    }

    /// Puts a gap into the mail of a worker, unless one waits there. The worker may have got its
    /// last gap before this one, and not have reported so. Then another gap is due when it reports,
    /// so that there are never many.
    fn tell_gap(&mut self, worker: WorkerId) {
        let slot = &self.workers[worker];
        let has_begun = match slot.state {
            RunState::Idle => false,
            // Mail comes once it is ready, or again if its sockets were kept, or it listens.
            RunState::Starting => !slot.members.is_empty() || self.listens(worker),
            RunState::Running | RunState::Finishing => true,
        };
        if !has_begun {
            return;
        }
        let slot = &mut self.workers[worker];
        if let Some(last) = slot.gap.filter(|last| !slot.mail.has_taken(*last)) {
            slot.is_gap_due |= !slot.mail.holds(last);
            return;
        }
        slot.is_gap_due = false;
        if slot.mail.push(Inbound::Gap { topic: None }, &slot.limits) {
            self.outputs.push_back(Output::Mail(worker));
        }
        slot.gap = Some(slot.mail.last());
    }

    /// A worker has taken something. If that was a gap, another may be due.
    pub(super) fn tell_due_gap(&mut self, worker: WorkerId) {
        if self.workers[worker].is_gap_due {
            self.tell_gap(worker);
        }
    }

    /// Puts a message of others into the mail of the workers that listen to its topic. Nobody can
    /// wait for mail that is full, so there is a gap instead.
    fn tell_listeners(&mut self, service: ServiceId, topic: &str, message: &Message) {
        let listeners = self.services[service].listeners.get(topic);
        for worker in listeners.cloned().unwrap_or_default() {
            let WorkerSlot { mail, limits, counters, .. } = &mut self.workers[worker];
            if mail.is_full() {
                counters.unheard.add(1);
                self.tell_gap(worker);
            } else if mail
                .push(Inbound::Heard { topic: topic.to_owned(), message: message.clone() }, limits)
            {
                self.outputs.push_back(Output::Mail(worker));
            }
        }
    }

    /// Whether a worker listens to any topic.
    fn listens(&self, worker: WorkerId) -> bool {
        let entry = &self.services[self.workers[worker].service];
        entry.listeners.values().any(|of_topic| of_topic.contains(&worker))
    }

    /// A worker listens to a topic. It has missed what was sent before.
    pub(super) fn listen(&mut self, worker: WorkerId, topic: String, now: Time) {
        let service = self.workers[worker].service;
        let entry = &self.services[service];
        if self.services.backplane.is_none() || entry.options.share == Share::None {
            return;
        }
        let is_known = entry.listeners.contains_key(&topic);
        let error = if topic.len() > Limits::TOPIC_NAME_BYTES_MAX {
            Some("the name of the topic is too long")
        } else if !is_known && entry.listeners.len() >= entry.options.limits.topics_max {
            Some("it listens to as many topics as it may have (max-topics)")
        } else {
            None
        };
        if let Some(error) = error {
            let path = self.path_of(worker).to_owned();
            let text = format_args!("it cannot listen to {topic:?}: {error}");
            return self.warn(Some(&path), error, text, now);
        }
        if !is_known && !entry.topics.has(&topic) {
            self.begin_shared(service, &topic);
        }
        let listeners = self.services[service].listeners.entry(topic.clone()).or_default();
        if listeners.contains(&worker) {
            return;
        }
        listeners.push(worker);
        let WorkerSlot { mail, limits, .. } = &mut self.workers[worker];
        if mail.push(Inbound::Gap { topic: Some(topic) }, limits) {
            self.outputs.push_back(Output::Mail(worker));
        }
    }

    /// A worker listens to a topic no longer.
    pub(super) fn unlisten(&mut self, worker: WorkerId, topic: String) {
        let service = self.workers[worker].service;
        let listeners = &mut self.services[service].listeners;
        let Some(of_topic) = listeners.get_mut(&topic) else { return };
        of_topic.retain(|listener| *listener != worker);
        if of_topic.is_empty() {
            listeners.remove(&topic);
            self.end_shared(service, &[topic]);
        }
    }

    /// A worker listens to nothing any more.
    pub(super) fn end_listening(&mut self, worker: WorkerId) {
        let service = self.workers[worker].service;
        let topics: Vec<_> = self.services[service].listeners.keys().cloned().collect();
        for topic in topics {
            self.unlisten(worker, topic);
        }
    }

    /// Shares a message that a service sends, if it does so.
    pub(super) fn share(&mut self, worker: WorkerId, to: &Audience, message: &Message) {
        let (entry, backplane) = self.services.shared(self.workers[worker].service);
        let Some(backplane) = backplane else { return };
        match (&to.who, entry.options.share) {
            (Recipients::Topic(topic), Share::Topics | Share::All) => {
                backplane.publish(&entry.path, Some(topic), message);
            }
            (Recipients::All, Share::All) => backplane.publish(&entry.path, None, message),
            _ => {}
        }
    }

    /// The topics of a socket that others have to know of.
    pub(super) fn shared_topics(&self, service: ServiceId, id: SocketId) -> Vec<String> {
        let entry = &self.services[service];
        if self.services.backplane.is_none() || entry.options.share == Share::None {
            return Vec::new();
        }
        entry.topics.names(id).map(str::to_owned).collect()
    }

    /// A topic of a service has its first socket, or its first listener.
    pub(super) fn begin_shared(&mut self, service: ServiceId, topic: &str) {
        let (entry, backplane) = self.services.shared(service);
        let is_shared = entry.options.share != Share::None && !entry.listeners.contains_key(topic);
        if let Some(backplane) = backplane.filter(|_| is_shared) {
            backplane.subscribe(&entry.path, topic);
        }
    }

    /// Some of these topics of a service may have lost their last socket or listener.
    pub(super) fn end_shared(&mut self, service: ServiceId, topics: &[String]) {
        let (entry, backplane) = self.services.shared(service);
        let Some(backplane) = backplane.filter(|_| entry.options.share != Share::None) else {
            return;
        };
        let is_used = |topic: &str| entry.topics.has(topic) || entry.listeners.contains_key(topic);
        for topic in topics.iter().filter(|topic| !is_used(topic)) {
            backplane.unsubscribe(&entry.path, topic);
        }
    }
}

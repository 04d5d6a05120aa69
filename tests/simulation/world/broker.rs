//! `Broker`: what is between the hosts of a world. It takes its time with each host, is cut off
//! from it, and loses messages. Where something may be missing, the host gets a gap in its place,
//! as from the parent of processes and from Redis.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use switchboard::Message;
use switchboard::hub::{Backplane, SharedEvent};

use super::choice::Chooser;

/// A service by its path, and a topic of it.
pub type Topic = (String, String);

/// What a hub has called.
#[derive(Debug)]
pub enum Call {
    Subscribe(Topic),
    Unsubscribe(Topic),
    Publish { service: String, topic: Option<String>, message: Message },
}

/// The calls of one hub, in order.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<Mutex<CallsState>>);

#[derive(Debug, Default)]
struct CallsState {
    calls: Vec<Call>,
    /// Whether any has come that may not have left.
    has_unflushed: bool,
}

impl Calls {
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().calls)
    }

    pub fn has_unflushed(&self) -> bool {
        self.lock().has_unflushed
    }

    fn push(&self, call: Call) {
        let mut state = self.lock();
        state.calls.push(call);
        state.has_unflushed = true;
    }

    fn lock(&self) -> MutexGuard<'_, CallsState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backplane for Calls {
    fn subscribe(&mut self, service: &str, topic: &str) {
        self.push(Call::Subscribe((service.to_owned(), topic.to_owned())));
    }

    fn unsubscribe(&mut self, service: &str, topic: &str) {
        self.push(Call::Unsubscribe((service.to_owned(), topic.to_owned())));
    }

    fn publish(&mut self, service: &str, topic: Option<&str>, message: &Message) {
        let (service, topic) = (service.to_owned(), topic.map(str::to_owned));
        self.push(Call::Publish { service, topic, message: message.clone() });
    }

    fn flush(&mut self) {
        self.lock().has_unflushed = false;
    }
}

/// A message on its way between hosts, with what is known of it.
#[derive(Clone, Debug)]
pub struct Publication {
    pub service: String,
    pub topic: Option<String>,
    pub message: Message,
    /// The host that sends it, and its number among those to this topic, or to all.
    pub origin: usize,
    pub number: u64,
    /// The number of the message in the world, and whether it is text.
    pub serial: u32,
    pub is_text: bool,
    /// How often the host that gets it had subscribed to the topic.
    pub epoch: u64,
}

/// What comes to a host.
#[derive(Clone, Debug)]
pub enum Coming {
    Message(Publication),
    Gap,
}

impl Coming {
    pub fn event(&self) -> SharedEvent {
        match self {
            Self::Gap => SharedEvent::Gap,
            Self::Message(Publication { service, topic, message, .. }) => SharedEvent::Message {
                service: service.clone(),
                topic: topic.clone(),
                message: message.clone(),
            },
        }
    }
}

/// What a host has sent, on its way to the broker.
#[derive(Debug)]
pub enum Going {
    Subscribe(Topic),
    Unsubscribe(Topic),
    Publish(Publication),
}

/// The broker, and its links to all hosts.
#[derive(Debug)]
pub struct Broker(Vec<HostLink>);

#[derive(Debug, Default)]
struct HostLink {
    /// The topics that the host has called for.
    wanted: BTreeSet<Topic>,
    /// Those that the broker knows of.
    subscribed: BTreeSet<Topic>,
    epochs: BTreeMap<Topic, u64>,
    going: VecDeque<Going>,
    /// Something that the host has sent is missing, before what is on its way.
    has_missed: bool,
    coming: VecDeque<Coming>,
    is_cut: bool,
    has_gone: bool,
}

impl Broker {
    pub fn new(hosts_len: usize) -> Self {
        Self((0..hosts_len).map(|_| HostLink::default()).collect())
    }

    /// A host sends something. If many messages wait, the oldest is dropped.
    pub fn send(&mut self, host: usize, going: Going) {
        let link = &mut self.0[host];
        match &going {
            Going::Subscribe(topic) => _ = link.wanted.insert(topic.clone()),
            Going::Unsubscribe(topic) => _ = link.wanted.remove(topic),
            Going::Publish(_) => {}
        }
        link.going.push_back(going);
        let is_message = |going: &Going| matches!(going, Going::Publish(_));
        if link.going.iter().filter(|going| is_message(going)).count() > WAITING_MAX
            && let Some(oldest) = link.going.iter().position(is_message)
        {
            link.going.remove(oldest);
            link.has_missed = true;
        }
    }

    /// A host has gone.
    pub fn end(&mut self, host: usize) {
        self.0[host] = HostLink { has_gone: true, ..HostLink::default() };
    }

    /// Goes on for a while. Returns how often a link was cut.
    pub fn act(&mut self, chooser: &mut Chooser) -> u64 {
        let mut cuts = 0;
        for host in 0..self.0.len() {
            let link = &mut self.0[host];
            if link.is_cut {
                if chooser.once_in(4) {
                    link.renew();
                }
            } else if !link.has_gone && chooser.once_in(60) {
                link.cut(chooser);
                cuts += 1;
            } else {
                for _ in 0..chooser.pick(&[3, 0, 1, 12]) {
                    self.take(host, chooser);
                }
            }
        }
        cuts
    }

    /// What comes to a host now.
    pub fn deliver(&mut self, host: usize, chooser: &mut Chooser) -> Vec<Coming> {
        let coming = &mut self.0[host].coming;
        let len = chooser.pick(&[4, 0, 0, 1, 30]).min(coming.len());
        coming.drain(..len).collect()
    }

    /// Takes what a host has sent next.
    fn take(&mut self, host: usize, chooser: &mut Chooser) {
        let link = &mut self.0[host];
        let has_missed = std::mem::take(&mut link.has_missed);
        let next = link.going.pop_front();
        if has_missed {
            self.others(host).for_each(|other| other.coming.push_back(Coming::Gap));
        }
        match next {
            None => {}
            Some(Going::Subscribe(topic)) => self.0[host].begin(topic),
            Some(Going::Unsubscribe(topic)) => _ = self.0[host].subscribed.remove(&topic),
            Some(Going::Publish(publication)) => {
                for other in self.others(host) {
                    other.get(&publication, chooser);
                }
            }
        }
    }

    /// The links to other hosts that stand.
    fn others(&mut self, host: usize) -> impl Iterator<Item = &mut HostLink> {
        let links = self.0.iter_mut().enumerate();
        links.filter(move |(at, link)| *at != host && !link.is_cut && !link.has_gone).map(|of| of.1)
    }
}

impl HostLink {
    fn begin(&mut self, topic: Topic) {
        *self.epochs.entry(topic.clone()).or_default() += 1;
        self.subscribed.insert(topic);
    }

    /// A message is for this host if it has subscribed. Some are lost.
    fn get(&mut self, publication: &Publication, chooser: &mut Chooser) {
        let mut epoch = 0;
        if let Some(topic) = &publication.topic {
            let topic = (publication.service.clone(), topic.clone());
            if !self.subscribed.contains(&topic) {
                return;
            }
            epoch = self.epochs[&topic];
        }
        self.coming.push_back(if chooser.once_in(40) {
            Coming::Gap
        } else {
            Coming::Message(Publication { epoch, ..publication.clone() })
        });
    }

    /// The connection ends. What was on its way may have come or not, at both ends.
    fn cut(&mut self, chooser: &mut Chooser) {
        self.is_cut = true;
        self.subscribed.clear();
        self.coming.truncate(chooser.below(self.coming.len() + 1));
        for _ in 0..chooser.below(self.going.len() + 1) {
            let lost = self.going.pop_front();
            self.has_missed |= matches!(lost, Some(Going::Publish(_)));
        }
    }

    /// There is a connection again, which subscribes to all topics before it is used.
    fn renew(&mut self) {
        self.is_cut = false;
        self.going.retain(|going| matches!(going, Going::Publish(_)));
        self.subscribed = self.wanted.clone();
        for topic in &self.wanted {
            self.epochs.entry(topic.clone()).or_default();
        }
        self.coming.push_back(Coming::Gap);
    }
}

/// Most messages of a host that wait for the broker.
const WAITING_MAX: usize = 60;

//! What services share with those of other hosts, and what has to hold of it: a service shares what
//! its option says, and others get that. What comes from one host for a topic is a sequence, with
//! holes only where there was a gap; each gap reaches each service that shares, and it takes it up
//! afterwards. The hub has no part in the way between hosts: so nothing waits for it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use switchboard::Share;
use switchboard::hub::Hub;

use super::broker::{Call, Calls, Coming, Going, Publication, Topic};
use super::service::{Order, Whom};
use super::wire::check_payload;
use super::{Link, World};

/// What a service shares: its path, the topic, the message.
type SharedMessage = (String, Option<String>, switchboard::Message);

/// What one host shares, if there are others.
#[derive(Default)]
pub struct Sharing {
    host: Option<usize>,
    calls: Calls,
    /// What is to go to others.
    pub going: Vec<Going>,
    /// The topics that the hub has called for.
    wanted: BTreeSet<Topic>,
    /// How many messages were shared, for each topic or for all sockets of a service.
    sent: BTreeMap<(String, Option<String>), u64>,
    /// The last message of each host for these.
    last: BTreeMap<(usize, String, Option<String>), LastComing>,
    /// How many gaps have come.
    gaps: u64,
    /// The places whose services have to get a gap, and how many are on their way to each.
    due: BTreeSet<usize>,
    on_the_way: BTreeMap<usize, usize>,
}

/// The last message that came from a host for a topic, or for all sockets of a service.
struct LastComing {
    number: u64,
    epoch: u64,
    /// How many gaps had come before.
    gaps: u64,
}

impl Sharing {
    /// It is this one of several hosts. Returns what its hub is to call.
    pub fn join(&mut self, host: usize) -> Calls {
        self.host = Some(host);
        self.calls.clone()
    }

    /// The number of the host.
    pub fn host(&self) -> usize {
        self.host.expect("it is one of several")
    }

    /// A run of a service begins, which has missed nothing.
    pub fn begin_run(&mut self, place: usize) {
        self.due.remove(&place);
        self.on_the_way.remove(&place);
    }

    /// A service has taken up so many gaps.
    pub fn note_gaps(&mut self, place: usize, gaps: usize) {
        if gaps > 0 {
            self.due.remove(&place);
            let left = self.on_the_way.entry(place).or_default();
            *left = left.checked_sub(gaps).expect("a gap is taken up once");
        }
    }
}

impl World {
    /// Whether the service of a place shares anything.
    fn shares(&self, place: usize) -> bool {
        self.places[self.places[place].first].share != Share::None
    }

    /// Whether it shares what is for this topic, or for all of its sockets if there is none.
    fn shares_this(&self, place: usize, topic: Option<&str>) -> bool {
        let share = self.places[self.places[place].first].share;
        share == Share::All || share == Share::Topics && topic.is_some()
    }

    /// A service has sent a message: it is shared once, if it is to be.
    pub(super) fn check_shared(
        &mut self,
        place: usize,
        to: &Whom,
        (serial, len, is_text): (u32, usize, bool),
    ) {
        if self.sharing.host.is_some() {
            let mut published = self.take_calls().into();
            self.check_published(place, to, (serial, len, is_text), &mut published);
            assert!(published.is_empty(), "message {serial:x} is shared once");
        }
    }

    /// Senders have sent these to a service that does not run: other hosts may have sockets of it.
    #[cfg(feature = "senders")]
    pub(super) fn check_all_shared<'a>(
        &mut self,
        place: usize,
        orders: impl Iterator<Item = &'a Order>,
    ) {
        if self.sharing.host.is_some() {
            let mut published = self.take_calls().into();
            for order in orders {
                if let Order::Send { to, serial, len, is_text, .. } = order {
                    self.check_published(place, to, (*serial, *len, *is_text), &mut published);
                }
            }
            assert!(published.is_empty(), "something is shared that no sender has sent");
        }
    }

    /// A message that was sent is the next one that was published, if it is to be.
    fn check_published(
        &mut self,
        place: usize,
        to: &Whom,
        (serial, len, is_text): (u32, usize, bool),
        published: &mut VecDeque<SharedMessage>,
    ) {
        let Some(origin) = self.sharing.host else { return };
        let topic = match to {
            Whom::Topic(topic) => Some(topic.to_string()),
            _ => None,
        };
        let is_for_many = matches!(to, Whom::Topic(_) | Whom::All | Whom::AllBut(_));
        if !is_for_many || !self.shares_this(place, topic.as_deref()) {
            return;
        }
        let next = published.pop_front();
        let (service, found, message) =
            next.unwrap_or_else(|| panic!("message {serial:x} for {to:?} is not shared"));
        assert_eq!(service, format!("/{}", self.places[place].first));
        assert_eq!((found, message.is_text()), (topic.clone(), is_text));
        check_payload(message.as_bytes(), serial, len);
        let number = self.sharing.sent.entry((service.clone(), topic.clone())).or_default();
        *number += 1;
        let publication = Publication {
            service,
            topic,
            message,
            origin,
            number: *number,
            serial,
            is_text,
            epoch: 0,
        };
        self.sharing.going.push(Going::Publish(publication));
    }

    /// Takes what the hub has called: topics, which are sent on, and messages, which are returned.
    fn take_calls(&mut self) -> Vec<SharedMessage> {
        let mut published = Vec::new();
        for call in self.sharing.calls.take() {
            match call {
                Call::Subscribe(topic) => {
                    let is_new = self.sharing.wanted.insert(topic.clone());
                    assert!(is_new, "{topic:?} had a socket already");
                    self.sharing.going.push(Going::Subscribe(topic));
                }
                Call::Unsubscribe(topic) => {
                    let was_there = self.sharing.wanted.remove(&topic);
                    assert!(was_there, "{topic:?} had no socket");
                    self.sharing.going.push(Going::Unsubscribe(topic));
                }
                Call::Publish { service, topic, message } => {
                    published.push((service, topic, message));
                }
            }
        }
        published
    }

    /// Something comes from other hosts.
    pub(super) fn apply_coming(&mut self, hub: &mut Hub, coming: &Coming) {
        match coming {
            Coming::Gap => {
                hub.apply_shared(coming.event(), self.now);
                self.sharing.gaps += 1;
                self.tally.gaps += 1;
                for place in 0..self.places.len() {
                    let of = &self.places[place];
                    if of.worker.is_some() && of.is_ready && self.shares(place) {
                        self.sharing.due.insert(place);
                    }
                }
            }
            Coming::Message(publication) => {
                self.check_sequence(publication);
                self.apply_far(hub, publication);
            }
        }
    }

    /// A message of another host reaches the sockets that it is for, and no other.
    fn apply_far(&mut self, hub: &mut Hub, publication: &Publication) {
        let Publication { service, topic, message, serial, is_text, .. } = publication;
        let (serial, is_text, len) = (*serial, *is_text, message.len());
        let topic = topic.as_ref().map(|topic| topic.parse().expect("topics are numbers"));
        let to = topic.map_or(Whom::All, Whom::Topic);
        let order = Order::Send { to, slows: None, serial, len, is_text };
        let is_ours = |place: &usize| self.places.get(*place).is_some_and(|of| of.first == *place);
        let place = service[1..].parse().ok().filter(is_ours);
        let place = place.filter(|place| self.shares_this(*place, publication.topic.as_deref()));
        let before = place.map_or_else(Vec::new, |place| self.look(hub, place, &order));
        let unsent = self.all_unsent(hub);
        hub.apply_shared(Coming::Message(publication.clone()).event(), self.now);
        for at in 0..self.live.len() {
            self.note_unread(hub, self.live[at]);
        }
        let grown = before.iter().map(|b| hub.unsent_len(b.id) - b.unsent_len);
        let (lens, all): (Vec<usize>, usize) = (grown.collect(), self.all_unsent(hub) - unsent);
        assert_eq!(lens.iter().sum::<usize>(), all, "message {serial:x} reaches strangers");
        self.tally.far += 1;
        self.tally.far_deliveries += lens.iter().filter(|len| **len > 0).count() as u64;
        let Some(place) = place else { return };
        for before in before {
            self.check_send(hub, place, before, false, (serial, len, is_text));
        }
        assert!(self.take_calls().is_empty(), "message {serial:x} goes on to other hosts");
    }

    /// What comes from one host for a topic is a sequence, with holes only where there is a gap.
    fn check_sequence(&mut self, publication: &Publication) {
        let Publication { service, topic, origin, number, serial, epoch, .. } = publication;
        assert_ne!(*origin, self.sharing.host(), "message {serial:x} comes back");
        let gaps = self.sharing.gaps;
        let coming = LastComing { number: *number, epoch: *epoch, gaps };
        let of = (*origin, service.clone(), topic.clone());
        let Some(last) = self.sharing.last.insert(of, coming) else { return };
        assert!(*number > last.number, "message {serial:x} comes late, or again");
        // The host had no socket in the topic meanwhile.
        let is_excused = gaps > last.gaps || *epoch != last.epoch;
        assert!(*number == last.number + 1 || is_excused, "before message {serial:x} is a hole");
    }

    /// A service gets a gap.
    pub(super) fn hear_gap(&mut self, place: usize, topic: Option<&str>) {
        assert!(self.shares(place), "a service gets a gap, and does not share");
        assert_eq!(topic, None, "it may be of any topic");
        self.tally.told_gaps += 1;
        let on_the_way = self.sharing.on_the_way.entry(place).or_default();
        *on_the_way += 1;
        // What a program has in its pipe counts as taken.
        let are_many = *on_the_way > 1 && self.places[place].profile.program.is_none();
        assert!(!are_many, "one gap in the mail is enough");
    }

    /// After a turn, the hub has called for the topics that have sockets, and no service lacks a
    /// gap.
    pub(super) fn check_shared_turn(&mut self) {
        if self.sharing.host.is_none() {
            return;
        }
        assert!(self.take_calls().is_empty(), "something is shared that no service has sent");
        assert!(!self.sharing.calls.has_unflushed(), "what was shared waits for the next turn");
        for (service, topic) in &self.sharing.wanted {
            let place: usize = service[1..].parse().expect("it is one of ours");
            assert!(self.shares(place), "{service} calls for topics, and does not share");
            let topics = &self.places[place].topics;
            let topic: u8 = topic.parse().expect("topics are numbers");
            assert!(topics.contains_key(&topic), "{service}: topic {topic} has no socket");
        }
        for place in (0..self.places.len()).filter(|place| self.shares(*place)) {
            for (topic, members) in &self.places[place].topics {
                let topic = (format!("/{place}"), topic.to_string());
                let is_wanted = self.sharing.wanted.contains(&topic);
                let has_sockets = members.iter().any(|index| self.is_surely_open(*index));
                assert!(is_wanted || !has_sockets, "others do not know of {topic:?}");
            }
        }
        for place in &self.sharing.due {
            let of = &self.places[*place];
            let runs = of.worker.as_ref().is_some_and(|worker| worker.ended.is_none());
            let is_told = of.waiting() > 0 || of.due_since.is_some();
            assert!(is_told || !runs, "{}: a gap is not told", of.profile.name);
        }
    }

    /// Whether a socket is open, and nothing has ended it.
    fn is_surely_open(&self, index: usize) -> bool {
        let Link { record: Some(record), stream: Some(_), .. } = &self.links[index] else {
            return false;
        };
        record.is_member() && !record.failed && !record.ahead.is_closed()
    }

    /// All sockets have gone.
    pub(super) fn check_shared_end(&mut self) {
        assert!(self.take_calls().is_empty(), "something is shared that no service has sent");
        assert!(self.sharing.wanted.is_empty(), "no topic has a socket");
    }
}

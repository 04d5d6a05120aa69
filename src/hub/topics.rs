//! `Topics`: the subscriptions of a service's sockets. Each subscription has its index on both
//! sides, so that it is removed at a fixed cost.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use slab::Slab;

use crate::hub::Holder;
use crate::hub::address_key::AddressKey;
use crate::hub::shares::{HAS_A_QUARTER, is_for_others};
use crate::hub::trim::shrink;
use crate::limits::Limits;
use crate::service::SocketId;

/// The topics of one service.
#[derive(Debug, Default)]
pub(super) struct Topics {
    by_name: HashMap<Arc<str>, usize>,
    topics: Slab<Topic>,
    /// The subscriptions of each socket that has any.
    by_socket: HashMap<SocketId, Vec<Link>>,
    /// How many topics count for each address: those whose first member counts for it. So a topic
    /// counts for the socket that made it while that is subscribed, and then for another member.
    held: HashMap<AddressKey, usize>,
    /// How many subscriptions there are.
    #[cfg(feature = "admin")]
    subscriptions_len: usize,
}

/// The address that each socket counts for.
pub(super) type Holders<'a> = &'a dyn Fn(SocketId) -> Holder;

impl Topics {
    /// Subscribes a socket; a second time changes nothing.
    ///
    /// # Errors
    /// A limit that is reached.
    pub(super) fn subscribe(
        &mut self,
        id: SocketId,
        name: &str,
        max: &Limits,
        holders: Holders<'_>,
    ) -> Result<(), TopicError> {
        if name.len() > Limits::TOPIC_NAME_BYTES_MAX {
            return Err(TopicError::LongName);
        }
        let known = self.by_name.get(name).copied();
        if known.is_some_and(|topic| self.find(id, topic).is_some()) {
            return Ok(());
        }
        if self.by_socket.get(&id).map_or(0, Vec::len) >= max.topics_per_socket_max {
            return Err(TopicError::TooManySubscriptions);
        }
        let topic = if let Some(topic) = known {
            topic
        } else {
            let (len, holder) = (self.topics.len(), holders(id));
            if len >= max.topics_max {
                return Err(TopicError::TooManyTopics);
            }
            let is_shared = max.sockets_per_ip_max != Limits::OFF_COUNT;
            let held = holder.filter(|_| is_shared).and_then(|key| self.held.get(&key)).copied();
            if is_for_others(max.topics_max, len, held.unwrap_or(0)) {
                return Err(TopicError::TooManyOfAddress);
            }
            self.pass(None, holder);
            self.add(name)
        };
        let links = self.by_socket.entry(id).or_default();
        let members = &mut self.topics[topic].members;
        links.push(Link { topic, place: members.len() });
        members.push(Member { id, link: links.len() - 1 });
        #[cfg(feature = "admin")]
        {
            self.subscriptions_len += 1;
        }
        Ok(())
    }

    /// Removes a subscription, if there is one.
    pub(super) fn unsubscribe(&mut self, id: SocketId, name: &str, holders: Holders<'_>) {
        let Some(&topic) = self.by_name.get(name) else { return };
        if let Some(link) = self.find(id, topic) {
            self.remove(id, link, holders);
        }
    }

    /// Removes all subscriptions of a socket, while the address that it counts for is still known.
    /// Returns how many there were.
    pub(super) fn leave(&mut self, id: SocketId, holders: Holders<'_>) -> usize {
        let mut len = 0;
        while let Some(last) = self.by_socket.get(&id).map(|links| links.len() - 1) {
            self.remove(id, last, holders);
            len += 1;
        }
        len
    }

    /// Frees the unused capacity of its tables, if that is much.
    pub(super) fn trim(&mut self) {
        let Self { by_name, topics, by_socket, held, .. } = self;
        if topics.capacity() > 4 * topics.len() + SPARE_LEN {
            by_name.shrink_to_fit();
            topics.shrink_to_fit();
        }
        if by_socket.capacity() > 4 * by_socket.len() + SPARE_LEN {
            by_socket.shrink_to_fit();
            held.shrink_to_fit();
        }
    }

    /// The sockets that are subscribed to `name`, in no particular order.
    pub(super) fn members(&self, name: &str) -> impl Iterator<Item = SocketId> {
        let topic = self.by_name.get(name).and_then(|&topic| self.topics.get(topic));
        topic.into_iter().flat_map(|topic| topic.members.iter().map(|member| member.id))
    }

    /// The names of the topics that a socket is subscribed to, in no particular order.
    #[cfg(any(feature = "testing", feature = "processes"))]
    pub(super) fn names(&self, id: SocketId) -> impl Iterator<Item = &str> {
        let links = self.by_socket.get(&id).into_iter().flatten();
        links.map(|link| &*self.topics[link.topic].name)
    }

    /// Whether there is a topic of this name.
    #[cfg(feature = "processes")]
    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// How many topics there are.
    #[cfg(any(test, feature = "admin"))]
    pub(super) fn len(&self) -> usize {
        self.topics.len()
    }

    /// How many subscriptions there are.
    #[cfg(feature = "admin")]
    pub(super) const fn subscriptions_len(&self) -> usize {
        self.subscriptions_len
    }

    /// The name of each table, its capacity, and its length.
    #[cfg(test)]
    pub(super) fn tables(&self) -> Vec<(&'static str, usize, usize)> {
        let Self { by_name, topics, by_socket, held, .. } = self;
        let members = topics.iter().map(|(_, topic)| &topic.members);
        let members = members.map(|list| ("members", list.capacity(), list.len()));
        let links = by_socket.values().map(|list| ("links", list.capacity(), list.len()));
        let tables = [
            ("topics by name", by_name.capacity(), by_name.len()),
            ("topics", topics.capacity(), topics.len()),
            ("subscribers", by_socket.capacity(), by_socket.len()),
            ("holders of topics", held.capacity(), held.len()),
        ];
        tables.into_iter().chain(members).chain(links).collect()
    }

    /// Whether there are no subscriptions and no entries are left of earlier ones.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let Self { by_name, topics, by_socket, held, .. } = self;
        by_name.is_empty() && topics.is_empty() && by_socket.is_empty() && held.is_empty()
    }

    /// The index of the subscription to `topic` among those of `id`. It is searched in the shorter
    /// of the two lists: a socket with many topics costs no more than the members of the topic.
    fn find(&self, id: SocketId, topic: usize) -> Option<usize> {
        let links = self.by_socket.get(&id)?;
        let members = &self.topics[topic].members;
        if links.len() <= members.len() {
            return links.iter().position(|link| link.topic == topic);
        }
        members.iter().find(|member| member.id == id).map(|member| member.link)
    }

    fn add(&mut self, name: &str) -> usize {
        let name: Arc<str> = name.into();
        let topic = self.topics.insert(Topic { name: name.clone(), members: Vec::new() });
        self.by_name.insert(name, topic);
        topic
    }

    /// A topic that counted for `from` now counts for `to`.
    fn pass(&mut self, from: Holder, to: Holder) {
        if from == to {
            return;
        }
        if let Some(key) = from
            && let Some(held) = self.held.get_mut(&key)
        {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&key);
            }
        }
        if let Some(key) = to {
            *self.held.entry(key).or_default() += 1;
        }
    }

    /// Removes the subscription at `link` among those of `id`. On both sides the last entry moves
    /// into the gap, and its counterpart gets the new index.
    fn remove(&mut self, id: SocketId, link: usize, holders: Holders<'_>) {
        let Some(links) = self.by_socket.get_mut(&id) else { return };
        let Link { topic, place } = links.swap_remove(link);
        #[cfg(feature = "admin")]
        {
            self.subscriptions_len -= 1;
        }
        if let Some(moved) = links.get(link) {
            self.topics[moved.topic].members[moved.place].link = link;
        }
        if links.is_empty() {
            self.by_socket.remove(&id);
        }
        let members = &mut self.topics[topic].members;
        members.swap_remove(place);
        shrink(members, SPARE_LEN);
        let moved = members.get(place).copied();
        if place == 0 {
            self.pass(holders(id), moved.and_then(|member| holders(member.id)));
        }
        if let Some(moved) = moved {
            if let Some(links) = self.by_socket.get_mut(&moved.id) {
                links[moved.link].place = place;
            }
        } else if place == 0 {
            let name = self.topics.remove(topic).name;
            self.by_name.remove(&name);
            // The memory formula counts the tables at their largest. They are freed with the last
            // topic.
            if self.topics.is_empty() {
                *self = Self::default();
            }
        }
    }
}

/// Why a subscription cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TopicError {
    /// The service has as many topics as it may.
    TooManyTopics,
    /// Its address has a quarter of them, and no more than the last quarter is left.
    TooManyOfAddress,
    /// The socket has as many subscriptions as it may.
    TooManySubscriptions,
    /// The name is longer than [`Limits::TOPIC_NAME_BYTES_MAX`].
    LongName,
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyTopics => "the service has as many topics as it may (max-topics)",
            Self::TooManyOfAddress => {
                return write!(f, "max-topics is near, and {HAS_A_QUARTER}");
            }
            Self::TooManySubscriptions => {
                "the socket has as many subscriptions as it may (max-topics-per-socket)"
            }
            Self::LongName => "the name of the topic is too long",
        })
    }
}

#[derive(Debug)]
struct Topic {
    name: Arc<str>,
    members: Vec<Member>,
}

/// A subscription on the side of its topic: the socket, and the index among the socket's
/// subscriptions.
#[derive(Clone, Copy, Debug)]
struct Member {
    id: SocketId,
    link: usize,
}

/// A subscription on the side of its socket: the topic, and the index among its members.
#[derive(Clone, Copy, Debug)]
struct Link {
    topic: usize,
    place: usize,
}

/// Most topics have few members.
const SPARE_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::ws::tests::random::Random;

    fn id(number: u64) -> SocketId {
        SocketId::from_u64(number << 24 | number)
    }

    #[test]
    fn limits_hold() {
        let max = Limits { topics_max: 2, topics_per_socket_max: 1, ..Limits::SERVER };
        let mut topics = Topics::default();
        let mut subscribe =
            |number, name: &str| topics.subscribe(id(number), name, &max, &|_| None);
        assert_eq!(subscribe(1, "a"), Ok(()));
        assert_eq!(subscribe(1, "a"), Ok(()));
        assert_eq!(subscribe(1, "b"), Err(TopicError::TooManySubscriptions));
        assert_eq!(subscribe(2, "b"), Ok(()));
        assert_eq!(subscribe(3, "c"), Err(TopicError::TooManyTopics));
        assert_eq!(subscribe(3, &"x".repeat(257)), Err(TopicError::LongName));
        topics.leave(id(2), &|_| None);
        assert_eq!(topics.subscribe(id(3), "c", &max, &|_| None), Ok(()));
    }

    #[test]
    fn any_history_agrees_with_plain_sets() {
        let names = ["a", "b", "c", "d", "e"];
        let mut topics = Topics::default();
        let mut plain = BTreeSet::new();
        let mut random = Random::new(1);
        // Three sockets of each address, and three that do not count.
        let holders = |id: SocketId| match id.index() / 3 {
            0 => None,
            host => {
                AddressKey::counted(Some(([192, 0, 2, u8::try_from(host).expect("few")], 1).into()))
            }
        };
        for _ in 0..20_000 {
            let (socket, name) = (id(random.below(9) as u64), random.pick(&names));
            match random.below(8) {
                0 => {
                    topics.leave(socket, &holders);
                    plain.retain(|&(member, _)| member != socket);
                }
                1..=3 => {
                    topics.unsubscribe(socket, name, &holders);
                    plain.remove(&(socket, name));
                }
                _ => {
                    let max = &Limits::SERVER;
                    assert_eq!(topics.subscribe(socket, name, max, &holders), Ok(()));
                    plain.insert((socket, name));
                }
            }
            for name in names {
                let members: BTreeSet<_> = topics.members(name).collect();
                let expected: BTreeSet<_> =
                    plain.iter().filter(|(_, n)| *n == name).map(|(member, _)| *member).collect();
                assert_eq!(members, expected);
            }
            let used: BTreeSet<_> = plain.iter().map(|(_, name)| name).collect();
            assert_eq!(topics.len(), used.len());
            let mut held = HashMap::new();
            for (_, topic) in &topics.topics {
                if let Some(key) = holders(topic.members[0].id) {
                    *held.entry(key).or_default() += 1;
                }
            }
            assert_eq!(topics.held, held);
        }
    }
}

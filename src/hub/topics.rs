//! `Topics`: who of a service's sockets is subscribed to what. Every subscription knows its
//! place on both sides, so that each can be taken back at a fixed cost.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use slab::Slab;

use crate::hub::trim::shrink;
use crate::limits::Limits;
use crate::service::SocketId;

/// The topics of one service.
#[derive(Debug, Default)]
pub struct Topics {
    by_name: HashMap<Arc<str>, usize>,
    topics: Slab<Topic>,
    /// The subscriptions of each socket that has any.
    by_socket: HashMap<SocketId, Vec<Link>>,
}

impl Topics {
    /// Subscribes a socket; a second time changes nothing.
    ///
    /// # Errors
    /// A limit that is reached.
    pub fn subscribe(&mut self, id: SocketId, name: &str, max: &Limits) -> Result<(), TopicError> {
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
        if known.is_none() && self.topics.len() >= max.topics_max {
            return Err(TopicError::TooManyTopics);
        }
        let topic = known.unwrap_or_else(|| self.add(name));
        let links = self.by_socket.entry(id).or_default();
        let members = &mut self.topics[topic].members;
        links.push(Link { topic, place: members.len() });
        members.push(Member { id, link: links.len() - 1 });
        Ok(())
    }

    /// Takes a subscription back, if there is one.
    pub fn unsubscribe(&mut self, id: SocketId, name: &str) {
        let Some(&topic) = self.by_name.get(name) else { return };
        if let Some(link) = self.find(id, topic) {
            self.remove(id, link);
        }
    }

    /// Takes all subscriptions of a socket back. Returns how many there were.
    pub fn leave(&mut self, id: SocketId) -> usize {
        let mut len = 0;
        while let Some(last) = self.by_socket.get(&id).map(|links| links.len() - 1) {
            self.remove(id, last);
            len += 1;
        }
        len
    }

    /// Gives up what its tables have beyond what is in them, if that is much.
    pub(super) fn trim(&mut self) {
        let Self { by_name, topics, by_socket } = self;
        if topics.capacity() > 4 * topics.len() + SPARE_LEN {
            by_name.shrink_to_fit();
            topics.shrink_to_fit();
        }
        if by_socket.capacity() > 4 * by_socket.len() + SPARE_LEN {
            by_socket.shrink_to_fit();
        }
    }

    /// The sockets that are subscribed to `name`, in no particular order.
    pub fn members(&self, name: &str) -> impl Iterator<Item = SocketId> {
        let topic = self.by_name.get(name).and_then(|&topic| self.topics.get(topic));
        topic.into_iter().flat_map(|topic| topic.members.iter().map(|member| member.id))
    }

    /// How many topics there are.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.topics.len()
    }

    /// The name of each table, for how much there is room, and how much is in it.
    #[cfg(test)]
    pub(super) fn tables(&self) -> Vec<(&'static str, usize, usize)> {
        let Self { by_name, topics, by_socket } = self;
        let members = topics.iter().map(|(_, topic)| &topic.members);
        let members = members.map(|list| ("members", list.capacity(), list.len()));
        let links = by_socket.values().map(|list| ("links", list.capacity(), list.len()));
        let tables = [
            ("topics by name", by_name.capacity(), by_name.len()),
            ("topics", topics.capacity(), topics.len()),
            ("subscribers", by_socket.capacity(), by_socket.len()),
        ];
        tables.into_iter().chain(members).chain(links).collect()
    }

    /// Whether nobody is subscribed, and nothing is left of those who were.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.topics.is_empty() && self.by_name.is_empty() && self.by_socket.is_empty()
    }

    /// Where the subscription to `topic` stands among those of `id`. It is looked for in the
    /// shorter of the two lists: a socket with many topics costs no more than their members.
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

    /// Removes the subscription at `link` among those of `id`. On both sides the last one
    /// moves into the gap, and its other half is told where it stands now.
    fn remove(&mut self, id: SocketId, link: usize) {
        let Some(links) = self.by_socket.get_mut(&id) else { return };
        let Link { topic, place } = links.swap_remove(link);
        if let Some(moved) = links.get(link) {
            self.topics[moved.topic].members[moved.place].link = link;
        }
        if links.is_empty() {
            self.by_socket.remove(&id);
        }
        let members = &mut self.topics[topic].members;
        members.swap_remove(place);
        shrink(members, SPARE_LEN);
        if let Some(moved) = members.get(place).copied() {
            if let Some(links) = self.by_socket.get_mut(&moved.id) {
                links[moved.link].place = place;
            }
        } else if members.is_empty() {
            let name = self.topics.remove(topic).name;
            self.by_name.remove(&name);
            // The tables are counted for as many as there may be. They go with the last.
            if self.topics.is_empty() {
                *self = Self::default();
            }
        }
    }
}

/// Why a subscription cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicError {
    /// The service has as many topics as it may.
    TooManyTopics,
    /// The socket has as many subscriptions as it may.
    TooManySubscriptions,
    /// The name is longer than [`Limits::TOPIC_NAME_BYTES_MAX`].
    LongName,
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyTopics => "the service has as many topics as it may (max-topics)",
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

/// A subscription as its topic sees it: whose, and where it stands among theirs.
#[derive(Clone, Copy, Debug)]
struct Member {
    id: SocketId,
    link: usize,
}

/// A subscription as its socket sees it: to what, and where it stands there.
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
        assert_eq!(topics.subscribe(id(1), "a", &max), Ok(()));
        assert_eq!(topics.subscribe(id(1), "a", &max), Ok(()));
        assert_eq!(topics.subscribe(id(1), "b", &max), Err(TopicError::TooManySubscriptions));
        assert_eq!(topics.subscribe(id(2), "b", &max), Ok(()));
        assert_eq!(topics.subscribe(id(3), "c", &max), Err(TopicError::TooManyTopics));
        assert_eq!(topics.subscribe(id(3), &"x".repeat(257), &max), Err(TopicError::LongName));
        topics.leave(id(2));
        assert_eq!(topics.subscribe(id(3), "c", &max), Ok(()));
    }

    #[test]
    fn any_history_agrees_with_plain_sets() {
        let names = ["a", "b", "c", "d", "e"];
        let mut topics = Topics::default();
        let mut plain = BTreeSet::new();
        let mut random = Random::new(1);
        for _ in 0..20_000 {
            let (socket, name) = (id(random.below(9) as u64), random.pick(&names));
            match random.below(8) {
                0 => {
                    topics.leave(socket);
                    plain.retain(|&(member, _)| member != socket);
                }
                1..=3 => {
                    topics.unsubscribe(socket, name);
                    plain.remove(&(socket, name));
                }
                _ => {
                    assert_eq!(topics.subscribe(socket, name, &Limits::SERVER), Ok(()));
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
        }
    }
}

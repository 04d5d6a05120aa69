//! `SubscribedTopics`: which channels the subscriber has to have.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The channels of topics with sockets here, and of those that had some until a moment ago.
#[derive(Debug, Default)]
pub(super) struct SubscribedTopics(Mutex<SubscribedState>);

#[derive(Debug, Default)]
struct SubscribedState {
    /// Each with the time when its last socket has left, if it has none.
    channels: BTreeMap<String, Option<Instant>>,
    /// Those without sockets, in the order of these times. What has a socket again stays here.
    held: VecDeque<(Instant, String)>,
    /// Channels that have begun or ended since the subscriber has looked, each with whether it had
    /// them then. So there are no more than it had and has to have, however long it does not look.
    changed: BTreeMap<String, IsSubscribed>,
}

/// Whether the subscriber has a channel, as far as it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IsSubscribed {
    Yes,
    No,
}

/// What the subscriber has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TopicChange {
    Subscribe(String),
    Unsubscribe(String),
}

impl SubscribedTopics {
    /// A topic has its first socket. Returns whether there is a change.
    pub(super) fn begin(&self, channel: String) -> bool {
        let mut state = self.lock();
        if state.channels.insert(channel.clone(), None).is_some() {
            return false;
        }
        state.changed.entry(channel).or_insert(IsSubscribed::No);
        true
    }

    /// A topic has lost its last socket. Its channel is held for a while, unless too many are.
    /// Returns whether there is a change.
    pub(super) fn end(&self, channel: String, now: Instant) -> bool {
        let mut state = self.lock();
        if let Some(since) = state.channels.get_mut(&channel) {
            *since = Some(now);
            state.held.push_back((now, channel));
        }
        state.expire(now)
    }

    /// Ends channels that were held long enough. Returns whether there is a change.
    pub(super) fn expire(&self, now: Instant) -> bool {
        self.lock().expire(now)
    }

    /// When [`SubscribedTopics::expire`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        self.lock().held.front().map(|(since, _)| *since + HELD)
    }

    /// All channels, for a new connection: it knows of no change before.
    pub(super) fn all(&self) -> Vec<String> {
        let mut state = self.lock();
        state.changed.clear();
        state.channels.keys().cloned().collect()
    }

    /// The changes since they were taken: first what has come, then what has gone.
    pub(super) fn changes(&self) -> Vec<TopicChange> {
        let mut state = self.lock();
        let changed = std::mem::take(&mut state.changed);
        let change = |(channel, had)| match (had, state.channels.contains_key(&channel)) {
            (IsSubscribed::No, true) => Some(TopicChange::Subscribe(channel)),
            (IsSubscribed::Yes, false) => Some(TopicChange::Unsubscribe(channel)),
            (IsSubscribed::No, false) | (IsSubscribed::Yes, true) => None,
        };
        let mut changes: Vec<_> = changed.into_iter().filter_map(change).collect();
        changes.sort_by_key(|change| matches!(change, TopicChange::Unsubscribe(_)));
        changes
    }

    /// No code panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, SubscribedState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SubscribedState {
    fn expire(&mut self, now: Instant) -> bool {
        let mut has_changed = false;
        while let Some((since, _)) = self.held.front()
            && (*since + HELD <= now || self.held.len() > HELD_MAX)
            && let Some((since, channel)) = self.held.pop_front()
        {
            if self.channels.get(&channel) == Some(&Some(since)) {
                self.channels.remove(&channel);
                has_changed = true;
                if self.changed.get(&channel) == Some(&IsSubscribed::No) {
                    self.changed.remove(&channel);
                } else {
                    self.changed.insert(channel, IsSubscribed::Yes);
                }
            }
        }
        has_changed
    }
}

/// How long a channel is held without sockets: those that connect again find it.
const HELD: Duration = Duration::from_secs(5);
/// Most channels that are held.
const HELD_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_held_for_a_while() {
        use TopicChange::{Subscribe, Unsubscribe};
        let (topics, begin) = (SubscribedTopics::default(), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert!(topics.begin("a".to_owned()) && topics.begin("b".to_owned()));
        assert_eq!(topics.changes(), [Subscribe("a".to_owned()), Subscribe("b".to_owned())]);
        topics.end("a".to_owned(), at(0));
        topics.end("b".to_owned(), at(1));
        assert_eq!(topics.due(), Some(at(5)));
        assert!(!topics.begin("a".to_owned()), "it is there");
        topics.end("a".to_owned(), at(2));
        assert!(!topics.expire(at(5)), "it has had a socket since");
        assert!(topics.expire(at(6)));
        assert_eq!(topics.changes(), [Unsubscribe("b".to_owned())]);
        assert_eq!(topics.all(), ["a"]);
        assert!(topics.expire(at(7)));
        assert!(topics.begin("a".to_owned()), "it has ended");
        assert_eq!(topics.all(), ["a"]);
        assert!(topics.changes().is_empty(), "a new connection has all");
        assert_eq!(topics.due(), None);
    }

    /// As while Redis is away for long.
    #[test]
    fn topics_that_come_and_go_cost_nothing_while_nobody_looks() {
        use TopicChange::{Subscribe, Unsubscribe};
        let (topics, now) = (SubscribedTopics::default(), Instant::now());
        for name in ["stays", "goes"] {
            assert!(topics.begin(name.to_owned()));
        }
        assert_eq!(topics.changes().len(), 2);
        topics.end("goes".to_owned(), now);
        for number in 0..5 * HELD_MAX {
            let name = || format!("{}", number % (2 * HELD_MAX));
            topics.begin(name());
            topics.end(name(), now);
        }
        let len =
            |state: &SubscribedState| [state.channels.len(), state.held.len(), state.changed.len()];
        assert!(len(&topics.lock()).iter().all(|len| *len <= HELD_MAX + 2));
        topics.begin("new".to_owned());
        topics.expire(now + HELD);
        assert_eq!(topics.changes(), [Subscribe("new".to_owned()), Unsubscribe("goes".to_owned())]);
        assert_eq!(topics.all(), ["new", "stays"]);
    }
}

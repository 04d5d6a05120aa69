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
    changes: Vec<TopicChange>,
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
        state.changes.push(TopicChange::Subscribe(channel));
        true
    }

    /// A topic has lost its last socket. Its channel is held for a while.
    pub(super) fn end(&self, channel: String, now: Instant) {
        let mut state = self.lock();
        if let Some(since) = state.channels.get_mut(&channel) {
            *since = Some(now);
            state.held.push_back((now, channel));
        }
    }

    /// Ends channels that were held long enough. Returns whether there is a change.
    pub(super) fn expire(&self, now: Instant) -> bool {
        let mut state = self.lock();
        let mut has_changed = false;
        while let Some((since, _)) = state.held.front()
            && (*since + HELD <= now || state.held.len() > HELD_MAX)
            && let Some((since, channel)) = state.held.pop_front()
        {
            if state.channels.get(&channel) == Some(&Some(since)) {
                state.channels.remove(&channel);
                state.changes.push(TopicChange::Unsubscribe(channel));
                has_changed = true;
            }
        }
        has_changed
    }

    /// When [`SubscribedTopics::expire`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        self.lock().held.front().map(|(since, _)| *since + HELD)
    }

    /// All channels, for a new connection: it knows of no change before.
    pub(super) fn all(&self) -> Vec<String> {
        let mut state = self.lock();
        state.changes.clear();
        state.channels.keys().cloned().collect()
    }

    /// The changes since they were taken.
    pub(super) fn changes(&self) -> Vec<TopicChange> {
        std::mem::take(&mut self.lock().changes)
    }

    /// No code panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, SubscribedState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
}

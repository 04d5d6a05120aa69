//! `Outgoing`: what waits for the publisher.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::backplane::wire::Published;

/// Something to be published in a channel.
#[derive(Debug)]
pub(super) struct Publication {
    pub(super) channel: String,
    pub(super) what: Published,
}

/// What waits for the publisher. It is bounded, or a single message, and drops the oldest.
#[derive(Debug)]
pub(super) struct Outgoing {
    bytes_max: usize,
    state: Mutex<OutgoingState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct OutgoingState {
    waiting: VecDeque<Publication>,
    bytes: usize,
    /// Whether others have to learn that something before this is missing.
    has_missed: bool,
    /// Whether the subscriber is to look for changes.
    wakes: bool,
    /// Whether the connection is to be tried before anything is published over it.
    is_doubtful: bool,
    /// Whether it is to be made again.
    renews: bool,
    has_ended: bool,
}

/// What the publisher has to do.
#[derive(Debug, Default)]
pub(super) struct TakenBatch {
    /// To say first that something is missing.
    pub(super) has_missed: bool,
    /// To publish these.
    pub(super) publications: Vec<Publication>,
    /// To wake the subscriber.
    pub(super) wakes: bool,
    /// To connect again first.
    pub(super) renews: bool,
    /// To end after that, if there is nothing more.
    pub(super) has_ended: bool,
}

impl Outgoing {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Adds one. Returns how many were dropped for it.
    pub(super) fn push(&self, publication: Publication) -> usize {
        let mut state = self.lock();
        state.bytes += publication.cost();
        state.waiting.push_back(publication);
        let mut dropped = 0;
        // The last one is kept, however long it is.
        while state.bytes > self.bytes_max
            && state.waiting.len() > 1
            && let Some(oldest) = state.waiting.pop_front()
        {
            state.bytes -= oldest.cost();
            state.has_missed = true;
            dropped += 1;
        }
        drop(state);
        self.changed.notify_one();
        dropped
    }

    /// Others have to learn that something is missing.
    pub(super) fn miss(&self) {
        self.lock().has_missed = true;
    }

    /// The subscriber is to look for changes.
    pub(super) fn wake(&self) {
        self.lock().wakes = true;
        self.changed.notify_one();
    }

    /// The subscriber has lost its connection: so may the publisher have. It is to try its own with
    /// a sign of life first, so that no message is lost to learn that.
    pub(super) fn doubt(&self) {
        self.lock().is_doubtful = true;
        self.changed.notify_one();
    }

    /// Signs of life do not come back: the publisher is to connect again.
    pub(super) fn renew(&self) {
        self.lock().renews = true;
        self.changed.notify_one();
    }

    /// What waits is the last.
    pub(super) fn end(&self) {
        self.lock().has_ended = true;
        self.changed.notify_all();
    }

    pub(super) fn has_ended(&self) -> bool {
        self.lock().has_ended
    }

    /// How many bytes wait.
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Takes what waits, or waits for it until then. What is for other hosts is held until `hold`,
    /// unless the host ends.
    pub(super) fn take(&self, until: Instant, hold: Option<Instant>) -> TakenBatch {
        let is_held = |state: &OutgoingState| {
            !state.has_ended && hold.is_some_and(|until| Instant::now() < until)
        };
        let until = hold.map_or(until, |hold| until.min(hold));
        let mut state = self.wait(until, |state| {
            let is_for_others = !state.waiting.is_empty() || state.has_missed;
            let has_work = state.wakes || is_for_others && !is_held(state);
            !has_work && !state.is_doubtful && !state.renews && !state.has_ended
        });
        if std::mem::take(&mut state.renews) {
            return TakenBatch { renews: true, ..TakenBatch::default() };
        }
        if std::mem::take(&mut state.is_doubtful) {
            return TakenBatch { wakes: true, ..TakenBatch::default() };
        }
        if is_held(&state) {
            let wakes = std::mem::take(&mut state.wakes);
            return TakenBatch { wakes, ..TakenBatch::default() };
        }
        let mut taken = TakenBatch {
            has_missed: std::mem::take(&mut state.has_missed),
            wakes: std::mem::take(&mut state.wakes),
            ..TakenBatch::default()
        };
        while taken.publications.len() < BATCH_MAX
            && let Some(next) = state.waiting.pop_front()
        {
            state.bytes -= next.cost();
            taken.publications.push(next);
        }
        taken.has_ended = state.has_ended && state.waiting.is_empty();
        taken
    }

    /// Waits until then, or for the end.
    pub(super) fn wait_for_end(&self, until: Instant) {
        drop(self.wait(until, |state| !state.has_ended));
    }

    fn wait(
        &self,
        until: Instant,
        condition: impl Fn(&OutgoingState) -> bool,
    ) -> MutexGuard<'_, OutgoingState> {
        let within = until.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(self.lock(), within, |state| condition(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// No code panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, OutgoingState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Publication {
    /// About the bytes that it takes.
    fn cost(&self) -> usize {
        let content = match &self.what {
            Published::ToTopic(message) => message.len(),
            Published::ToAll(service, message) => service.len() + message.len(),
            Published::Missed | Published::Beat => 0,
        };
        size_of::<Self>() + self.channel.len() + content
    }
}

/// Most of one pipeline.
const BATCH_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn publication(text: &str) -> Publication {
        Publication { channel: "c".to_owned(), what: Published::ToTopic(text.into()) }
    }

    fn texts(taken: &TakenBatch) -> Vec<String> {
        let text = |one: &Publication| match &one.what {
            Published::ToTopic(message) => String::from_utf8_lossy(message.as_bytes()).into_owned(),
            other => panic!("{other:?}"),
        };
        taken.publications.iter().map(text).collect()
    }

    #[test]
    fn the_oldest_are_dropped() {
        let queue = Outgoing::new(2 * publication("abc").cost());
        assert_eq!((queue.push(publication("abc")), queue.push(publication("def"))), (0, 0));
        assert_eq!(queue.push(publication("ghi")), 1);
        let taken = queue.take(Instant::now(), None);
        assert!(taken.has_missed && !taken.has_ended);
        assert_eq!(texts(&taken), ["def", "ghi"]);
        assert_eq!(queue.bytes(), 0);
        // What is larger than the whole queue waits alone.
        let long = "x".repeat(1_000);
        assert_eq!((queue.push(publication("abc")), queue.push(publication(&long))), (0, 1));
        let taken = queue.take(Instant::now(), None);
        assert!(taken.has_missed);
        assert_eq!(texts(&taken), [long]);
        assert!(!queue.take(Instant::now(), None).has_missed);
    }

    #[test]
    fn what_waits_stays_until_the_connection_is_tried_or_made_again() {
        let asks: [(fn(&Outgoing), _); 2] =
            [(Outgoing::doubt, (true, false)), (Outgoing::renew, (false, true))];
        for (ask, wakes_and_renews) in asks {
            let queue = Outgoing::new(1 << 20);
            queue.push(publication("abc"));
            ask(&queue);
            let taken = queue.take(Instant::now(), None);
            assert_eq!((taken.wakes, taken.renews), wakes_and_renews);
            assert!(taken.publications.is_empty());
            assert_eq!(texts(&queue.take(Instant::now(), None)), ["abc"]);
        }
    }

    #[test]
    fn what_is_held_waits_in_its_order() {
        let queue = Outgoing::new(1 << 20);
        let (begin, hold) = (Instant::now(), Instant::now() + Duration::from_secs(3_600));
        queue.push(publication("abc"));
        queue.miss();
        queue.wake();
        let taken = queue.take(begin, Some(hold));
        assert!(taken.wakes && !taken.has_missed && taken.publications.is_empty());
        queue.push(publication("def"));
        assert!(queue.take(begin, Some(hold)).publications.is_empty());
        let taken = queue.take(hold, Some(begin));
        assert!(taken.has_missed);
        assert_eq!(texts(&taken), ["abc", "def"]);
        // The end does not wait.
        queue.push(publication("ghi"));
        queue.end();
        assert_eq!(texts(&queue.take(hold, Some(hold))), ["ghi"]);
    }

    #[test]
    fn what_waits_at_the_end_is_taken() {
        let queue = Outgoing::new(1 << 20);
        for number in 0..=BATCH_MAX {
            queue.push(publication(&number.to_string()));
        }
        queue.end();
        let first = queue.take(Instant::now(), None);
        assert!(!first.has_ended && first.publications.len() == BATCH_MAX);
        let second = queue.take(Instant::now(), None);
        assert!(second.has_ended);
        assert_eq!(texts(&second), ["100"]);
    }
}

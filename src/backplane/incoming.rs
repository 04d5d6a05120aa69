//! `Incoming`: what comes from other hosts, on its way to the loop.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::backplane::counts::Counts;
use crate::engine::{HostEvent, Left, LoopSource};
use crate::host::resolver::NoticeSender;
use crate::hub::{Hub, SharedEvent};
use crate::time::Time;

/// What waits for the loop. It is bounded, and drops the oldest messages: then there is a gap in
/// their place.
#[derive(Debug)]
pub(super) struct Incoming {
    bytes_max: usize,
    state: Arc<Mutex<IncomingState>>,
}

#[derive(Debug, Default)]
struct IncomingState {
    events: VecDeque<SharedEvent>,
    bytes: usize,
    /// Whether the loop takes what is there.
    is_taken: bool,
}

/// What the loop has of it, until it has taken all.
#[derive(Debug)]
struct IncomingSource(Arc<Mutex<IncomingState>>);

impl Incoming {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Arc::default() }
    }

    /// Adds an event for the loop.
    pub(super) fn push(&self, event: SharedEvent, counts: &Counts, notices: &NoticeSender) {
        if self.add(event, counts) {
            let source = IncomingSource(self.state.clone());
            notices.send_event(HostEvent::Source(Box::new(source)));
        }
    }

    /// Adds an event. Returns whether the loop has to begin.
    fn add(&self, event: SharedEvent, counts: &Counts) -> bool {
        let mut state = lock(&self.state);
        if matches!(event, SharedEvent::Gap) {
            counts.gaps.add(1);
            if matches!(state.events.back(), Some(SharedEvent::Gap)) {
                return false;
            }
        }
        state.bytes += cost(&event);
        state.events.push_back(event);
        while state.bytes > self.bytes_max {
            let is_gap = matches!(state.events.front(), Some(SharedEvent::Gap));
            if state.events.len() <= usize::from(is_gap) + 1 {
                // The last one is kept, however long it is.
                break;
            }
            let Some(oldest) = state.events.remove(usize::from(is_gap)) else { break };
            state.bytes -= cost(&oldest);
            if !is_gap {
                state.events.push_front(SharedEvent::Gap);
                counts.gaps.add(1);
            }
            if matches!(oldest, SharedEvent::Message { .. }) {
                counts.dropped_in.add(1);
            }
        }
        !std::mem::replace(&mut state.is_taken, true)
    }
}

impl IncomingSource {
    /// Takes as much as a turn does. `apply` returns how many deliveries an event counts as.
    fn take_each(&self, left: &mut usize, mut apply: impl FnMut(SharedEvent) -> usize) -> Left {
        while *left > 0 {
            let Some(event) = self.next() else { return Left::Nothing };
            *left = left.saturating_sub(apply(event));
        }
        Left::Unknown
    }

    fn next(&self) -> Option<SharedEvent> {
        let mut state = lock(&self.0);
        let Some(event) = state.events.pop_front() else {
            state.is_taken = false;
            return None;
        };
        state.bytes -= cost(&event);
        Some(event)
    }
}

impl LoopSource for IncomingSource {
    fn take(&mut self, hub: &mut Hub, left: &mut usize, now: Time) -> Left {
        self.take_each(left, |event| hub.apply_shared(event, now))
    }
}

/// About the bytes that an event takes; none for a gap, which takes the place of others.
fn cost(event: &SharedEvent) -> usize {
    match event {
        SharedEvent::Message { service, topic, message } => {
            let topic_len = topic.as_ref().map_or(0, String::len);
            size_of::<SharedEvent>() + service.len() + topic_len + message.len()
        }
        SharedEvent::Gap => 0,
    }
}

/// No code panics while it holds the lock.
fn lock(state: &Mutex<IncomingState>) -> MutexGuard<'_, IncomingState> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(number: usize) -> SharedEvent {
        SharedEvent::Message {
            service: "/a".to_owned(),
            topic: Some("t".to_owned()),
            message: format!("{number:010}").into(),
        }
    }

    /// The numbers that come, with `None` for gaps.
    fn drain(incoming: &Incoming) -> Vec<Option<usize>> {
        let mut all = Vec::new();
        let left = source(incoming).take_each(&mut usize::MAX.clone(), |event| {
            all.push(match event {
                SharedEvent::Message { message, .. } => {
                    Some(str::from_utf8(message.as_bytes()).expect("text").parse().expect("it"))
                }
                SharedEvent::Gap => None,
            });
            1
        });
        assert_eq!(left, Left::Nothing);
        all
    }

    fn source(incoming: &Incoming) -> IncomingSource {
        IncomingSource(incoming.state.clone())
    }

    #[test]
    fn a_turn_puts_no_more_into_outboxes_than_it_may() {
        let (counts, incoming) = (Counts::default(), Incoming::new(usize::MAX));
        let begins: Vec<_> = (0..20).map(|number| incoming.add(message(number), &counts)).collect();
        assert!(begins[0] && !begins[1..].contains(&true), "the loop begins once");
        let (source, mut applied) = (source(&incoming), 0);
        // Each message is for three sockets, so the last one of a turn may exceed its share.
        for expected in [4, 8, 12, 16, 20] {
            let left = source.take_each(&mut 10, |_| {
                applied += 1;
                3
            });
            assert_eq!((left, applied), (Left::Unknown, expected));
        }
        assert!(!incoming.add(message(20), &counts), "it has not seen the end");
        assert_eq!(drain(&incoming), [Some(20)]);
        assert!(incoming.add(message(21), &counts), "it begins again");
    }

    #[test]
    fn there_is_a_gap_where_messages_are_dropped() {
        let counts = Counts::default();
        let incoming = Incoming::new(3 * cost(&message(0)));
        for number in 0..3 {
            assert_eq!(incoming.add(message(number), &counts), number == 0);
        }
        assert_eq!(drain(&incoming), [Some(0), Some(1), Some(2)]);
        for number in 0..9 {
            incoming.add(message(number), &counts);
        }
        assert_eq!(drain(&incoming), [None, Some(6), Some(7), Some(8)]);
        assert_eq!(counts.dropped_in.get(), 6);
        for number in 0..2 {
            incoming.add(message(number), &counts);
        }
        incoming.add(SharedEvent::Gap, &counts);
        incoming.add(SharedEvent::Gap, &counts);
        for number in 2..4 {
            incoming.add(message(number), &counts);
        }
        assert_eq!(drain(&incoming), [None, Some(1), None, Some(2), Some(3)]);
        // What is longer than the whole queue waits alone.
        let short = Incoming::new(1);
        assert!(short.add(message(0), &counts));
        assert_eq!(drain(&short), [Some(0)]);
        (0..3).for_each(|number| _ = short.add(message(number), &counts));
        assert_eq!(drain(&short), [None, Some(2)]);
        assert_eq!(lock(&incoming.state).bytes, 0);
    }
}

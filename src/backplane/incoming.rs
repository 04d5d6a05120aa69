//! `Incoming`: what comes from other hosts, on its way to the loop.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::backplane::counts::Counts;
use crate::engine::{HostEvent, LoopTask};
use crate::host::resolver::NoticeSender;
use crate::hub::SharedEvent;

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
    /// How many tasks of the loop are on their way, each of which takes one event.
    tasks: usize,
}

impl Incoming {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Arc::default() }
    }

    /// Adds an event for the loop.
    pub(super) fn push(&self, event: SharedEvent, counts: &Counts, notices: &NoticeSender) {
        if !self.add(event, counts) {
            return;
        }
        let state = self.state.clone();
        let task = LoopTask(Box::new(move |hub, _, now| {
            let event = next(&state);
            if let Some(event) = event {
                hub.apply_shared(event, now);
            }
        }));
        notices.send_event(HostEvent::Task(task));
    }

    /// Adds an event. Returns whether the loop needs one more task for it.
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
        let needs_task = state.tasks < state.events.len();
        state.tasks += usize::from(needs_task);
        needs_task
    }
}

/// The next event, for a task.
fn next(state: &Mutex<IncomingState>) -> Option<SharedEvent> {
    let mut state = lock(state);
    state.tasks -= 1;
    let event = state.events.pop_front()?;
    state.bytes -= cost(&event);
    Some(event)
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
        while lock(&incoming.state).tasks > 0 {
            all.extend(next(&incoming.state).map(|event| match event {
                SharedEvent::Message { message, .. } => {
                    Some(str::from_utf8(message.as_bytes()).expect("text").parse().expect("it"))
                }
                SharedEvent::Gap => None,
            }));
        }
        all
    }

    #[test]
    fn there_is_a_gap_where_messages_are_dropped() {
        let counts = Counts::default();
        let incoming = Incoming::new(3 * cost(&message(0)));
        for number in 0..3 {
            assert!(incoming.add(message(number), &counts));
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

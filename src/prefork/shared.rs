//! What services of a process share with those of the others: `LinkBackplane` takes it to the
//! parent, and `Deliveries` has the loop deliver what comes from there.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::engine::{HostEvent, LoopTask};
use crate::host::resolver::NoticeSender;
use crate::hub::{Backplane, SharedEvent};
use crate::prefork::line::{LinkLine, SUB, UNSUB, to_word};
use crate::prefork::publication::publication;
use crate::prefork::queue::LinkQueue;
use crate::ws::Message;

/// Takes what services share to the parent.
#[derive(Debug)]
pub(super) struct LinkBackplane(pub(super) LinkQueue);

impl Backplane for LinkBackplane {
    fn subscribe(&mut self, service: &str, topic: &str) {
        self.0.push(LinkLine::encode(&[SUB, &to_word(service), &to_word(topic)], b""));
    }

    fn unsubscribe(&mut self, service: &str, topic: &str) {
        self.0.push(LinkLine::encode(&[UNSUB, &to_word(service), &to_word(topic)], b""));
    }

    fn publish(&mut self, service: &str, topic: Option<&str>, message: &Message) {
        self.0.push_or_miss(publication(service, topic, message));
    }
}

/// Has the loop deliver what comes from other processes.
pub(super) struct Deliveries {
    notices: NoticeSender,
    way: Arc<DeliveryWay>,
}

/// What is on its way to the loop.
#[derive(Default)]
struct DeliveryWay {
    bytes: Mutex<usize>,
    has_space: Condvar,
}

impl Deliveries {
    pub(super) fn new(notices: NoticeSender) -> Self {
        Self { notices, way: Arc::default() }
    }

    /// Passes on what has come together, so that each socket is written to once for it. It waits
    /// while much is on its way: then the link is not read, and the parent leaves out what comes.
    pub(super) fn take(&self, events: Vec<SharedEvent>) {
        let len = events.iter().map(cost).sum();
        {
            let bytes = self.way.lock();
            let full = |bytes: &mut usize| *bytes >= ON_THE_WAY_BYTES_MAX;
            let waited = self.way.has_space.wait_while(bytes, full);
            *waited.unwrap_or_else(PoisonError::into_inner) += len;
        }
        let way = Taken(self.way.clone(), len);
        let task = LoopTask(Box::new(move |hub, _, now| {
            events.into_iter().for_each(|event| hub.apply_shared(event, now));
            drop(way);
        }));
        self.notices.send_event(HostEvent::Task(task));
    }
}

impl DeliveryWay {
    /// No code panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events on their way, until this is dropped: also if the host has gone.
struct Taken(Arc<DeliveryWay>, usize);

impl Drop for Taken {
    fn drop(&mut self) {
        *self.0.lock() -= self.1;
        self.0.has_space.notify_one();
    }
}

/// About the bytes that an event takes.
fn cost(event: &SharedEvent) -> usize {
    match event {
        SharedEvent::Message { message, .. } => message.len() + EVENT_BYTES,
        SharedEvent::Gap => EVENT_BYTES,
    }
}

/// More than an event takes beside its message.
const EVENT_BYTES: usize = 1_024;
/// What is on its way may exceed this by what is read at once.
const ON_THE_WAY_BYTES_MAX: usize = 1 << 20;

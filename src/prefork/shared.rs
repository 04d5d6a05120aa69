//! What services of a process share with those of the others: `LinkBackplane` takes it to the
//! parent, and `Deliveries` has the loop deliver what comes from there.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::engine::{HostEvent, LoopTask};
use crate::host::resolver::NoticeSender;
use crate::hub::{Backplane, SharedEvent};
use crate::prefork::line::{GAP, LinkLine, PUB, SUB, UNSUB, from_word, to_word};
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

/// The line for a message to the sockets of a topic, or to all.
#[must_use]
pub fn publication(service: &str, topic: Option<&str>, message: &Message) -> Vec<u8> {
    let topic = topic.map_or_else(|| ALL.to_owned(), to_word);
    let kind = if message.is_text() { TEXT } else { BINARY };
    LinkLine::encode(&[PUB, &to_word(service), &topic, kind], message.as_bytes())
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

/// What a line of the parent says, if it is for the loop.
#[must_use]
pub fn event_of(line: &LinkLine) -> Option<SharedEvent> {
    let (verb, rest) = line.words.split_first()?;
    match (verb.as_str(), rest) {
        (PUB, [service, topic, kind]) => Some(SharedEvent::Message {
            service: from_word(service)?,
            topic: if topic == ALL { None } else { Some(from_word(topic)?) },
            message: match kind.as_str() {
                TEXT => Message::from(String::from_utf8(line.content.clone()).ok()?),
                _ => Message::from(line.content.clone()),
            },
        }),
        (GAP, []) => Some(SharedEvent::Gap),
        _ => None,
    }
}

/// In the place of a topic: all sockets. A topic of this name is encoded.
pub(super) const ALL: &str = "*";
const TEXT: &str = "TEXT";
const BINARY: &str = "BIN";
/// More than an event takes beside its message.
const EVENT_BYTES: usize = 1_024;
/// What is on its way may exceed this by what is read at once.
const ON_THE_WAY_BYTES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefork::line::LinkReader;

    #[test]
    fn what_is_published_is_what_comes() {
        for (topic, message) in [
            (Some("news"), Message::from("text")),
            (Some("*"), Message::from(vec![0, 255])),
            (Some("a b,\n%é"), Message::from("")),
            (None, Message::from("all")),
        ] {
            let mut reader = LinkReader::default();
            reader.push(&publication("/a b", topic, &message));
            let line = reader.next_line().expect("it is a line").expect("it is whole");
            let Some(SharedEvent::Message { service, topic: found, message: told }) =
                event_of(&line)
            else {
                panic!("{line:?}")
            };
            assert_eq!((&*service, found.as_deref(), told), ("/a b", topic, message));
        }
    }
}

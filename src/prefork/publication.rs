//! The lines of what services share: how a message becomes one, and what one says.

use crate::hub::SharedEvent;
use crate::prefork::line::{GAP, LinkLine, PUB, from_word, to_word};
use crate::ws::Message;

/// The line for a message to the sockets of a topic, or to all.
#[must_use]
pub fn publication(service: &str, topic: Option<&str>, message: &Message) -> Vec<u8> {
    let topic = topic.map_or_else(|| ALL.to_owned(), to_word);
    let kind = if message.is_text() { TEXT } else { BINARY };
    LinkLine::encode(&[PUB, &to_word(service), &topic, kind], message.as_bytes())
}

/// What a line of the parent says, if it is for the loop.
#[must_use]
pub fn event_of(line: LinkLine) -> Option<SharedEvent> {
    let LinkLine { words, content } = line;
    let (verb, rest) = words.split_first()?;
    match (verb.as_str(), rest) {
        (PUB, [service, topic, kind]) => Some(SharedEvent::Message {
            service: from_word(service)?,
            topic: if topic == ALL { None } else { Some(from_word(topic)?) },
            message: match kind.as_str() {
                TEXT => Message::from(String::from_utf8(content).ok()?),
                _ => Message::from(content),
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
            let event = event_of(line);
            let Some(SharedEvent::Message { service, topic: found, message: told }) = event else {
                panic!("{event:?}")
            };
            assert_eq!((&*service, found.as_deref(), told), ("/a b", topic, message));
        }
    }
}

//! What was said in the rooms of the demo chat: the last messages of each room, in memory.

#![cfg(feature = "chatroom")]

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::_chat_messages::SaidEntry;

/// Messages of a room.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Recalled<'a> {
    /// The messages.
    pub messages: Vec<SaidEntry<'a>>,
    /// Whether there are others before them.
    pub more: bool,
}

/// The last [`ROOM_MESSAGES_MAX`] messages of each room, and [`BYTES_MAX`] of all rooms. Beyond
/// that the oldest are dropped. Ids grow with each message of any room, also over restarts.
#[derive(Debug, Default)]
pub(crate) struct History {
    said: BTreeMap<u64, Said>,
    /// The ids of each room that has any, in their order.
    rooms: HashMap<Rc<str>, VecDeque<u64>>,
    bytes: usize,
    last_id: u64,
    slot: Option<u64>,
}

#[derive(Debug)]
struct Said {
    room: Rc<str>,
    name: Rc<str>,
    text: Box<str>,
    /// In milliseconds since 1970.
    at: u64,
}

impl Said {
    fn bytes(&self) -> usize {
        ENTRY_BYTES + self.room.len() + self.name.len() + self.text.len()
    }
}

impl History {
    /// Keeps a message of a room, with the next id. Returns that, and the time.
    pub(crate) fn add(&mut self, room: &Rc<str>, name: &Rc<str>, text: &str) -> (u64, u64) {
        let now_ms = unix_ms();
        self.add_at(now_ms, room, name, text);
        (self.last_id, now_ms)
    }

    /// Further ids are those of this slot.
    #[cfg(feature = "processes")]
    pub(crate) const fn share(&mut self, slot: Option<u64>) {
        self.slot = slot;
    }

    /// Keeps a message of another process. Further ids are above it.
    #[cfg(feature = "processes")]
    pub(crate) fn hear(&mut self, id: u64, at: u64, room: &Rc<str>, name: &Rc<str>, text: &str) {
        self.last_id = self.last_id.max(id);
        if !self.said.contains_key(&id) {
            self.keep(id, at, room, name, text);
        }
    }

    /// Keeps a message of a room.
    pub(crate) fn keep(&mut self, id: u64, at: u64, room: &Rc<str>, name: &Rc<str>, text: &str) {
        let said = Said { room: room.clone(), name: name.clone(), text: text.into(), at };
        self.bytes += said.bytes();
        self.said.insert(id, said);
        let ids = self.rooms.entry(room.clone()).or_default();
        // Its id is the last one, unless it is of another process.
        let place = ids.partition_point(|known| *known < id);
        ids.insert(place, id);
        if ids.len() > ROOM_MESSAGES_MAX
            && let Some(id) = ids.pop_front()
        {
            self.bytes -= self.said.remove(&id).map_or(0, |said| said.bytes());
        }
        while self.bytes > BYTES_MAX {
            let Some((_, said)) = self.said.pop_first() else { return };
            self.bytes -= said.bytes();
            // The oldest of all is the oldest of its room.
            let Some(ids) = self.rooms.get_mut(&said.room) else { continue };
            ids.pop_front();
            if ids.is_empty() {
                self.rooms.remove(&said.room);
            }
        }
    }

    /// The last `limit` messages of a room before an id, or before all that is to come. The last
    /// one is at the end. A long answer has fewer, and at least one.
    pub(crate) fn recall(&self, room: &str, before: Option<u64>, limit: usize) -> Recalled<'_> {
        Recalled::newest(self.newest_first(room, before.unwrap_or(u64::MAX)), limit)
    }

    /// The messages of a room before an id, the last one first.
    pub(crate) fn newest_first(
        &self,
        room: &str,
        before: u64,
    ) -> impl Iterator<Item = SaidEntry<'_>> {
        let ids = self.rooms.get(room);
        let ids = ids.map(|ids| ids.range(..ids.partition_point(|id| *id < before)));
        ids.into_iter().flatten().rev().map(|id| {
            let said = &self.said[id];
            (*id, &*said.name, &*said.text, said.at)
        })
    }

    /// A room has gone.
    pub(crate) fn forget(&mut self, room: &str) {
        for id in self.rooms.remove(room).into_iter().flatten() {
            self.bytes -= self.said.remove(&id).map_or(0, |said| said.bytes());
        }
    }

    fn add_at(&mut self, now_ms: u64, room: &Rc<str>, name: &Rc<str>, text: &str) {
        self.last_id = match self.last_id {
            0 if self.slot.is_none() => first_id(now_ms),
            last => next_id(last, self.slot, now_ms),
        };
        self.keep(self.last_id, now_ms, room, name, text);
    }
}

impl<'a> Recalled<'a> {
    /// The first `limit` of messages of which the last one comes first, or as many as an answer
    /// has.
    pub(crate) fn newest(mut all: impl Iterator<Item = SaidEntry<'a>>, limit: usize) -> Self {
        let (mut messages, mut bytes, mut more) = (Vec::new(), 0, false);
        for said @ (_, name, text, _) in all.by_ref() {
            bytes += json_len(name) + json_len(text);
            more = messages.len() == limit || (bytes > ANSWER_BYTES_MAX && !messages.is_empty());
            if more {
                break;
            }
            messages.push(said);
        }
        messages.reverse();
        Self { messages, more }
    }
}

/// The id of the first message after a start. Less than a million messages come in a second: so no
/// id was used before.
pub(crate) const fn first_id(now_ms: u64) -> u64 {
    now_ms * 1_000
}

/// The id after another one. With a slot, it is of this process and of this millisecond, or of a
/// later one: so processes that share have different ids, in the order of their clocks.
pub(crate) fn next_id(last: u64, slot: Option<u64>, now_ms: u64) -> u64 {
    let Some(slot) = slot else { return last + 1 };
    let id = first_id(now_ms.max(last / 1_000)) + slot;
    if id > last { id } else { id + 1_000 }
}

/// The length of a text in JSON (RFC 8259, 7).
fn json_len(text: &str) -> usize {
    let byte_len = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(byte_len).sum()
}

/// A clock that was never set stands at 1970.
pub(crate) fn unix_ms() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 1_000)
}

/// How many messages of a room are kept.
pub(crate) const ROOM_MESSAGES_MAX: usize = 200;
/// How much is kept of all rooms, in bytes: texts, names, and [`ENTRY_BYTES`] for each message.
pub(crate) const BYTES_MAX: usize = 4 << 20;
/// What a message takes besides its texts: its entries in both tables, with their spare capacity,
/// and what an allocator needs.
const ENTRY_BYTES: usize = 256;
/// How much text an answer has, unless a single message is longer.
pub(crate) const ANSWER_BYTES_MAX: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn history(said: &[(&str, &str)]) -> History {
        let mut history = History::default();
        for (room, text) in said {
            history.add_at(7, &(*room).into(), &"Ida".into(), text);
        }
        history
    }

    fn texts<'a>(recalled: &Recalled<'a>) -> Vec<&'a str> {
        recalled.messages.iter().map(|(_, _, text, _)| *text).collect()
    }

    #[test]
    fn pages_join_without_gaps() {
        let said: Vec<_> = (0..25).map(|number| number.to_string()).collect();
        let pairs: Vec<_> = said.iter().flat_map(|text| [("a", &**text), ("b", "x")]).collect();
        let history = history(&pairs);
        let (mut before, mut found) = (None, Vec::new());
        loop {
            let page = history.recall("a", before, 10);
            before = Some(page.messages[0].0);
            found.splice(0..0, texts(&page).into_iter().map(str::to_owned));
            if !page.more {
                break;
            }
        }
        assert_eq!(found, said);
        assert_eq!(history.recall("a", Some(7_000), 10), Recalled::default(), "before the first");
        assert_eq!(history.recall("c", None, 10), Recalled::default());
        let first = history.recall("a", Some(7_001), 10);
        assert_eq!(first, Recalled { messages: vec![(7_000, "Ida", "0", 7)], more: false });
    }

    #[test]
    fn the_oldest_go_first() {
        let mut many = history(&[]);
        for number in 0..=ROOM_MESSAGES_MAX {
            many.add_at(7, &"a".into(), &"Ida".into(), &number.to_string());
        }
        let kept = many.recall("a", None, usize::MAX);
        assert_eq!((kept.messages.len(), kept.more), (ROOM_MESSAGES_MAX, false));
        assert_eq!(texts(&kept)[0], "1");
        // Of all rooms together, whichever they are of.
        let long = "x".repeat(BYTES_MAX / 4);
        for room in ["b", "c", "d"] {
            many.add_at(7, &room.into(), &"Ida".into(), &long);
        }
        assert_eq!(many.recall("a", None, 200).messages.len(), ROOM_MESSAGES_MAX);
        many.add_at(7, &"e".into(), &"Ida".into(), &long);
        assert_eq!(many.recall("a", None, 200), Recalled::default());
        assert_eq!(many.recall("b", None, 200), Recalled::default());
        assert_eq!(texts(&many.recall("c", None, 200)), [&*long]);
        assert!(many.bytes <= BYTES_MAX && !many.rooms.contains_key("a"));
        for room in ["c", "d", "e", "f"] {
            many.forget(room);
        }
        assert_eq!((many.bytes, many.said.len(), many.rooms.len()), (0, 0, 0));
    }

    /// Processes that share have different ids, which grow in each of them, and which follow the
    /// clock as soon as they can.
    #[test]
    fn ids_of_processes_differ() {
        let mut seen = std::collections::BTreeSet::new();
        let mut last = [0; 3];
        for step in 0..300 {
            // Ten messages in a millisecond are more than the ids of a process in that time.
            let (process, now_ms) = (step % 3, 1_700_000_000_000 + step as u64 / 30);
            let id = next_id(last[process], Some(process as u64 * 7), now_ms);
            assert!(id > last[process] && id % 1_000 == process as u64 * 7 && seen.insert(id));
            last[process] = id;
        }
        // What is heard of another one is before what is said then.
        let heard = next_id(last[1] + 5_123, Some(7), 1_700_000_000_000);
        assert!(heard > last[1] + 5_123 && heard % 1_000 == 7 && heard < last[1] + 7_123);
        let later = next_id(last[0], Some(0), 1_800_000_000_000);
        assert_eq!(later, first_id(1_800_000_000_000));
        assert_eq!(next_id(9, None, 1_800_000_000_000), 10, "without a slot");
    }

    /// What another process has sent has its place by its id.
    #[cfg(feature = "processes")]
    #[test]
    fn messages_of_others_are_among_the_own() {
        let mut history = history(&[("a", "one"), ("a", "two")]);
        let mut hear = |id, text| history.hear(id, 7, &"a".into(), &"Olaf".into(), text);
        hear(7_005, "five");
        hear(6_000, "before");
        hear(7_003, "three");
        hear(7_003, "twice");
        history.add_at(7, &"a".into(), &"Ida".into(), "six");
        let all = history.recall("a", None, 9);
        assert_eq!(texts(&all), ["before", "one", "two", "three", "five", "six"]);
        assert_eq!(texts(&history.recall("a", Some(7_003), 9)), ["before", "one", "two"]);
    }

    /// An answer fits an outbox, whatever it has to escape.
    #[test]
    fn long_answers_are_cut() {
        let long = "\u{1}".repeat(10_000);
        let many = history(&[("a", &*long); 5]);
        let page = many.recall("a", None, 200);
        assert_eq!((page.messages.len(), page.more), (2, true));
        let longest = "\u{1}".repeat(100_000);
        let page_len = history(&[("a", &*longest); 2]).recall("a", None, 200).messages.len();
        assert_eq!(page_len, 1);
        assert_eq!(json_len("a\"\\\n\u{1}\u{e4}"), 1 + 2 + 2 + 2 + 6 + 2);
    }
}

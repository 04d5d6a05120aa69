//! `Handover`: what is kept when a program dies and its sockets stay: the sockets, and the input
//! that it had not read. The next program gets both, first the sockets and then the input.
//!
//! A line counts as read once the program has taken its last byte from the pipe, even if only into
//! a buffer: what it has done with the line is unknown. So nothing is written twice.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::ops::Bound;

use crate::process::unread::{LineSubject, UnreadLines};
use crate::programs::{ProgramEvent, ProgramPlace};
use crate::service::{Inbound, SocketId};

/// The sockets of a program, and the input that it may not have read.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// The sockets whose OPEN the program has got, until it has read their CLOSE.
    sockets: BTreeMap<SocketId, HeldSocket>,
    unread: UnreadLines,
    /// The input that earlier programs have not read, until this one gets it.
    rest: UnreadLines,
    progress: HandoverProgress,
}

#[derive(Debug)]
struct HeldSocket {
    /// The body of its OPEN.
    variables: Box<[u8]>,
    /// The number in its FULL, if that was the last event of its outbox.
    full: Option<usize>,
}

/// How far a program has got the state that earlier ones have left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum HandoverProgress {
    /// There is nothing left for the first one.
    #[default]
    Done,
    /// It has got the sockets up to this one.
    After(Option<SocketId>),
}

impl Handover {
    /// A program begins, which has got this HELLO.
    pub(super) fn begin(&mut self, hello: &[u8]) {
        self.unread.add(LineSubject::Passing, |line| line.extend_from_slice(hello));
    }

    /// Appends a line to the input of the program. `None` if it reads no more: then the next one
    /// gets the line.
    pub(super) fn tell(
        &mut self,
        told: &ProgramEvent<'_>,
        place: &ProgramPlace,
        input: Option<&mut Vec<u8>>,
    ) {
        self.add(what(told), |line| told.encode(place, line), input);
    }

    /// Whether it is worth to find out how much the program has read, for [`Handover::read_up_to`].
    pub(super) fn is_long(&self) -> bool {
        self.unread.is_long()
    }

    /// The program has read so much.
    pub(super) fn read_up_to(&mut self, read: u64) {
        let sockets = &mut self.sockets;
        self.unread.read_up_to(read, |what| match what {
            LineSubject::Open(_) | LineSubject::Data(_) | LineSubject::Passing => {}
            LineSubject::Full(id, bytes) => {
                sockets.entry(id).and_modify(|socket| socket.full = Some(bytes));
            }
            LineSubject::Drained(id) => {
                sockets.entry(id).and_modify(|socket| socket.full = None);
            }
            LineSubject::Close(id) => {
                sockets.remove(&id);
            }
        });
    }

    /// The program has gone, after it had read so much. Its unread input is for the next one,
    /// except lines for this one alone, and the ends of sockets that the next one need not know.
    pub(super) fn end(&mut self, read: u64) {
        self.read_up_to(read);
        let (unread, rest) = (mem::take(&mut self.unread), mem::take(&mut self.rest));
        let left = || unread.lines().chain(rest.lines());
        let (mut opened, mut spoken, mut closed) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (what, _) in left() {
            match what {
                LineSubject::Open(id) => drop(opened.insert(id)),
                LineSubject::Data(id) => drop(spoken.insert(id)),
                LineSubject::Close(id) => drop(closed.insert(id)),
                LineSubject::Full(..) | LineSubject::Drained(_) | LineSubject::Passing => {}
            }
        }
        let is_silent =
            |id: &SocketId| closed.contains(id) && !spoken.contains(id) && !opened.contains(id);
        // A socket whose OPEN is among the lines is no earlier program's.
        self.sockets.retain(|id, _| !opened.contains(id) && !is_silent(id));
        for (what, line) in left() {
            let id = match what {
                LineSubject::Open(id) | LineSubject::Data(id) | LineSubject::Close(id) => id,
                LineSubject::Full(id, _) | LineSubject::Drained(id) => id,
                LineSubject::Passing => continue,
            };
            if !is_silent(&id) {
                self.rest.add(what, |bytes| bytes.extend_from_slice(line));
            }
        }
    }

    /// A new program gets what the last one has left.
    pub(super) fn begin_handover(&mut self) {
        self.progress = HandoverProgress::After(None);
    }

    /// Whether the program has got all that was left.
    pub(super) fn is_handed_over(&self) -> bool {
        self.progress == HandoverProgress::Done
    }

    /// Sends the program one more socket, or, after the last one, the unread input. Call it until
    /// [`Handover::is_handed_over`], while the input is not full.
    pub(super) fn hand_over(&mut self, place: &ProgramPlace, input: &mut Vec<u8>) {
        let HandoverProgress::After(last) = self.progress else { return };
        let after = last.map_or(Bound::Unbounded, Bound::Excluded);
        let Some((&id, socket)) = self.sockets.range((after, Bound::Unbounded)).next() else {
            self.progress = HandoverProgress::Done;
            let rest = mem::take(&mut self.rest);
            for (what, line) in rest.lines() {
                self.add(what, |bytes| bytes.extend_from_slice(line), Some(input));
            }
            return;
        };
        self.progress = HandoverProgress::After(Some(id));
        let opened = ProgramEvent::Resumed { id, variables: &socket.variables };
        let full = socket.full.map(|bytes| Inbound::Full { id, bytes });
        let full = full.as_ref().map(ProgramEvent::Inbound);
        for told in [Some(opened), full].into_iter().flatten() {
            let line = self.unread.add(LineSubject::Passing, |line| told.encode(place, line));
            input.extend_from_slice(line);
        }
    }

    /// How many sockets there are.
    pub(super) fn len(&self) -> usize {
        self.sockets.len()
    }

    fn add(
        &mut self,
        what: LineSubject,
        write: impl FnOnce(&mut Vec<u8>),
        input: Option<&mut Vec<u8>>,
    ) {
        let line = self.unread.add(what, write);
        if let Some(input) = input {
            input.extend_from_slice(line);
        }
        if let LineSubject::Open(id) = what {
            // Behind the header, and before the newline that ends it.
            let body = line.iter().position(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            let variables = line[body..].strip_suffix(b"\n").unwrap_or_default().into();
            self.sockets.insert(id, HeldSocket { variables, full: None });
        }
    }
}

fn what(told: &ProgramEvent<'_>) -> LineSubject {
    match told {
        ProgramEvent::Inbound(inbound) => match **inbound {
            Inbound::Ask { .. } => LineSubject::Passing,
            #[cfg(feature = "processes")]
            Inbound::Gap { .. } | Inbound::Heard { .. } => LineSubject::Passing,
            Inbound::Open { id, .. } => LineSubject::Open(id),
            Inbound::Data { id, .. } => LineSubject::Data(id),
            Inbound::Full { id, bytes } => LineSubject::Full(id, bytes),
            Inbound::Drained { id } => LineSubject::Drained(id),
            Inbound::Close { id, .. } => LineSubject::Close(id),
        },
        ProgramEvent::Hello { .. }
        | ProgramEvent::Resumed { .. }
        | ProgramEvent::Reload
        | ProgramEvent::Stop { .. }
        | ProgramEvent::Mistake(_) => LineSubject::Passing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::Message;

    fn id(serial: u64) -> SocketId {
        SocketId::new(0, serial).expect("it is one")
    }

    fn place() -> ProgramPlace {
        ProgramPlace { service: "/chat".to_owned(), address: Some(([127, 0, 0, 1], 80).into()) }
    }

    /// The input of the next program, after this one has read so much.
    fn next(handover: &mut Handover, read: usize) -> String {
        handover.end(read as u64);
        handover.begin_handover();
        let mut input = Vec::new();
        while !handover.is_handed_over() {
            handover.hand_over(&place(), &mut input);
        }
        String::from_utf8(input).expect("it is text")
    }

    /// An OPEN is passed once, and only the last event of an outbox. A line that the next program
    /// does not read goes to the one after it.
    #[test]
    fn what_was_left_is_handed_over() {
        let (one, text) = (id(1), Message::from("x"));
        let opened = "OPEN 16777216 +4\na=b\n\n";
        let again = "OPEN 16777216 +14\na=b\nRESUMED=1\n\n";
        let (full, data) = ("FULL 16777216 9\n", "TEXT 16777216 +1\nx\n");
        let mut handover = Handover::default();
        let mut input = Vec::new();
        let open = |line: &mut Vec<u8>| line.extend(opened.bytes());
        handover.add(LineSubject::Open(one), open, Some(&mut input));
        let told = [Inbound::Full { id: one, bytes: 9 }, Inbound::Data { id: one, message: text }];
        for inbound in &told {
            handover.tell(&ProgramEvent::Inbound(inbound), &place(), Some(&mut input));
        }
        handover.tell(&ProgramEvent::Reload, &place(), Some(&mut input));
        assert_eq!(input, [opened, full, data, "RELOAD\n"].concat().as_bytes());
        // Nothing of it, or not the whole of the first line.
        for read in [0, opened.len() - 1] {
            assert_eq!(next(&mut handover, read), [opened, full, data].concat());
        }
        assert_eq!(next(&mut handover, opened.len()), [again, full, data].concat());
        let read = again.len() + full.len() + data.len() - 1;
        assert_eq!(next(&mut handover, read), [again, full, data].concat());
        assert_eq!(next(&mut handover, read + 1), [again, full].concat());
        let drained = Inbound::Drained { id: one };
        handover.tell(&ProgramEvent::Inbound(&drained), &place(), None);
        assert_eq!(next(&mut handover, 1_000), again);
        assert_eq!(handover.len(), 1);
    }
}

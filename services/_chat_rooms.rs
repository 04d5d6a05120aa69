//! The rooms of the demo chat: who is in which, and what their members get.
//!
//! Each change of a room concerns all clients, so a peer that changes rooms without pause could
//! make any amount of output. Therefore only a few counts are sent at once; the others wait for a
//! tick, which sends the last count of each room once.

#![cfg(feature = "chatroom")]

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use switchboard::{Audience, Context, Limits, Peer, SocketId};

use super::_chat_history::{History, ROOM_MESSAGES_MAX, Recalled};
use super::_chat_messages::{Event, NAME_CHARS_MAX, Name, Reply};
#[cfg(feature = "processes")]
use super::_chat_news::{News, Said};

/// A client with a name.
pub(crate) struct User {
    pub name: Name,
    pub seat: Option<Seat>,
    /// When it made its last rooms, [`NEW_ROOMS_MAX`] at most.
    made: VecDeque<Instant>,
}

/// Where a user is: the place of the room, and the number in it.
#[derive(Clone, Copy)]
pub(crate) struct Seat {
    place: usize,
    number: u64,
}

/// All rooms, up to [`ROOMS_MAX`].
#[derive(Default)]
pub(crate) struct Rooms {
    /// What was said in them, unless a database has that.
    pub(super) history: History,
    /// What other processes are to know, if any are.
    #[cfg(feature = "processes")]
    pub(super) news: Option<Vec<News>>,
    /// By place. A room without members may be replaced by another one, so that a place means one
    /// room as long as it has a member.
    pub(super) list: Vec<Room>,
    pub(super) places: HashMap<Name, usize>,
    /// The places of rooms without members, by [`Room::empty_since`].
    pub(super) empty: BTreeMap<u64, usize>,
    next_since: u64,
    /// The places of rooms whose counts wait for a tick, each once, in the order of changing.
    waiting: VecDeque<usize>,
    /// How many counts have been sent at once, less those that calm ticks have made up for.
    sent_at_once: usize,
}

pub(super) struct Room {
    pub(super) name: Name,
    /// Its members are subscribed to it. It is the room's place, since a room's name may be
    /// longer than a topic's, and may be [`EVERYBODY`].
    topic: String,
    /// Names by number, which is the order of entering.
    pub(super) members: BTreeMap<u64, Name>,
    next_number: u64,
    /// How many people of other processes are in it.
    pub(super) others: usize,
    /// A number that grows with each room that becomes empty, or is made.
    pub(super) empty_since: u64,
    /// Whether its place is in [`Rooms::waiting`].
    waits: bool,
}

impl User {
    pub(crate) fn new(name: Name) -> Self {
        Self { name, seat: None, made: VecDeque::new() }
    }
}

impl Rooms {
    /// All rooms, with how many are in each.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, usize)> {
        self.list.iter().map(Room::entry)
    }

    /// The room that a user is in.
    pub(crate) fn room_of(&self, user: &User) -> Option<&Name> {
        Some(&self.list[user.seat?.place].name)
    }

    /// Makes a room, unless it is there, and tells all of it.
    pub(crate) fn create(&mut self, peer: &mut Peer, user: &mut User, name: Name) {
        if self.places.contains_key(&name) {
            return;
        }
        let now = Instant::now();
        while user.made.front().is_some_and(|&made| now.duration_since(made) >= MINUTE) {
            user.made.pop_front();
        }
        if user.made.len() == NEW_ROOMS_MAX {
            let notice = format!("No more than {NEW_ROOMS_MAX} new chatrooms in a minute.");
            return peer.send(Reply::Notice { notice: notice.into() });
        }
        let Some(place) = self.take_place(peer.context()) else {
            let notice = format!("No more than {ROOMS_MAX} chatrooms.");
            return peer.send(Reply::Notice { notice: notice.into() });
        };
        user.made.push_back(now);
        #[cfg(feature = "processes")]
        self.note(|| News::Room(name.clone()));
        self.make(peer.context(), name, place);
    }

    /// Notes what other processes are to know, if any are.
    #[cfg(feature = "processes")]
    pub(super) fn note(&mut self, news: impl FnOnce() -> News) {
        if let Some(all) = &mut self.news {
            all.push(news());
        }
    }

    pub(super) fn make(&mut self, context: &mut Context, name: Name, place: usize) {
        context.send(everybody(), Event::NewChatroom { name: &name.0 });
        self.places.insert(name.clone(), place);
        let room = Room::new(name, place);
        match self.list.get_mut(place) {
            Some(gone) => *gone = room,
            None => self.list.push(room),
        }
        self.note_empty(place);
    }

    /// Makes rooms of earlier runs, of which the one with the latest message comes first.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn know(&mut self, context: &mut Context, mut rooms: Vec<String>) {
        rooms.truncate(ROOMS_MAX - self.list.len());
        // A room that was made earlier is replaced earlier.
        for name in rooms.into_iter().rev().filter_map(|room| Name::try_from(room).ok()) {
            if !self.places.contains_key(&name) {
                self.make(context, name, self.list.len());
            }
        }
    }

    /// Tells the members of a room what somebody has said. The room may have made place meanwhile.
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "processes"))]
    pub(crate) fn show(&self, context: &mut Context, room: &Name, name: &str, message: &str) {
        if let Some(&place) = self.places.get(room) {
            context.send(self.list[place].here(), Event::Message { name, message });
        }
    }

    /// Has a user enter a room. A client that enters its own room leaves it first, as with any
    /// other room.
    pub(crate) fn join(&mut self, peer: &mut Peer, user: &mut User, name: &Name) {
        let Some(&place) = self.places.get(name) else {
            let notice = format!("Chatroom {} not found.", name.0);
            return peer.send(Reply::Notice { notice: notice.into() });
        };
        let id = peer.id();
        if let Some(old) = user.seat {
            self.leave(peer.context(), id, old);
        }
        let room = &mut self.list[place];
        self.empty.remove(&room.empty_since);
        let number = room.enter(peer.context(), id, user.name.clone());
        self.send_count(peer.context(), place);
        user.seat = Some(Seat { place, number });
        #[cfg(feature = "processes")]
        self.note(|| News::Enter { room: name.clone(), name: user.name.clone() });
        peer.send(Reply::Join { chatroom: &name.0 });
    }

    /// Has a client leave its room.
    pub(crate) fn leave(&mut self, context: &mut Context, id: SocketId, seat: Seat) {
        let room = &mut self.list[seat.place];
        let _name = room.leave(context, id, seat.number);
        #[cfg(feature = "processes")]
        {
            let room = room.name.clone();
            self.note(|| News::Leave { room, name: _name });
        }
        if self.list[seat.place].len() == 0 {
            self.note_empty(seat.place);
        }
        self.send_count(context, seat.place);
    }

    /// Sends all clients how many are in the room: now, or with the next ticks. While other rooms
    /// wait, this one does as well, so that counts have the order of the changes.
    pub(super) fn send_count(&mut self, context: &mut Context, place: usize) {
        let room = &mut self.list[place];
        if self.waiting.is_empty() && self.sent_at_once < AT_ONCE_MAX {
            self.sent_at_once += 1;
            room.send_count(context);
        } else if !room.waits {
            room.waits = true;
            self.waiting.push_back(place);
        }
    }

    /// How soon counts that wait may be sent. None after a calm time: an idle chat causes no
    /// wake-ups. Counts wait only while as many have been sent at once as may be.
    pub(crate) fn tick_interval(&self) -> Option<Duration> {
        (self.sent_at_once > 0).then_some(TICK)
    }

    /// Sends counts that wait. Only a tick before which nothing had to wait allows more counts to
    /// be sent at once: as long as a client changes rooms without pause, all counts wait for ticks.
    pub(crate) fn send_waiting(&mut self, context: &mut Context) {
        if self.waiting.is_empty() {
            self.sent_at_once = self.sent_at_once.saturating_sub(AT_ONCE_PER_TICK);
        }
        for _ in 0..COUNTS_PER_TICK {
            let Some(place) = self.waiting.pop_front() else { return };
            self.list[place].waits = false;
            self.list[place].send_count(context);
        }
    }

    /// The place of a new room: the next one, or that of the room that has been empty longest,
    /// which is gone then. `None` if all have members.
    pub(super) fn take_place(&mut self, context: &mut Context) -> Option<usize> {
        if self.list.len() < ROOMS_MAX {
            return Some(self.list.len());
        }
        let (_, place) = self.empty.pop_first()?;
        let room = &self.list[place];
        self.places.remove(&room.name);
        self.history.forget(&room.name.0);
        if room.waits {
            // Clients keep listing the room, so they are sent its last count.
            room.send_count(context);
            self.waiting.retain(|&waiting| waiting != place);
        }
        Some(place)
    }

    pub(super) fn note_empty(&mut self, place: usize) {
        self.list[place].empty_since = self.next_since;
        self.empty.insert(self.next_since, place);
        self.next_since += 1;
    }

    /// Tells the members of a room what one of them says, and keeps it in memory.
    pub(crate) fn tell(&mut self, peer: &mut Peer, user: &User, message: &str) {
        let Some(seat) = user.seat else { return };
        let room = &self.list[seat.place];
        let (_id, _at) = self.history.add(&room.name.0, &user.name.0, message);
        peer.send_to(room.here(), Event::Message { name: &user.name.0, message });
        #[cfg(feature = "processes")]
        {
            let (room, name) = (room.name.clone(), user.name.clone());
            self.note(|| News::Said(Said { room, name, text: message.into(), id: _id, at: _at }));
        }
    }

    /// Sends a client who is in its room: one message for the asker alone, where [`Rooms::tell`]
    /// has one for each member. So a flood of these questions needs no bound of its own. `others`
    /// are the people of other processes there.
    pub(crate) fn list_members<'a>(
        &'a self,
        peer: &mut Peer,
        user: &User,
        others: impl Iterator<Item = &'a Name>,
    ) {
        let Some(seat) = user.seat else { return };
        let room = &self.list[seat.place];
        let names = room.members.values().chain(others);
        let names = names.take(NAMES_MAX).map(|name| &*name.0).collect();
        peer.send(Reply::Who { chatroom: &room.name.0, names });
    }

    /// Whether a client may have this much of what was said in a room: it has to be in it.
    pub(crate) fn may_recall(&self, user: &User, room: &Name, limit: usize) -> bool {
        (1..=ROOM_MESSAGES_MAX).contains(&limit) && self.room_of(user) == Some(room)
    }

    /// What was said in a room, from memory. The answer has its place among the messages of the
    /// room.
    pub(crate) fn recall(&self, peer: &mut Peer, room: &Name, before: Option<u64>, limit: usize) {
        let Recalled { messages, more } = self.history.recall(&room.0, before, limit);
        peer.send(Reply::History { chatroom: &room.0, messages, more });
    }
}

/// The host applies transactions in their order. So members are notified before the entering client
/// is one of them, and after the leaving client is none.
impl Room {
    fn new(name: Name, place: usize) -> Self {
        let (topic, members) = (place.to_string(), BTreeMap::new());
        Self { name, topic, members, next_number: 0, others: 0, empty_since: 0, waits: false }
    }

    /// Its members, of this process. Their order is that of this process, so other processes send
    /// their own.
    pub(super) fn here(&self) -> Audience {
        Audience::topic(&self.topic).local()
    }

    /// How many people are in it, in all processes.
    pub(super) fn len(&self) -> usize {
        self.members.len() + self.others
    }

    /// Returns the number of the new member.
    fn enter(&mut self, context: &mut Context, id: SocketId, user: Name) -> u64 {
        context.send(self.here(), Event::NewUser { name: &user.0 });
        context.subscribe(id, &self.topic);
        let number = self.next_number;
        self.next_number += 1;
        self.members.insert(number, user);
        number
    }

    /// Returns the name of the member.
    fn leave(&mut self, context: &mut Context, id: SocketId, number: u64) -> Name {
        let user = self.members.remove(&number).expect("each seat is that of a member");
        context.unsubscribe(id, &self.topic);
        context.send(self.here(), Event::Logoff { name: &user.0 });
        user
    }

    fn send_count(&self, context: &mut Context) {
        context.send(everybody(), Event::Update { data: self.entry() });
    }

    fn entry(&self) -> (&str, usize) {
        (&self.name.0, self.len())
    }
}

/// All clients of this process that have got their listing, named or not.
pub(crate) fn everybody() -> Audience {
    Audience::topic(EVERYBODY).local()
}

/// The topic of all clients that have got their listing. Those of rooms are numbers.
pub(crate) const EVERYBODY: &str = "everybody";
/// One more takes the place of a room without members. If there is none, the answer is a notice.
pub(crate) const ROOMS_MAX: usize = 1_024;
/// How many rooms a client makes in any minute. One more is answered with a notice.
const NEW_ROOMS_MAX: usize = 16;
const MINUTE: Duration = Duration::from_secs(60);
/// How long a count waits at most, unless more than [`COUNTS_PER_TICK`] do.
const TICK: Duration = Duration::from_millis(100);
/// How many counts are sent at once after a calm time, so that a client of a chat that is not
/// busy gets them in the order that `docs/chat.md` describes.
const AT_ONCE_MAX: usize = 32;
/// For how many of them a calm tick makes up.
const AT_ONCE_PER_TICK: usize = 4;
/// How many counts a tick sends, so that no client gets more of them than 320 in a second.
const COUNTS_PER_TICK: usize = 32;
/// In an answer to `who`: the members that entered first. Their number is known from the counts.
pub(crate) const NAMES_MAX: usize = 256;
/// A name in JSON, whose characters may all have to be escaped, as in `\u0001`, and what it takes
/// in a list besides: quotes, brackets, commas, ten digits.
const ENTRY_BYTES_MAX: usize = NAME_CHARS_MAX * 6 + 16;

const _: () = assert!(
    ROOMS_MAX * ENTRY_BYTES_MAX < Limits::SERVER.outbox_bytes_max,
    "the longest listing fits an outbox, or nobody could come in any more"
);
const _: () = assert!(
    NAMES_MAX < ROOMS_MAX,
    "the longest answer to `who` is shorter than the longest listing, so that it fits as well"
);

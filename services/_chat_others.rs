//! The people of the demo chat in other processes, if it shares. Each process tells who comes and
//! goes. News of a process are numbered, so that another one notices missing news and asks for a
//! report of all people. A process that is silent has gone, and its people with it.

#![cfg(all(feature = "chatroom", feature = "processes"))]

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use super::_chat_history::{first_id, unix_ms};
use super::_chat_messages::Name;
use super::_chat_news::{Letter, News, Said};
use super::_chat_rooms::{NAMES_MAX, ROOMS_MAX};

/// What is known of the other processes, and what they have to learn.
#[derive(Default)]
pub(crate) struct Others {
    /// The number of this process; 0 until it shares.
    own: u64,
    sent: u64,
    processes: HashMap<u64, Process>,
    /// The bytes of all names, as they are counted.
    names_bytes: usize,
    /// How many questions for reports are due, of which one is sent in [`PAUSE`].
    asks: u8,
    asked: Option<Instant>,
    /// Whether a report is due.
    owes: bool,
    reported: Option<Instant>,
    /// When the last news went out.
    alive: Option<Instant>,
    /// Whether the log has said that the clock of a process is ahead.
    told_ahead: bool,
}

/// Another process.
struct Process {
    /// The number of its next news; `None` if some are missing and its report is to come.
    next: Option<u64>,
    heard: Instant,
    rooms: Rooms,
    /// A report that is not complete.
    report: Option<Rooms>,
}

type Rooms = HashMap<Name, People>;

/// Those of a process in a room.
#[derive(Default)]
struct People {
    len: usize,
    /// The names of the first ones.
    names: Vec<Name>,
}

/// What news mean for the rooms here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Somebody has made a room.
    Made(Name),
    /// There is a room.
    Known(Name),
    /// Something was said.
    Said(Said),
    /// People have come or gone: the names of those that are known.
    People { room: Name, gone: Vec<Name>, new: Vec<Name> },
}

/// What is to be sent now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Ask,
    Report,
    Alive,
}

impl Others {
    /// The process shares, or may have missed news.
    pub(crate) fn begin(&mut self) {
        if self.own == 0 {
            self.own = random();
        }
        // The first question may come before the answers can be heard.
        (self.asks, self.owes) = (2, true);
    }

    /// Whether the process shares.
    pub(crate) const fn is_on(&self) -> bool {
        self.own != 0
    }

    /// The digits at the end of ids that are of this process.
    pub(crate) const fn slot(&self) -> Option<u64> {
        if self.is_on() { Some(self.own % SLOTS) } else { None }
    }

    /// Numbers news for the others.
    pub(crate) fn letter(&mut self, news: News, now: Instant) -> Letter {
        self.sent += 1;
        self.alive = Some(now);
        (self.own, self.sent, news)
    }

    /// What is due at this time, each once.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Due> {
        if !self.is_on() {
            return None;
        }
        let is_over = |last: Option<Instant>, pause| last.is_none_or(|last| last + pause <= now);
        if self.asks > 0 && is_over(self.asked, PAUSE) {
            (self.asks, self.asked) = (self.asks - 1, Some(now));
            return Some(Due::Ask);
        }
        if self.owes && is_over(self.reported, PAUSE) {
            (self.owes, self.reported) = (false, Some(now));
            return Some(Due::Report);
        }
        is_over(self.alive, ALIVE).then_some(Due::Alive)
    }

    /// How soon something may be due.
    pub(crate) fn tick_interval(&self) -> Option<Duration> {
        self.is_on().then_some(PAUSE)
    }

    /// If another process has the same slot, one of the two takes another number. Returns the news
    /// that the old number of this process has gone.
    pub(crate) fn renumber(&mut self, from: u64, now: Instant) -> Option<Letter> {
        let is_mine_to_change = from % SLOTS == self.own % SLOTS && from < self.own;
        is_mine_to_change.then(|| {
            let gone = self.letter(News::Gone, now);
            (self.own, self.sent) = (random(), 0);
            (self.owes, self.reported) = (true, None);
            gone
        })
    }

    /// Takes a letter.
    pub(crate) fn take(&mut self, (from, number, news): Letter, now: Instant) -> Vec<Change> {
        if !self.is_on() || from == self.own {
            return Vec::new();
        }
        let is_in_order = self.note(from, number, &news, now);
        match news {
            News::Ask => self.owes = true,
            News::Alive => {}
            News::Gone => return self.remove(from),
            News::Room(room) => return vec![Change::Made(room)],
            News::Said(said) if said.id < first_id(unix_ms() + AHEAD_MS_MAX) => {
                return vec![Change::Said(said)];
            }
            News::Said(_) => {
                if !std::mem::replace(&mut self.told_ahead, true) {
                    log::warn!(
                        "the chat leaves out messages of a process whose clock is more than an \
                         hour ahead: correct the clocks of the hosts"
                    );
                }
            }
            News::Enter { room, name } if is_in_order => return self.enter(from, room, name),
            News::Leave { room, name } if is_in_order => return self.leave(from, room, name),
            News::Begin => self.begin_report(from),
            News::People(rooms) if is_in_order => return self.add_to_report(from, rooms),
            News::End if is_in_order => return self.end_report(from),
            // The report that is asked for has it.
            News::Enter { .. } | News::Leave { .. } | News::People(_) | News::End => {}
        }
        Vec::new()
    }

    /// Removes processes that are silent.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Change> {
        let silent = self.processes.iter().filter(|(_, process)| process.heard + SILENCE <= now);
        let silent: Vec<_> = silent.map(|(number, _)| *number).collect();
        silent.into_iter().flat_map(|number| self.remove(number)).collect()
    }

    /// How many people of other processes are in a room.
    pub(crate) fn len(&self, room: &Name) -> usize {
        self.in_room(room).map(|people| people.len).sum()
    }

    /// The names of those that are known.
    pub(crate) fn names<'a>(&'a self, room: &'a Name) -> impl Iterator<Item = &'a Name> {
        self.in_room(room).flat_map(|people| &people.names)
    }

    fn in_room(&self, room: &Name) -> impl Iterator<Item = &People> {
        self.processes.values().filter_map(|process| process.rooms.get(room))
    }

    /// Notes that a process is there. Returns whether this is its next news.
    fn note(&mut self, from: u64, number: u64, news: &News, now: Instant) -> bool {
        if self.processes.len() >= PROCESSES_MAX && !self.processes.contains_key(&from) {
            return false;
        }
        let process = self.processes.entry(from).or_insert_with(|| Process {
            next: None,
            heard: now,
            rooms: Rooms::new(),
            report: None,
        });
        process.heard = now;
        let is_in_order = process.next == Some(number) || *news == News::Begin;
        process.next = is_in_order.then(|| number.saturating_add(1));
        if !is_in_order {
            let report = process.report.take();
            self.asks = self.asks.max(1);
            self.forget(report.unwrap_or_default());
        }
        is_in_order
    }

    fn enter(&mut self, from: u64, room: Name, name: Name) -> Vec<Change> {
        let Self { processes, names_bytes, .. } = self;
        let Some(process) = processes.get_mut(&from) else { return Vec::new() };
        if process.rooms.len() >= ROOMS_MAX && !process.rooms.contains_key(&room) {
            return Vec::new();
        }
        process.rooms.entry(room.clone()).or_default().add(name.clone(), names_bytes);
        vec![Change::People { room, gone: Vec::new(), new: vec![name] }]
    }

    fn leave(&mut self, from: u64, room: Name, name: Name) -> Vec<Change> {
        let Self { processes, names_bytes, .. } = self;
        let rooms = processes.get_mut(&from).map(|process| &mut process.rooms);
        let Some(people) = rooms.and_then(|rooms| rooms.get_mut(&room)) else { return Vec::new() };
        people.len = people.len.saturating_sub(1);
        if let Some(place) = people.names.iter().position(|known| *known == name) {
            *names_bytes -= bytes_of(&people.names.remove(place));
        }
        if people.len == 0 {
            let people = processes.get_mut(&from).and_then(|of| of.rooms.remove(&room));
            self.forget_names(people);
        }
        vec![Change::People { room, gone: vec![name], new: Vec::new() }]
    }

    fn begin_report(&mut self, from: u64) {
        let Some(process) = self.processes.get_mut(&from) else { return };
        let before = process.report.replace(Rooms::new());
        self.forget(before.unwrap_or_default());
    }

    fn add_to_report(&mut self, from: u64, rooms: Vec<(Name, u32, Vec<Name>)>) -> Vec<Change> {
        let Self { processes, names_bytes, .. } = self;
        let Some(process) = processes.get_mut(&from) else { return Vec::new() };
        let Some(report) = &mut process.report else { return Vec::new() };
        for (room, len, names) in &rooms {
            if *len == 0 || report.len() >= ROOMS_MAX || report.contains_key(room) {
                continue;
            }
            let people = report.entry(room.clone()).or_default();
            for name in names.iter().take(usize::try_from(*len).unwrap_or(usize::MAX)) {
                people.add(name.clone(), names_bytes);
            }
            people.len = usize::try_from(*len).unwrap_or(usize::MAX);
        }
        rooms.into_iter().map(|(room, ..)| Change::Known(room)).collect()
    }

    fn end_report(&mut self, from: u64) -> Vec<Change> {
        let Some(process) = self.processes.get_mut(&from) else { return Vec::new() };
        let Some(report) = process.report.take() else { return Vec::new() };
        let before = std::mem::replace(&mut process.rooms, report);
        let now = &process.rooms;
        let ended = before.keys().filter(|room| !now.contains_key(*room));
        let none = People::default();
        let changes = now.keys().chain(ended).filter_map(|room| {
            let of = |rooms: &'_ Rooms| rooms.contains_key(room);
            let old = if of(&before) { &before[room] } else { &none };
            old.change(if of(now) { &now[room] } else { &none }, room)
        });
        let changes = changes.collect();
        self.forget(before);
        changes
    }

    /// A process has gone.
    fn remove(&mut self, from: u64) -> Vec<Change> {
        let Some(process) = self.processes.remove(&from) else { return Vec::new() };
        let none = People::default();
        let changes = process.rooms.iter().filter_map(|(room, old)| old.change(&none, room));
        let changes = changes.collect();
        self.forget(process.rooms);
        self.forget(process.report.unwrap_or_default());
        changes
    }

    fn forget(&mut self, rooms: Rooms) {
        rooms.into_values().for_each(|people| self.forget_names(Some(people)));
    }

    fn forget_names(&mut self, people: Option<People>) {
        let names = people.into_iter().flat_map(|people| people.names);
        self.names_bytes -= names.map(|name| bytes_of(&name)).sum::<usize>();
    }
}

impl People {
    fn add(&mut self, name: Name, names_bytes: &mut usize) {
        self.len = self.len.saturating_add(1);
        let bytes = bytes_of(&name);
        if self.names.len() < NAMES_MAX && *names_bytes + bytes <= NAMES_BYTES_MAX {
            *names_bytes += bytes;
            self.names.push(name);
        }
    }

    /// What has changed when these are others now. Where not all names are known, it is unknown who
    /// has come or gone.
    fn change(&self, now: &Self, room: &Name) -> Option<Change> {
        let (mut gone, mut new) = (self.names.clone(), now.names.clone());
        if self.len == self.names.len() && now.len == now.names.len() {
            new.retain(|name| match gone.iter().position(|old| old == name) {
                Some(place) => {
                    gone.remove(place);
                    false
                }
                None => true,
            });
        } else {
            (gone, new) = (Vec::new(), Vec::new());
        }
        let is_same = gone.is_empty() && new.is_empty() && self.len == now.len;
        (!is_same).then(|| Change::People { room: room.clone(), gone, new })
    }
}

fn bytes_of(name: &Name) -> usize {
    NAME_BYTES + name.0.len()
}

/// A number that is not 0.
fn random() -> u64 {
    RandomState::new().build_hasher().finish().max(1)
}

/// How many processes have slots of their own.
pub(crate) const SLOTS: u64 = 1_000;
/// A process sends one question and one report in this time at most.
const PAUSE: Duration = Duration::from_secs(1);
/// After this time without news, one says that the process is there.
const ALIVE: Duration = Duration::from_secs(5);
/// After this time, a process has gone.
const SILENCE: Duration = Duration::from_secs(15);
/// By how much the clock of another process may be ahead: ids are times, and all go on from the
/// highest one.
const AHEAD_MS_MAX: u64 = 3_600_000;
/// Of how many other processes the people are known.
const PROCESSES_MAX: usize = 64;
/// What the names of all people in other processes count. Of those beyond it, only the number is
/// known.
const NAMES_BYTES_MAX: usize = 4 << 20;
/// What a name counts besides its text.
const NAME_BYTES: usize = 64;

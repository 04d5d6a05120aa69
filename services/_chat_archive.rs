//! The messages of the demo chat on their way into a database, and out of it. A message is shown
//! when it is stored, in the order of the ids. So what was shown and what is read again have one
//! order, however many connections write. A refusal takes its place in this order, so a client
//! knows which of its messages was refused.

#![cfg(all(feature = "chatroom", any(feature = "sqlite", feature = "postgres")))]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::time::Duration;

use switchboard::{Context, DatabaseError, SocketId, Work};

use super::_chat_database::{self as database, ChatDatabase, NewMessage, Page, Row, Stored};
#[cfg(feature = "processes")]
use super::_chat_history::ROOM_MESSAGES_MAX;
use super::_chat_history::{History, Recalled, first_id, next_id, unix_ms};
use super::_chat_jobs::Jobs;
use super::_chat_messages::SaidEntry;
use super::_chat_pending::{Due, Fate, Pending};
use super::_chat_shown::Shown;

/// A job of the database.
pub(crate) type Job<T> = Work<Result<T, DatabaseError>>;

/// What the chat knows of its database.
pub(crate) struct Archive {
    database: ChatDatabase,
    /// Whether the table is there. Until then, nothing is stored.
    is_open: bool,
    /// Whether a removal is under way.
    is_removing: bool,
    last_id: u64,
    /// What was shown of late, if other processes may have the same table.
    latest: Option<Shown>,
    /// Messages that are written, and those that wait for an earlier one.
    under_way: BTreeMap<u64, Pending>,
    /// The texts of those that are stored and wait.
    waiting_bytes: usize,
    /// Messages whose connection was lost: they are stored, or not. Their senders were
    /// refused, so they are to be removed.
    doubtful: BTreeSet<u64>,
    /// What was shown in rooms of which a member waits for an answer.
    recent: History,
    questions: HashMap<Rc<str>, Questions>,
    openings: Jobs,
    writes: Jobs,
    reads: Jobs,
}

/// The questions about one room that are under way.
#[derive(Default)]
struct Questions {
    len: usize,
    /// How many messages were shown since the first of them.
    shown: usize,
}

/// A question about a room.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub room: String,
    before: u64,
    limit: usize,
    /// The messages below this id were shown before the question.
    unseen: u64,
    /// [`Questions::shown`] at the question.
    shown: usize,
}

/// What has become of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// It is answered.
    Now,
    /// The database has no answer now.
    NotNow,
    /// So much was said meanwhile that it has to be asked again.
    Again,
}

impl Archive {
    /// That of the database of the chat, if the host has one. The log says whether.
    pub(crate) fn find(context: &Context<'_>) -> Option<Self> {
        let found = ChatDatabase::find(context).map(Self::new);
        let text = match found {
            Some(_) => "the chat stores its messages in",
            None => "the chat keeps the last messages in memory: there is no",
        };
        log::info!("{text} [database {}]", database::NAME);
        found
    }

    pub(crate) fn new(database: ChatDatabase) -> Self {
        Self {
            database,
            is_open: false,
            is_removing: false,
            last_id: 0,
            latest: None,
            under_way: BTreeMap::new(),
            waiting_bytes: 0,
            doubtful: BTreeSet::new(),
            recent: History::default(),
            questions: HashMap::new(),
            openings: Jobs::new("its messages cannot be stored or read", OPENINGS_MAX),
            writes: Jobs::new("a message was not stored, and nobody got it", usize::MAX),
            reads: Jobs::new("earlier messages were not read", READS_MAX),
        }
    }

    /// Other processes may store messages in the same table, and some may have been missed. Further
    /// ids are those of this slot.
    #[cfg(feature = "processes")]
    pub(crate) fn share(&mut self, slot: u64) {
        self.latest.get_or_insert_default().begin(slot, unix_ms());
    }

    /// A message comes that another process has stored. Returns whether it is to be shown.
    #[cfg(feature = "processes")]
    pub(crate) fn hear(
        &mut self,
        (id, at): (u64, u64),
        room: &Rc<str>,
        name: &Rc<str>,
        text: &str,
    ) -> bool {
        self.last_id = self.last_id.max(id);
        if !self.latest.as_mut().is_none_or(|latest| latest.add(id)) {
            return false;
        }
        if let Some(questions) = self.questions.get_mut(room) {
            questions.shown += 1;
            self.recent.hear(id, at, room, name, text);
        }
        true
    }

    /// A job that reads the last messages of a room, of which some may have been missed.
    #[cfg(feature = "processes")]
    pub(crate) fn missed(&mut self, room: &Rc<str>) -> Option<Job<Page>> {
        let may_begin = self.is_open && self.reads.begin();
        let room = room.to_string();
        may_begin.then(|| {
            let limit = ROOM_MESSAGES_MAX;
            self.database.reading(move |link| database::page(link, &room, u64::MAX, limit))
        })
    }

    /// What has become of it: the messages that were not shown, in their order.
    #[cfg(feature = "processes")]
    pub(crate) fn found(
        &mut self,
        page: Result<Page, DatabaseError>,
    ) -> Vec<(u64, String, String, u64)> {
        self.reads.end(page.as_ref().err());
        let Some(latest) = &self.latest else { return Vec::new() };
        let is_own = |id: &u64| self.under_way.contains_key(id) || self.doubtful.contains(id);
        let rows = page.unwrap_or_default().rows.into_iter().rev();
        let rows = rows.map(|(id, name, text, at)| (number(id), name, text, number(at)));
        rows.filter(|(id, ..)| latest.lacks(*id) && !is_own(id)).collect()
    }

    /// A job that makes the table and finds what is in it, for a client that waits for that. None
    /// if it has been done, or has failed before.
    pub(crate) fn opening(&mut self) -> Option<Job<Stored>> {
        let is_due = !self.is_open && !self.openings.is_failing && self.openings.begin();
        is_due.then(|| self.database.writing(database::open))
    }

    /// The same after a failure, for which nobody waits.
    pub(crate) fn reopening(&mut self) -> Option<Job<Stored>> {
        let is_due = !self.is_open && self.openings.len == 0 && self.openings.begin();
        is_due.then(|| self.database.writing(database::open))
    }

    /// What has become of it. Returns what is new.
    pub(crate) fn opened(&mut self, stored: Result<Stored, DatabaseError>) -> Option<Stored> {
        self.openings.end(stored.as_ref().err());
        let stored = stored.ok().filter(|_| !self.is_open)?;
        self.is_open = true;
        self.last_id = first_id(unix_ms()).max(stored.last_id);
        Some(stored)
    }

    /// A job that removes what is doubtful, if anything is and none is under way.
    pub(crate) fn removal(&mut self) -> Option<(Vec<u64>, Job<()>)> {
        if self.doubtful.is_empty() || std::mem::replace(&mut self.is_removing, true) {
            return None;
        }
        let ids: Vec<_> = self.doubtful.iter().copied().collect();
        let own = ids.clone();
        Some((ids, self.database.writing(move |link| database::remove(link, &own))))
    }

    /// What has become of it.
    pub(crate) fn removed(&mut self, ids: &[u64], removed: Result<(), DatabaseError>) {
        self.is_removing = false;
        match removed {
            Ok(()) => self.doubtful.retain(|id| !ids.contains(id)),
            Err(error) => log::debug!("the chat: {error}"),
        }
    }

    /// When to retry what has failed.
    pub(crate) fn tick_interval(&self) -> Option<Duration> {
        let is_closed = !self.is_open && self.openings.is_failing;
        (is_closed || !self.doubtful.is_empty()).then_some(RETRY)
    }

    /// A job that stores a message, and its id. `None`: it cannot be stored now, and a refusal is
    /// due after what waits.
    pub(crate) fn store(
        &mut self,
        sender: SocketId,
        room: &Rc<str>,
        name: &Rc<str>,
        text: String,
    ) -> Option<(u64, Job<String>)> {
        let is_full = self.waiting_bytes > WAITING_BYTES_MAX || self.doubtful.len() >= DOUBTFUL_MAX;
        let may_begin = self.is_open && !is_full && self.writes.begin();
        let at = unix_ms();
        self.last_id = next_id(self.last_id, self.latest.as_ref().map(|latest| latest.slot), at);
        let id = self.last_id;
        let message = NewMessage { id, room: (**room).into(), name: (**name).into(), text, at };
        let (room, name, text) = (room.clone(), name.clone(), String::new());
        let fate = if may_begin { Fate::UnderWay } else { Fate::Refused };
        self.under_way.insert(id, Pending { room, name, text, at, sender, fate });
        may_begin.then(|| (id, self.database.writing(|link| database::store(link, message))))
    }

    /// What has become of a message. Returns whether it is stored.
    pub(crate) fn stored(&mut self, id: u64, stored: Result<String, DatabaseError>) -> bool {
        self.writes.end(stored.as_ref().err());
        match stored {
            Ok(text) => {
                self.waiting_bytes += text.len();
                if let Some(pending) = self.under_way.get_mut(&id) {
                    (pending.text, pending.fate) = (text, Fate::Stored);
                }
                true
            }
            Err(error) => {
                if let Some(pending) = self.under_way.get_mut(&id) {
                    pending.fate = Fate::Refused;
                }
                if matches!(error, DatabaseError::Lost(_)) {
                    self.doubtful.insert(id);
                }
                false
            }
        }
    }

    /// What is due for the first message, unless that is still written.
    pub(crate) fn next_due(&mut self) -> Option<Due> {
        let first = self.under_way.first_entry()?;
        if first.get().fate == Fate::UnderWay {
            return None;
        }
        let (id, pending) = first.remove_entry();
        if pending.fate == Fate::Refused {
            return Some(Due::Refuse(pending.sender));
        }
        let Pending { room, name, text, at, .. } = &pending;
        if let Some(latest) = &mut self.latest {
            latest.add(id);
        }
        self.waiting_bytes -= text.len();
        if let Some(questions) = self.questions.get_mut(room) {
            questions.shown += 1;
            self.recent.keep(id, *at, room, name, text);
        }
        Some(Due::Show(id, pending))
    }

    /// A question for the last messages of a room before one. `None`: it cannot be answered now.
    pub(crate) fn ask(
        &mut self,
        room: &Rc<str>,
        before: Option<u64>,
        limit: usize,
    ) -> Option<(Question, Job<Page>)> {
        if !self.is_open || !self.reads.begin() {
            return None;
        }
        let questions = self.questions.entry(room.clone()).or_default();
        questions.len += 1;
        let unseen = self.under_way.first_key_value().map_or(self.last_id + 1, |(id, _)| *id);
        let before = before.unwrap_or(u64::MAX);
        let shown = questions.shown;
        let question = Question { room: (**room).into(), before, limit, unseen, shown };
        // Those of other processes may be above it.
        let end = if self.latest.is_some() { before } else { before.min(unseen) };
        let room = question.room.clone();
        let job = self.database.reading(move |link| database::page(link, &room, end, limit));
        Some((question, job))
    }

    /// Sends the answer to a question: what was read, and what was shown since then. So it has its
    /// place among the messages of the room.
    pub(crate) fn answer(
        &mut self,
        question: &Question,
        page: Result<Page, DatabaseError>,
        send: impl FnOnce(Recalled<'_>),
    ) -> Answered {
        self.reads.end(page.as_ref().err());
        let answered = page.map_or(Answered::NotNow, |page| self.join(question, &page, send));
        let room = &*question.room;
        if let Some(questions) = self.questions.get_mut(room) {
            questions.len -= 1;
            if questions.len == 0 {
                self.questions.remove(room);
                self.recent.forget(room);
            }
        }
        answered
    }

    fn join(&self, question: &Question, page: &Page, send: impl FnOnce(Recalled<'_>)) -> Answered {
        let Question { room, before, limit, unseen, shown } = question;
        let questions = self.questions.get(&**room);
        if let Some(latest) = &self.latest {
            let shown = questions.map_or(0, |questions| questions.shown);
            return self.join_shared(question, page, (latest, shown), send);
        }
        let shown_since = questions.map_or(0, |questions| questions.shown - shown);
        let recent = self.recent.newest_first(room, u64::MAX);
        let recent: Vec<_> = recent.take_while(|(id, ..)| id >= unseen).collect();
        // Those that are not kept are in the database by now. An older page has none of them.
        let is_whole = before <= unseen || recent.len() == shown_since;
        let read = page.rows.iter().filter(|_| is_whole).map(entry);
        let read = read.filter(|(id, ..)| !self.doubtful.contains(id));
        let all = recent.into_iter().filter(|(id, ..)| id < before).chain(read);
        let mut found = Recalled::newest(all, *limit);
        if found.messages.is_empty() && !is_whole {
            return Answered::Again;
        }
        found.more |= page.more || !is_whole;
        send(found);
        Answered::Now
    }
}

/// With other processes, ids do not say what was shown here first. So the answer has what was shown
/// here, in the order of the ids: `shown` since the first question, and what was read.
impl Archive {
    fn join_shared(
        &self,
        question: &Question,
        page: &Page,
        (latest, shown): (&Shown, usize),
        send: impl FnOnce(Recalled<'_>),
    ) -> Answered {
        let recent: Vec<_> = self.recent.newest_first(&question.room, u64::MAX).collect();
        let is_whole = recent.len() == shown || question.before <= question.unseen;
        let now_ms = unix_ms();
        let was_shown = |id: &u64| {
            let is_own = self.under_way.contains_key(id) || self.doubtful.contains(id);
            !is_own && latest.has(*id, now_ms)
        };
        let read = page.rows.iter().filter(|_| is_whole).map(entry);
        let read = read.filter(|(id, ..)| was_shown(id));
        let both: BTreeMap<_, _> = read.chain(recent).map(|entry| (entry.0, entry)).collect();
        let before = both.into_values().rev().filter(|(id, ..)| *id < question.before);
        let mut found = Recalled::newest(before, question.limit);
        if found.messages.is_empty() && !is_whole {
            return Answered::Again;
        }
        found.more |= page.more || !is_whole;
        send(found);
        Answered::Now
    }
}

fn entry((id, name, text, at): &Row) -> SaidEntry<'_> {
    (number(*id), name, text, number(*at))
}

/// None of ours is negative.
fn number(of_row: i64) -> u64 {
    u64::try_from(of_row).unwrap_or(0)
}

/// How soon the table is asked for again, or a message removed.
const RETRY: Duration = Duration::from_secs(1);
/// Messages that are stored, and wait for an earlier one: the last one may exceed it.
const WAITING_BYTES_MAX: usize = 4 << 20;
/// Messages that are to be removed.
const DOUBTFUL_MAX: usize = 1_024;
/// Clients that wait until it is open. Others get the rooms later.
const OPENINGS_MAX: usize = 64;
/// Questions under way: the answer to each is in memory until it is sent.
const READS_MAX: usize = 256;

//! Programs of a world: a slow disk on which they come and go, what is looked for there, and what
//! has to hold of that; of pauses, too, which only programs here ask for.

use std::collections::VecDeque;

use switchboard::hub::{Hub, LookupResult, WorkerId};
use switchboard::service::SocketId;
use switchboard::time::Time;
use switchboard::{Limits, Response, Status};

use super::peer::Goal;
use super::record::Record;
use super::{Link, Place, World};

/// A disk, and the lookups that are under way.
#[derive(Debug)]
pub struct Disk {
    orders: VecDeque<SocketId>,
    /// Those of them that are for paths of which nothing is known.
    strange: Vec<SocketId>,
    /// By place: whether its program is there.
    there: Vec<bool>,
    /// For how many turns nothing is found out.
    asleep: u32,
    /// The lookups that were under way before any was answered in this turn, and those that it
    /// has begun; and how many of them were for programs that had been found.
    busiest: usize,
    busiest_known: usize,
}

impl Disk {
    pub fn new(places_len: usize) -> Self {
        Self {
            orders: VecDeque::new(),
            strange: Vec::new(),
            there: vec![true; places_len],
            asleep: 0,
            busiest: 0,
            busiest_known: 0,
        }
    }

    /// Whether nothing is looked for.
    pub fn is_idle(&self) -> bool {
        self.orders.is_empty()
    }

    /// Whether a lookup for this socket's request is under way.
    fn is_asked(&self, id: SocketId) -> bool {
        self.orders.contains(&id)
    }

    /// Whether other requests may be in one of the hub's queues, or have just left it.
    fn is_busy(&self) -> bool {
        // Some may have been ordered before their program was found by others.
        self.orders.len().max(self.busiest) >= Limits::LOOKUPS_STRANGE_MAX
    }

    /// Whether this socket's request may still be looked up, or wait in a queue for that.
    pub fn may_look_for(&self, record: &Record) -> bool {
        let may_wait = !record.looked && !record.opened && !record.asked;
        self.is_asked(record.id) || may_wait && self.is_busy()
    }

    /// Whether requests for a program that has been found may wait in a queue.
    fn is_busy_with_known(&self) -> bool {
        let known_max = Limits::LOOKUPS_MAX - Limits::LOOKUPS_STRANGE_MAX;
        self.known_len().max(self.busiest_known) >= known_max
    }

    fn known_len(&self) -> usize {
        self.orders.len() - self.strange.len()
    }
}

impl Place {
    /// Notes an end, and until when no other run may begin.
    pub fn fail(&mut self, now: Time) {
        if now.since(self.started) >= SOUND_MS {
            self.failures = 0;
        }
        let pauses_ms = [0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000];
        let failures = usize::try_from(self.failures).expect("it is small");
        self.retry = now.after(pauses_ms[failures.min(pauses_ms.len() - 1)]);
        self.failures += 1;
    }
}

impl World {
    pub(super) fn place_of(&self, worker: WorkerId) -> usize {
        let place = self.places.iter().position(|place| place.worker_id == Some(worker));
        place.expect("a service has a place")
    }

    /// A path is to be looked up.
    pub(super) fn begin_lookup(&mut self, id: SocketId, path: String) {
        self.tally.lookups += 1;
        let index = self.link_of_mail(id);
        let Link { peer, record: Some(record), .. } = &mut self.links[index] else { return };
        let (asked, is_strange) = match peer.goal {
            Goal::Service(place) | Goal::Page(place) => {
                let of = &self.places[place];
                // It may have started in this turn, before the lookup was ordered.
                let is_running = of.worker.is_some() && of.started < self.now;
                // A page may have changed meanwhile.
                let may_look = !is_running || matches!(peer.goal, Goal::Page(_));
                assert!(place > 0 && may_look, "peer {index}: {path} needs no lookup");
                (format!("/{place}"), of.id.is_none())
            }
            Goal::File => ("/some/file".to_owned(), true),
            Goal::Nowhere => ("/nowhere".to_owned(), true),
            Goal::Nonsense | Goal::Half => panic!("peer {index} asks for nothing"),
        };
        assert_eq!(path, asked, "peer {index}");
        assert!(!record.looked && !record.opened, "peer {index} is looked up once");
        record.looked = true;
        let disk = self.disk.as_mut().expect("somebody answers lookups");
        disk.orders.push_back(id);
        disk.strange.extend(is_strange.then_some(id));
        disk.busiest += 1;
        disk.busiest_known += usize::from(!is_strange);
        assert!(disk.orders.len() <= Limits::LOOKUPS_MAX, "lookups are bounded");
        let strange_len = disk.strange.len();
        assert!(strange_len <= Limits::LOOKUPS_STRANGE_MAX, "programs wait for {strange_len}");
    }

    /// Answers some lookups.
    pub(super) fn apply_lookups(&mut self, hub: &mut Hub) {
        let Some(disk) = &mut self.disk else { return };
        (disk.busiest, disk.busiest_known) = (disk.orders.len(), disk.known_len());
        if disk.asleep > 0 {
            disk.asleep -= 1;
            self.inbox.moved = true;
            return;
        }
        for _ in 0..disk.orders.len() {
            let Some(disk) = &mut self.disk else { return };
            let Some(id) = disk.orders.pop_front() else { return };
            self.inbox.moved = true;
            if self.chooser.once_in(3) {
                disk.orders.push_back(id);
                continue;
            }
            disk.strange.retain(|&other| other != id);
            if self.chooser.once_in(20) {
                disk.asleep = self.chooser.pick(&[1, 30, 400]);
            }
            let looked = match self.links[self.link_of_mail(id)].peer.goal {
                Goal::Service(place) | Goal::Page(place) => self.find(hub, place),
                Goal::File | Goal::Nowhere | Goal::Nonsense | Goal::Half => LookupResult::Nothing,
            };
            self.answer_lookup(hub, id, &looked);
        }
    }

    /// What a disk has of a program.
    fn find(&mut self, hub: &mut Hub, place: usize) -> LookupResult {
        let Some(disk) = &mut self.disk else { return LookupResult::Nothing };
        disk.there[place] ^= self.chooser.once_in(20);
        if !disk.there[place] {
            return LookupResult::Nothing;
        }
        if self.chooser.once_in(20) {
            return LookupResult::Refused(Response::text(Status::INTERNAL_ERROR, "chmod +x"));
        }
        let path = format!("/{place}");
        let of = &mut self.places[place];
        let id = of.id.unwrap_or_else(|| {
            assert_eq!(hub.find(&path), None, "it was not found before");
            hub.mount_program(&path, of.options()).expect("it is free")
        });
        assert_eq!(hub.find(&path), Some(id));
        of.set_id(hub, id);
        of.mounted.get_or_insert(self.turns);
        LookupResult::Found(id)
    }

    /// Answers one lookup, and notes what has to follow.
    fn answer_lookup(&mut self, hub: &mut Hub, id: SocketId, looked: &LookupResult) {
        let unsent_len = hub.unsent_len(id);
        let waits = self.link_of(id).filter(|&index| {
            let record = self.links[index].record.as_ref();
            record.is_some_and(|record| {
                record.status.is_none() && !record.failed && !record.ahead.is_answered()
            }) && unsent_len == 0
        });
        hub.looked_up(id, looked.clone(), self.now);
        let Some(index) = waits else {
            // A peer that asks for a page may end its half and still gets it.
            let goal = self.links[self.link_of_mail(id)].peer.goal;
            let is_page = matches!(goal, Goal::Page(_) | Goal::File);
            let is_silent = hub.unsent_len(id) == unsent_len;
            return assert!(is_page || is_silent, "it comes too late for {goal:?}");
        };
        let Link { peer, record: Some(record), .. } = &mut self.links[index] else { return };
        match (looked, peer.goal) {
            (LookupResult::Found(_), Goal::Service(place)) => {
                let of = &mut self.places[place];
                of.found = Some(self.turns);
                let rests = of.worker.is_none();
                of.must_start |= rests && self.now >= of.retry;
                record.demanded = (rests && self.now < of.retry).then_some(503);
            }
            (LookupResult::Found(_), _) => record.demanded = Some(426),
            (LookupResult::Below(_) | LookupResult::Page(..), _) => {
                unreachable!("no program of this disk has paths below it, or a page")
            }
            (LookupResult::Nothing, Goal::File | Goal::Page(_)) => {}
            (LookupResult::Nothing, _) => record.demanded = Some(404),
            (LookupResult::Refused(response), _) => {
                record.demanded = Some(response.status().number());
            }
        }
    }

    /// A service starts when it may, and a program when it has just been found.
    pub(super) fn check_start(&self, place: usize) {
        let Place { profile, retry, found, .. } = &self.places[place];
        let name = profile.name;
        assert!(self.now >= *retry, "{name}: it starts before {retry:?}, at {:?}", self.now);
        assert!(self.drained.is_none(), "{name}: it starts although the host stops");
        let is_compiled_in = self.disk.is_none() || place == 0;
        assert!(is_compiled_in || *found == Some(self.turns), "{name}: it was not looked for");
    }

    /// A request has come to what was found, and was looked up if it had to be.
    pub(super) fn check_lookup(&mut self, index: usize) {
        let Some(disk) = &self.disk else { return };
        let known_since = |place: usize| self.places[place].mounted.filter(|_| place > 0);
        let is_known = match self.links[index].peer.goal {
            Goal::Page(place) => known_since(place).is_some_and(|turn| turn < self.turns),
            Goal::Service(_) | Goal::File | Goal::Nowhere | Goal::Nonsense | Goal::Half => false,
        };
        let is_busy = if is_known { disk.is_busy_with_known() } else { disk.is_busy() };
        let Link { peer, record: Some(record), .. } = &mut self.links[index] else { return };
        if let (Some(status), Some(demanded)) = (record.status, record.demanded) {
            assert_eq!(status, demanded, "peer {index}: what was found");
        }
        let Some(head) = record.times.head else { return };
        if std::mem::replace(&mut record.is_look_judged, true) {
            return;
        }
        let is_late = head.since(record.times.accepted) >= self.limits.handshake_ms_max;
        let has_to = is_known || matches!(peer.goal, Goal::Nowhere | Goal::File);
        let may_not = record.surplus || record.failed || is_late || is_busy;
        let is_excused = may_not || self.drained.is_some();
        assert!(!has_to || is_excused || record.looked, "peer {index}: nobody looks for its path");
    }

    /// Whether a socket's service does not want it to be read, and it is not being closed.
    pub(super) fn is_paused(&mut self, hub: &Hub, index: usize) -> bool {
        let Link { record: Some(record), .. } = &mut self.links[index] else { return false };
        record.paused && record.is_member() && !record.look_ahead(hub.unsent(record.id)).is_closed()
    }

    /// A service has paused a socket, which may be another's, or have gone.
    pub(super) fn note_pause(&mut self, place: usize, id: SocketId) {
        let Some(index) = self.link_of(id) else { return };
        let is_ours = self.is_of(place, self.links[index].peer.goal);
        let Link { record: Some(record), .. } = &mut self.links[index] else { return };
        if is_ours && record.is_member() {
            record.paused = true;
            self.tally.pauses += 1;
        }
    }

    pub(super) fn note_resume(&mut self, place: usize, id: SocketId) {
        let Some(index) = self.link_of(id) else { return };
        let is_ours = self.is_of(place, self.links[index].peer.goal);
        let Link { record: Some(record), .. } = &mut self.links[index] else { return };
        record.paused &= !is_ours;
    }
}

/// A run of this length was no failed start.
const SOUND_MS: u64 = 60_000;

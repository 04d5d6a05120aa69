//! The checks: after each transaction that a service gets, after each turn, when nothing is left to
//! do, and at the end. They state the promises of the README in code.

use switchboard::Limits;
use switchboard::hub::Hub;
use switchboard::limits::RatePolicy;
use switchboard::service::{Inbound, Outbound, SocketId};
use switchboard::session::Next;
use switchboard::time::Time;
use switchboard::{Audience, Response, Status};

use super::apply::SECOND_MS;
use super::peer::Goal;
use super::record::Record;
use super::service::Worker;
use super::wire::check_payload;
use super::{File, Link, Place, World};

impl World {
    /// A service gets its mail.
    pub(super) fn hear(&mut self, hub: &Hub, place: usize, run: u32, mail: &[Inbound]) {
        let is_running = self.places[place].worker.as_ref().is_some_and(|w| w.run == run);
        assert!(is_running || mail.is_empty(), "mail for a service that has ended");
        for transaction in mail {
            let of = &mut self.places[place];
            // What was taken in this turn is not counted, though it may have been taken later.
            let was_full = of.waiting() >= of.limits.mail_messages_max
                || of.waiting_bytes() >= of.limits.mail_bytes_max;
            let is_news = matches!(
                transaction,
                Inbound::Ask { .. } | Inbound::Open { .. } | Inbound::Full { .. }
            );
            assert!(!was_full || !is_news, "{transaction:?} though the mail is full");
            of.put += 1;
            of.put_bytes += transaction.mail_bytes();
            assert!(of.is_ready || of.is_reset, "mail comes after the service is ready");
            let id = transaction.id();
            self.note(6, id.as_u64());
            #[cfg(feature = "processes")]
            if let Inbound::Gap { topic } = transaction {
                self.hear_gap(place, topic.as_deref());
                continue;
            }
            let index = self.link_of_mail(id);
            self.hear_one(hub, place, index, transaction);
        }
    }

    /// Whose socket it is, or was: also one that was dropped in this turn.
    pub(super) fn link_of_mail(&self, id: SocketId) -> usize {
        let serial = usize::try_from(id.serial()).expect("they are in memory");
        let index = self.of_serial[serial];
        let record = self.links[index].record.as_ref();
        assert!(record.is_some_and(|record| record.id == id), "mail about a stranger");
        index
    }

    fn hear_one(&mut self, hub: &Hub, place: usize, index: usize, transaction: &Inbound) {
        let (now, is_stopping) = (self.now, self.drained.is_some());
        // As far as the lives of this turn go; most often it is one.
        let lives = self.places[place].lives.clone();
        // A service on the loop may have had to wait for its call: what it gets came since then.
        let span = [self.places[place].due_since.unwrap_or(now), now];
        let Link { peer, record: Some(record), .. } = &mut self.links[index] else { return };
        assert_eq!(peer.goal, Goal::Service(place), "a service hears of its own sockets only");
        assert!(!record.orphaned, "peer {index}: its service has ended, and this is another run");
        assert!(record.closed.is_none(), "peer {index}: {transaction:?} after its close");
        let is_first = matches!(transaction, Inbound::Ask { .. } | Inbound::Open { .. });
        assert_eq!(record.opened, !is_first, "peer {index}: {transaction:?}");
        let last_word = matches!(transaction, Inbound::Drained { .. } | Inbound::Close { .. });
        let is_over = self.places[place].is_full && !last_word;
        assert!(!is_over, "peer {index}: {transaction:?} though the mail is full");
        let mut share = 0;
        match transaction {
            Inbound::Ask { .. } => {
                let is_due = lives.contains(&true) && !record.asked;
                assert!(is_due, "peer {index} asks once, if at all");
                record.asked = true;
            }
            Inbound::Open { request, .. } => {
                assert_eq!(request.path(), format!("/{}", self.places[place].first));
                let is_due = record.asked || lives.contains(&false);
                assert!(is_due, "peer {index}: the service is asked about each request");
                assert!(!record.surplus, "peer {index} is beyond the limits");
                record.opened = true;
                record.answered_turn = self.turns;
            }
            Inbound::Data { message, .. } => {
                let saying = peer.said.get(record.delivered);
                let saying = saying.unwrap_or_else(|| panic!("peer {index} did not say that"));
                assert_eq!(message.is_text(), saying.is_text);
                check_payload(message.as_bytes(), saying.serial, saying.len);
                record.delivered += 1;
                self.tally.messages += 1;
                self.tally.inflated += u64::from(saying.is_compressed);
                let of = &self.places[place];
                // A socket that is being closed is read to its close frame, and its messages do not
                // count. What waited for the call of its service may have come before that.
                let is_closing = is_stopping || record.closed_by_us || record.ahead.is_closed();
                match of.limits.message_rate {
                    Some(rate) if !is_closing => record.used.deliver(rate, span),
                    Some(rate) if of.due_since.is_some() => record.used.may_deliver(rate, span),
                    Some(_) | None => {}
                }
                check_share(record, of, index);
                share = 1 + saying.len / 1_024;
            }
            Inbound::Full { bytes, .. } => {
                assert!(!record.full && *bytes > self.limits.outbox_high_bytes);
                record.full = true;
            }
            Inbound::Drained { .. } => {
                assert!(record.full, "peer {index}: drained, and was not full");
                record.full = false;
            }
            Inbound::Close { close, .. } => {
                let (code, reason) = (close.code.number(), close.reason.clone());
                record.closed = Some(code);
                record.times.closed = span;
                self.check_close_code(hub, index, code, &reason);
                self.leave_topics(place, index, None);
                return;
            }
            other => panic!("peer {index}: no rule about {other:?}"),
        }
        record.mail.push_back(share);
    }

    /// A close says what has happened, and comes after all that was read.
    fn check_close_code(&mut self, hub: &Hub, index: usize, code: u16, reason: &str) {
        self.tally.losses += u64::from(code == 1006);
        let Link { peer, record: Some(record), .. } = &mut self.links[index] else { return };
        // If our close frame waits or has left, it is the first, or an answer with the same code.
        record.look_ahead(hub.unsent(record.id));
        let said = peer.said_within(record.passed);
        if code == 1008 {
            let Goal::Service(place) = peer.goal else { return };
            let limits = &self.places[place].limits;
            let rate = limits.message_rate.filter(|_| limits.rate_policy == RatePolicy::Close);
            // What came in the turn in which its service overfills it, too, is not counted.
            let is_counted = record.ahead_code != Some(1013);
            let since = record.times.closed[0];
            let is_over = rate.is_some_and(|rate| !is_counted || record.used.is_all(rate, since));
            assert!(is_over && said > record.delivered, "peer {index}: {reason}");
            return;
        }
        // A service on the loop may get only in this turn what was decided in an earlier one.
        let was_said = peer.said_within(record.last_passed);
        let is_whole = [said, was_said].contains(&record.delivered);
        assert!(
            is_whole,
            "peer {index}: {} of {said} were passed on, {code} {reason}",
            record.delivered
        );
        match code {
            1006 => self.check_loss(index, reason),
            1013 if reason.contains("more slowly") => {
                // Its 101 may have waited like what came after it. Others may have been closed
                // before, for which it has less than a second.
                let there_ms = self.now.since(record.times.accepted);
                let is_full = record.unsent_len > self.limits.outbox_low_bytes;
                assert!(there_ms >= SECOND_MS / 8 && is_full, "peer {index} reads, and is closed");
                self.tally.laggards += 1;
            }
            1013 => {}
            code => {
                let fatal = peer.fatal.filter(|fatal| record.passed > fatal.begin);
                let fatal = fatal.unwrap_or_else(|| panic!("peer {index} has not closed"));
                // Its outbox may have run over after that, in the same turn.
                let first = record.ahead_code.filter(|first| *first != 1013 || code == 1013);
                assert_eq!(first.unwrap_or(fatal.code), code, "peer {index}: {reason}");
                assert!(!fatal.is_close || record.passed >= fatal.end);
                self.tally.broken += u64::from(fatal.is_broken);
            }
        }
    }

    /// After a turn.
    pub(super) fn check_turn(&mut self, hub: &Hub) {
        self.dull_turns = if self.inbox.moved { 0 } else { self.dull_turns + 1 };
        assert!(self.dull_turns < 4, "turns in which nothing moves");
        if let Some(deadline) = hub.deadline() {
            let is_future = deadline > self.now || self.is_eager_start(deadline);
            assert!(is_future, "a deadline that has come is dealt with");
        }
        let mut sockets_len = 0;
        for at in 0..self.live.len() {
            let index = self.live[at];
            let Link { record: Some(_), stream: Some(_), .. } = &self.links[index] else {
                continue;
            };
            sockets_len += 1;
            self.check_socket(hub, index);
        }
        assert_eq!(hub.sockets_len(), sockets_len, "sockets");
        self.check_later(hub);
        self.check_sealed_turn();
        self.check_contexts();
        let is_over = |&at: &Time| self.now >= at.after(self.limits.drain_ms_max);
        let is_stopped = self.drained.as_ref().is_some_and(is_over);
        assert!(!is_stopped || sockets_len == 0, "a stop comes to its end");
        let stays = |&index: &usize| {
            let Link { peer, pipe, record, .. } = &self.links[index];
            let Some(record) = record.as_ref().filter(|_| pipe.is_dropped()) else {
                return !pipe.is_dropped();
            };
            let is_due =
                matches!(peer.goal, Goal::Service(place) if self.places[place].due_since.is_some());
            let is_told = !record.is_member();
            assert!(is_told || is_due, "peer {index} is gone, and its service is not told");
            !is_told
        };
        let mut live = std::mem::take(&mut self.live);
        live.retain(stays);
        self.live = live;
        self.check_eager_turn();
        #[cfg(feature = "processes")]
        self.check_shared_turn();
        for place in 0..self.places.len() {
            self.check_mail(place);
            let of = &mut self.places[place];
            of.lives = of.is_ready.then_some(of.is_asked).into_iter().collect();
            assert!(!of.must_start, "{}: it was found, and is not started", of.profile.name);
        }
    }

    /// A mailbox may exceed its limit by one read, and by a last transaction of each socket.
    fn check_mail(&mut self, place: usize) {
        let of = &mut self.places[place];
        let limits = &of.limits;
        let read_messages = limits.read_buffer_bytes / FRAME_BYTES_MIN;
        let words = 2 * (self.limits.sockets_max + Limits::REFUSALS_MAX);
        // Mail that was there when the limits became smaller is kept.
        of.excess = (of.excess.0.min(of.waiting()), of.excess.1.min(of.waiting_bytes()));
        let messages_max = limits.mail_messages_max.max(of.excess.0) + read_messages + words;
        let name = of.profile.name;
        assert!(of.waiting() <= messages_max, "{name}: {} transactions in the mail", of.waiting());
        let bytes_max = limits.mail_bytes_max.max(of.excess.1)
            + limits.read_buffer_bytes
            + 2 * limits.message_bytes_max
            + read_messages * Limits::MAIL_ITEM_BYTES
            + words * (Limits::MAIL_ITEM_BYTES + REASON_BYTES_MAX);
        assert!(
            of.waiting_bytes() <= bytes_max,
            "{name}: {} bytes in the mail",
            of.waiting_bytes()
        );
        of.is_full |=
            of.waiting() >= limits.mail_messages_max || of.waiting_bytes() >= limits.mail_bytes_max;
    }

    /// One socket after a turn.
    fn check_socket(&mut self, hub: &Hub, index: usize) {
        let (now, turns) = (self.now, self.turns);
        self.note_unread(hub, index);
        self.check_agreement(hub, index);
        let answer_turns_max = self.answer_turns_max(index);
        let Link { peer, pipe, record: Some(record), file, .. } = &mut self.links[index] else {
            return;
        };
        let unsent_len = hub.unsent_len(record.id);
        if unsent_len > 0 && record.unsent_len == 0 {
            record.begin_unsent(now);
        }
        // A turn may have no time to drop it.
        record.stuck |= record.unsent_len > 0
            && now.since(record.times.carried.max(record.times.unsent)) >= self.limits.write_ms_max;
        record.unsent_len = unsent_len;
        record.saw_unsent(unsent_len, &self.limits);
        let is_closed = record.look_ahead(hub.unsent(record.id)).is_closed();
        let was_closed_by_us = record.closed_by_us;
        record.closed_by_us |= is_closed && record.is_member();
        let max = self.limits.outbox_bytes_max + OUTBOX_SLACK;
        assert!(
            unsent_len <= max || record.ahead.is_answered(),
            "peer {index}: {unsent_len} bytes unsent"
        );
        assert!(!record.must_go, "peer {index} is given up, and outlives its service");
        // A service on the loop may have to be called before it gets anything.
        let is_due =
            matches!(peer.goal, Goal::Service(place) if self.places[place].due_since.is_some());
        let must_close = record.must_close && !record.orphaned;
        record.must_close &= is_due;
        let is_told = record.closed.is_some() || is_due;
        assert!(!must_close || is_told, "peer {index}: its service hears nothing");
        if record.is_member() && !is_due {
            let said = peer.said_within(record.passed);
            assert_eq!(record.delivered, said, "peer {index}: messages to its service");
            let is_over = peer.fatal.is_some_and(|fatal| record.passed >= fatal.end);
            assert!(!is_over, "peer {index} has closed, and its service is not told");
        }
        // So few sockets are one slice of a stop.
        let is_told = record.ahead.is_closed() || record.ahead.is_answered();
        // A page of a program that is not there is looked for among the files.
        let is_fetched = peer.goal == Goal::File || file.is_some();
        let may_stay = is_fetched || record.closed.is_some();
        let is_stopping = self.drained.is_some();
        assert!(!is_stopping || is_told || may_stay, "peer {index} is not told of the stop");
        if peer.goal == Goal::Service(0) && peer.is_good() && record.is_member() {
            let asked = peer.said_within(peer.written);
            // A peer that has left reads no more. Once the system takes nothing more for it, no
            // echo leaves until the write timeout drops it.
            let is_deaf = peer.has_left && pipe.is_blocked();
            let is_over = record.ahead.is_closed() || self.drained.is_some();
            if record.sent >= asked || is_over || is_deaf {
                record.answered_turn = turns;
            }
            let waited = turns - record.answered_turn;
            assert!(waited < answer_turns_max, "peer {index} waits for an echo");
        }
        // As long as its service does not get its events, what comes behind our close is not
        // counted.
        if !was_closed_by_us || !is_due {
            record.last_passed = record.passed;
        }
        self.check_settling(hub, index);
        self.check_lookup(index);
        self.check_times(index);
    }

    /// How many turns a well-behaved peer of a well-behaved service waits for an answer at most:
    /// the longest message has to pass the lowest limit.
    fn answer_turns_max(&self, index: usize) -> u64 {
        let limits = &self.limits;
        let is_narrow = limits.turn_deliveries_max < 1_000 || limits.turn_work_max < 1_000_000;
        // What is compressed counts as more deliveries than it has.
        if is_narrow || limits.turn_batches_max == 1 || self.compresses {
            return u64::MAX;
        }
        let narrowest = limits.turn_write_bytes_max.min(self.links[index].pipe.narrowest());
        // While more than half of the outbox is full, it is not read.
        let waiting = 16 * limits.message_bytes_max.max(1_000) + limits.outbox_bytes_max / 2;
        80 + (waiting / narrowest.min(512)) as u64
    }

    /// Our close frame follows the answers to what came before the peer's end.
    fn check_settling(&mut self, hub: &Hub, index: usize) {
        let Link { peer, record: Some(record), .. } = &mut self.links[index] else { return };
        let (Goal::Service(_), Some(code)) = (peer.goal, record.closed) else { return };
        if record.orphaned || code == 1006 {
            return;
        }
        let is_closed = record.look_ahead(hub.unsent(record.id)).is_closed();
        let has_taken = record.mail.is_empty() && !record.later;
        assert!(
            is_closed || !has_taken,
            "peer {index}: its answers are given, and nothing follows"
        );
        // The time for answers began when the hub saw the end, at the earliest possible time.
        let is_late = self.now.since(record.times.closed[0]) >= self.limits.close_ms_max;
        let we_began =
            record.closed_by_us || record.ahead_code == Some(1013) || self.drained.is_some();
        let is_early = is_closed && !has_taken && !is_late && !we_began;
        assert!(!is_early, "peer {index}: closed before its answers");
    }

    /// A connection is dropped: there is a reason.
    pub(super) fn check_drop(&mut self, hub: &Hub, index: usize) {
        let now = self.now;
        let Link { peer, record: Some(record), .. } = &self.links[index] else { return };
        let (limits, times) = (&self.limits, &record.times);
        let is_clean = record.reader.is_closed()
            && record.reader.is_whole()
            && peer.fatal.is_some_and(|fatal| fatal.is_close && record.passed >= fatal.end);
        let stood = now.since(times.carried.max(times.unsent));
        let is_stuck = record.stuck || record.unsent_len > 0 && stood >= limits.write_ms_max;
        let is_behind = |[least, _]: [Time; 2]| now.since(least) >= limits.write_ms_max;
        let is_slow = record.ahead.is_answered()
            && record.unsent_len > 0
            && record.paid.is_some_and(is_behind);
        let is_over = record.reader.is_closed() || record.reader.is_answered();
        let lingers = is_over && now.since(times.carried) >= limits.close_ms_max;
        let is_mute = times.ping.is_some_and(|ping| now.since(ping) >= limits.pong_ms_max);
        let has_left = times.left.is_some_and(|left| now.since(left) >= limits.write_ms_max);
        let is_stopped = self
            .drained
            .is_some_and(|at| record.times.head.is_none() || now.since(at) >= limits.drain_ms_max);
        // A connection without a request is dropped without an answer.
        let is_late = now.since(times.accepted) >= limits.handshake_ms_max;
        let is_mute = is_mute || record.fed == 0 && is_late;
        assert!(
            record.failed
                || is_clean
                || is_stuck
                || is_slow
                || lingers
                || is_mute
                || has_left
                || is_stopped,
            "peer {index} is dropped without a reason, at {now:?}"
        );
        if is_clean {
            assert_eq!(hub.unsent_len(record.id), 0, "all that was queued has left");
        }
    }

    /// Nothing is left to do until a deadline, or until a peer or service acts: then none of them
    /// may wait for the host.
    pub(super) fn check_quiet(&self, hub: &Hub) {
        let has_ended = |place: &Place| {
            let worker = place.worker.as_ref().filter(|_| !place.is_on_loop);
            worker.is_some_and(|worker| worker.ended.is_some())
        };
        assert!(!self.places.iter().any(has_ended), "the end of a service is forgotten");
        self.check_quiet_tasks();
        for &index in &self.live {
            let Link { peer, pipe, record: Some(record), stream: Some(stream), file, .. } =
                &self.links[index]
            else {
                continue;
            };
            let unsent_len = hub.unsent_len(record.id);
            assert!(unsent_len == 0 || !stream.writable, "peer {index} could be written to");
            let is_over = record.reader.is_answered() && unsent_len == 0 && file.is_none();
            assert!(!is_over || stream.shut, "peer {index}: its answer has no end");
            let is_answered = record.pongs_due(peer) == 0 || record.closed.is_some();
            let is_open = record.is_member() && unsent_len == 0 && record.reader.is_open();
            assert!(is_answered || !is_open, "peer {index}: its last ping is not answered");
            let goes_on = record.status == Some(200) && unsent_len == 0;
            let is_parted = matches!(self.links[index].file, Some(File::Parts(_)));
            assert!(!goes_on || !is_parted, "peer {index}: its file does not go on");
            let Goal::Service(place) = peer.goal else {
                let is_blocked = pipe.tunnel.is_some() && pipe.is_blocked();
                let may_wait = peer.goal == Goal::File || is_blocked;
                assert!(!pipe.is_unread() || may_wait, "peer {index} is not read");
                self.check_sealed_quiet(index, peer.goal == Goal::File);
                continue;
            };
            let of = &self.places[place];
            let is_decided = record.opened || record.status.is_some() || unsent_len > 0;
            let is_paused = record.paused && !record.ahead.is_closed();
            let low = self.limits.outbox_low_bytes.min(self.limits.outbox_bytes_max / 2 - 1_024);
            let is_loaded = record.delivered > 0 && !record.mail.is_empty();
            let is_slow = unsent_len > low || self.may_be_slowed(hub, index);
            // A millisecond may have passed since the last turn.
            let turned = Time::from_ms(self.now.as_ms().saturating_sub(1));
            let rate = of.limits.message_rate.filter(|_| !record.ahead.is_closed());
            let is_over = rate.is_some_and(|rate| record.used.is_all(rate, turned));
            let is_held = record.is_member()
                && (!of.is_roomy() || is_paused || is_loaded || is_slow || is_over || record.later)
                || !is_decided && record.times.head.is_some();
            self.check_sealed_quiet(index, is_held);
            let is_held = is_held || pipe.tunnel.is_some() && pipe.is_blocked();
            assert!(!pipe.is_unread() || is_held, "peer {index} is not read");
            let has_waiting = record.passed < record.fed && !record.orphaned;
            assert!(!has_waiting || is_held, "peer {index}: what was read is not passed on");
            if of.is_ready && of.is_roomy() && record.times.head.is_some() && !record.orphaned {
                let is_known = is_decided || record.asked && of.is_asked;
                assert!(is_known, "peer {index} is not admitted");
            }
            assert!(of.worker.is_some() || is_decided || record.times.head.is_none());
        }
    }

    /// All peers have gone.
    pub(super) fn check_end(&mut self, hub: &mut Hub) {
        assert_eq!(hub.sockets_len(), 0);
        assert_eq!(self.surplus_len, 0);
        #[cfg(feature = "processes")]
        self.check_shared_end();
        self.check_later(hub);
        let all_parted = self.links.iter().all(|link| link.file.is_none());
        assert!(all_parted, "files know that nobody waits");
        if self.drained.is_some() {
            assert!(hub.is_drained(), "the stop has come to its end");
            assert_eq!(hub.poll(), None, "nothing is left to be done");
            let running = || self.places.iter().filter_map(|place| place.worker.as_ref());
            assert!(running().all(Worker::is_finishing), "services are asked to finish");
            return;
        }
        self.check_all_answered();
        // The log may still have to count what it has left out of its second.
        if let Some(last) = hub.deadline().filter(|last| !self.is_eager_start(*last)) {
            assert!(last <= self.now.after(SECOND_MS), "nothing is left to be waited for");
            hub.expire(last);
        }
        let is_left = hub.deadline().is_some_and(|at| !self.is_eager_start(at));
        assert!(!is_left, "no deadline is left");
        assert!(self.places.iter().all(|place| place.topics.is_empty()));
        for place in 0..self.places.len() {
            let of = &self.places[place];
            let Some(run) = of.run_id(of.run) else { continue };
            let to_all = Outbound::Send { to: Audience::all(), message: "anybody?".into() };
            let left = hub.apply(run, &mut [to_all].into_iter(), 10, self.now);
            assert!(left >= 9, "no member is left behind");
        }
    }

    /// Transactions for sockets that have gone reach no peer.
    pub(super) fn address_the_gone(&mut self, hub: &mut Hub) {
        if self.ids.is_empty() || !self.chooser.once_in(20) {
            return;
        }
        let id = self.ids[self.chooser.below(self.ids.len())];
        if self.link_of(id).is_some() {
            return;
        }
        let (now, deadline) = (self.now, hub.deadline());
        assert!(!hub.may_read(id, self.now) && hub.unread_len(id) == 0);
        hub.receive(id, &mut b"GET / HTTP/1.1\r\n\r\n".to_vec(), now);
        hub.end(id, now);
        hub.fail(id, "stale", now);
        hub.peer_leaves(id, now);
        hub.respond(id, &Response::text(Status::OK, "stale"), now);
        hub.respond_head(id, &Response::empty(Status::OK), now);
        hub.respond_body(id, b"stale".to_vec(), now);
        assert_eq!(hub.wrote(id, 0, now), Next::Keep);
        hub.remove(id, now);
        assert_eq!(hub.poll(), None, "a stale id is silence");
        assert_eq!(hub.deadline(), deadline);
    }
}

/// A socket may put another message into the mail of its service.
fn check_share(record: &mut Record, of: &Place, index: usize) {
    record.opening = of.openings;
    let load: usize = record.mail.iter().sum();
    let share = of.limits.mail_messages_max.clamp(SHARE_MIN, SHARE_MAX);
    assert!(load < share, "peer {index} has {load} of {share} in the mail");
}

/// The least and the most that a socket may have in the mail.
const SHARE_MIN: usize = 16;
const SHARE_MAX: usize = 255;
/// A masked frame without payload.
const FRAME_BYTES_MIN: usize = 6;
/// The reason of a close, as a string that has grown.
const REASON_BYTES_MAX: usize = 256;
/// Headers, a pong and a close frame may wait beyond the limit of an outbox.
const OUTBOX_SLACK: usize = 400;

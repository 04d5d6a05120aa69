//! The transactions of services, one at a time, and whether they reach the right outboxes: those of
//! their sockets, whole and at once, and no other.

use switchboard::Limits;
use switchboard::hub::{Hub, RunEnd};
use switchboard::service::{Admission, Outbound, SocketId};

use super::peer::Goal;
use super::service::{Order, Whom};
use super::wire::framed_len;
use super::{Link, World};

/// A socket of the audience, and how much waited for its peer before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    pub index: usize,
    pub id: SocketId,
    pub unsent_len: usize,
    is_meant: bool,
}

impl World {
    /// Begins the next batch of a service. Returns whether there is anything to apply.
    pub(super) fn begin(&mut self, place: usize) -> bool {
        let Some(worker) = &mut self.places[place].worker else { return false };
        if worker.batch.len() == 0 {
            worker.begun += u64::from(!worker.queue.is_empty());
            worker.batch = worker.queue.pop_front().unwrap_or_default().into_iter();
        }
        worker.batch.len() > 0
    }

    /// Applies the batch of a service; returns how many deliveries are left.
    pub(super) fn apply_orders(&mut self, hub: &mut Hub, place: usize, mut left: usize) -> usize {
        self.inbox.moved = true;
        while left > 0 {
            let Some(worker) = &mut self.places[place].worker else { break };
            let (run, Some(order)) = (worker.run, worker.batch.next()) else { break };
            left = self.apply(hub, place, run, &order, left);
        }
        left
    }

    /// Applies what a service sends; returns how many deliveries are left.
    pub(super) fn apply(
        &mut self,
        hub: &mut Hub,
        place: usize,
        run: u32,
        order: &Order,
        left: usize,
    ) -> usize {
        if self.chooser.once_in(16) && self.places[place].stale.len() < 20 {
            self.places[place].stale.push((run, order.clone()));
        }
        if let Order::Subscribe { id, .. } | Order::Pause { id } = order
            && let Some(index) = self.link_of(*id)
            && self.links[index].record.as_ref().is_some_and(|record| !record.opened)
        {
            // A service knows only sockets that it has got an event of.
            return left - 1;
        }
        let before = self.look(hub, place, order);
        let Some(run) = self.places[place].run_id(run) else { return left };
        let mut batch = vec![order.outbound(), Outbound::Ready(Admission::default())].into_iter();
        let after = if left > 1 {
            let mut batch = batch.next().into_iter();
            hub.apply(run, &mut batch, left, self.now)
        } else {
            hub.apply(run, &mut batch, left, self.now)
        };
        for at in 0..self.live.len() {
            self.note_unread(hub, self.live[at]);
        }
        assert!(left > 1 || batch.len() == 1 && after == 0, "deliveries are bounded");
        assert!(after < left, "each transaction counts");
        let grown = |b: &&Before| hub.unsent_len(b.id) > b.unsent_len;
        let grown_len = before.iter().filter(grown).count();
        // The hub answers the sockets that a reset refuses.
        let is_counted = !matches!(order, Order::Reset { .. });
        let counts = left - after >= grown_len.min(left);
        assert!(!is_counted || counts, "each delivery counts");
        self.check_order(hub, place, order, &before);
        after
    }

    /// A service has ended; the hub is notified next. Returns whether it was there.
    pub(super) fn end_service(&mut self, place: usize) -> bool {
        let Some(worker) = self.places[place].worker.take() else { return false };
        self.note(5, place as u64);
        self.tally.ends += 1;
        assert!(!worker.has_more(), "a service is heard out before it has ended");
        self.inbox.ended.push((place, worker.run));
        true
    }

    /// The hub has been notified that a service has ended.
    pub(super) fn check_service_end(&mut self, hub: &Hub, place: usize) {
        let now = self.now;
        let of = &mut self.places[place];
        of.fail(now);
        of.ended_turn = Some(self.turns);
        (of.is_ready, of.put, of.put_bytes, of.taken, of.taken_bytes) = (false, 0, 0, 0, 0);
        (of.is_full, of.is_reset, of.excess) = (false, false, (0, 0));
        of.lives.clear();
        of.later.clear();
        self.part_from_topics(place);
        for at in 0..self.live.len() {
            let index = self.live[at];
            let Link { peer, record: Some(record), stream: Some(_), .. } = &mut self.links[index]
            else {
                continue;
            };
            let is_ours = peer.goal == Goal::Service(place) && record.fed >= peer.head_end;
            let is_looked_up = self.disk.as_ref().is_some_and(|disk| disk.may_look_for(record));
            if !is_ours || is_looked_up {
                continue;
            }
            (record.orphaned, record.later) = (true, false);
            if record.failed {
                continue;
            }
            let image = record.look_ahead(hub.unsent(record.id));
            let is_told = image.is_closed() || image.is_answered();
            // On the loop a service ends after deadlines have come: a socket given up then gets
            // no close frame any more, and is dropped at the end of the turn.
            assert!(is_told || record.closed.is_some(), "peer {index} outlives its service");
            record.must_go = !is_told;
        }
    }

    /// Transactions of an earlier run have no effect.
    pub(super) fn apply_stale_order(
        &mut self,
        hub: &mut Hub,
        place: usize,
        run: u32,
        order: &Order,
    ) {
        let Some(run) = self.places[place].run_id(run) else { return };
        let before = self.all_unsent(hub);
        let mut batch = [order.outbound()].into_iter();
        hub.apply(run, &mut batch, usize::MAX, self.now);
        assert_eq!(batch.len(), 0, "they are taken, and ignored");
        assert_eq!(self.all_unsent(hub), before, "a run that has ended is silent");
    }

    /// Applies some of what earlier runs have left behind.
    pub(super) fn apply_stale_orders(&mut self, hub: &mut Hub, place: usize) {
        let of = &self.places[place];
        let (run, old) = (of.run, of.stale.iter().position(|&(run, _)| run < of.run));
        if let (Some(last), true) = (of.run_id(run.saturating_sub(1)), run > 1) {
            // Its end was reported when it came.
            hub.ended(last, &RunEnd::Returned, self.now);
        }
        if let Some(old) = old {
            let (run, order) = self.places[place].stale.swap_remove(old);
            self.apply_stale_order(hub, place, run, &order);
        }
    }

    pub(super) fn all_unsent(&self, hub: &Hub) -> usize {
        let unsent_len = |&index: &usize| {
            self.links[index].record.as_ref().map_or(0, |record| hub.unsent_len(record.id))
        };
        self.live.iter().map(unsent_len).sum()
    }

    /// Looks at all sockets that a transaction may reach.
    pub(super) fn look(&self, hub: &Hub, place: usize, order: &Order) -> Vec<Before> {
        let subscriber;
        let to = match order {
            Order::Send { to, .. } | Order::Close { to, .. } => to,
            Order::Reset { .. } => &Whom::All,
            Order::Subscribe { id, .. } => {
                subscriber = Whom::One(*id);
                &subscriber
            }
            Order::Ready { .. }
            | Order::Admit { .. }
            | Order::Unsubscribe { .. }
            | Order::Pause { .. }
            | Order::Resume { .. }
            | Order::Label { .. }
            | Order::Taken { .. } => return Vec::new(),
            #[cfg(feature = "database")]
            Order::Later { .. } | Order::Answered { .. } => return Vec::new(),
        };
        let look = |index: usize, is_meant: bool| {
            let Link { record: Some(record), stream: Some(_), .. } = &self.links[index] else {
                return None;
            };
            let unsent_len = hub.unsent_len(record.id);
            Some(Before { index, id: record.id, unsent_len, is_meant })
        };
        match to {
            Whom::One(id) => self.link_of(*id).and_then(|i| look(i, true)).into_iter().collect(),
            Whom::Many(ids) => ids.iter().filter_map(|id| look(self.link_of(*id)?, true)).collect(),
            Whom::All | Whom::AllBut(_) | Whom::Topic(_) => {
                let is_ours = |&index: &usize| self.is_of(place, self.links[index].peer.goal);
                let is_meant = |index: usize| match to {
                    Whom::AllBut(id) => self.link_of(*id) != Some(index),
                    Whom::Topic(topic) => {
                        let topic = self.places[self.places[place].first].topics.get(topic);
                        topic.is_some_and(|members| members.contains(&index))
                    }
                    Whom::One(_) | Whom::Many(_) | Whom::All => true,
                };
                let ours = self.live.iter().copied().filter(is_ours);
                ours.filter_map(|index| look(index, is_meant(index))).collect()
            }
        }
    }

    pub(super) fn check_order(
        &mut self,
        hub: &Hub,
        place: usize,
        order: &Order,
        before: &[Before],
    ) {
        match order {
            Order::Ready { asked } => {
                let of = &mut self.places[place];
                (of.is_ready, of.is_asked, of.is_reset) = (true, *asked, false);
                of.lives.push(*asked);
            }
            Order::Taken { messages, bytes, of } => {
                self.note_taken(of);
                self.places[place].taken += *messages as u64;
                self.places[place].taken_bytes += bytes;
                let of = &mut self.places[place];
                let is_roomy = of.is_roomy();
                of.openings += u64::from(of.is_full && is_roomy);
                of.is_full &= !is_roomy;
            }
            Order::Send { to, slows, serial, len, is_text } => {
                if let Some(id) = slows {
                    self.note_slowing(*id, *len);
                }
                #[cfg(feature = "processes")]
                self.check_shared(place, to, (*serial, *len, *is_text));
                let is_list = matches!(to, Whom::One(_) | Whom::Many(_));
                for before in before {
                    self.check_send(hub, place, *before, is_list, (*serial, *len, *is_text));
                }
            }
            Order::Close { .. } => before.iter().for_each(|b| self.check_close(hub, place, *b)),
            Order::Subscribe { topic, .. } => {
                before.iter().for_each(|b| self.check_subscription(hub, place, *b, *topic));
            }
            Order::Unsubscribe { id, topic } => {
                if let Some(index) = self.link_of(*id) {
                    self.leave_topics(place, index, Some(*topic));
                }
            }
            Order::Pause { id } => self.note_pause(place, *id),
            Order::Resume { id } => self.note_resume(place, *id),
            Order::Admit { id, admits: true } => self.note_admission(place, *id),
            Order::Reset { pause_ms } => self.check_reset(hub, place, *pause_ms, before),
            Order::Admit { .. } | Order::Label { .. } => {}
            #[cfg(feature = "database")]
            Order::Later { id } => self.note_later(place, *id),
            #[cfg(feature = "database")]
            Order::Answered { id, of } => {
                self.note_taken(of);
                self.note_answered(place, *id);
            }
        }
    }

    /// A service is done with transactions of these sockets.
    fn note_taken(&mut self, of: &[SocketId]) {
        for id in of {
            let Some(index) = self.link_of(*id) else { continue };
            let Some(record) = &mut self.links[index].record else { continue };
            let taken = record.mail.pop_front();
            assert!(taken.is_some(), "peer {index}: more is taken than has come");
        }
    }

    /// A socket has sent a message for which it may be slowed.
    fn note_slowing(&mut self, id: SocketId, len: usize) {
        let Some(index) = self.link_of(id) else { return };
        let Link { record: Some(record), .. } = &mut self.links[index] else { return };
        let (begun, bytes) = &mut record.times.talk;
        if self.now.since(*begun) >= SECOND_MS {
            (*begun, *bytes) = (self.now, 0);
        }
        *bytes += len + Limits::MAIL_ITEM_BYTES;
    }

    /// Whether a socket may be held since others do not read what it sends: for a second at most,
    /// if it has sent much in it, and only if the outbox of one of them has not drained.
    pub(super) fn may_be_slowed(&self, hub: &Hub, index: usize) -> bool {
        let Link { peer, record: Some(record), .. } = &self.links[index] else { return false };
        let (begun, bytes) = record.times.talk;
        let low = self.limits.outbox_low_bytes;
        let is_in_time = self.now <= begun.after(SECOND_MS + TICK_MS);
        let is_full = |other: &usize| {
            let Link { peer: of, record: Some(record), .. } = &self.links[*other] else {
                return false;
            };
            *other != index && self.is_same(of.goal, peer.goal) && hub.unsent_len(record.id) > low
        };
        bytes > low && is_in_time && self.live.iter().any(is_full)
    }

    /// A message was for a socket, or was not.
    pub(super) fn check_send(
        &mut self,
        hub: &Hub,
        place: usize,
        before: Before,
        is_list: bool,
        (serial, len, is_text): (u32, usize, bool),
    ) {
        let Before { index, id, unsent_len, is_meant } = before;
        let grown = hub.unsent_len(id) - unsent_len;
        let (max, now) = (self.limits.outbox_bytes_max, self.now);
        let limits = &self.places[place].limits;
        let is_of = self.is_of(place, self.links[index].peer.goal);
        let Link { peer, record: Some(record), .. } = &mut self.links[index] else { return };
        let is_ours = is_of && !record.orphaned;
        let is_of_other = peer.goal != Goal::Service(place);
        if grown == 0 {
            // A socket that was given up in this turn, and is dropped at its end, gets nothing
            // more.
            let is_lost = record.failed || record.closed == Some(1006);
            let hears = is_ours && is_meant && record.opened && !is_lost;
            if hears && !record.look_ahead(hub.unsent(id)).is_closed() {
                // A socket whose peer has closed is no longer in the audience of all, and still
                // gets answers.
                assert!(!is_list, "peer {index}: message {serial:x} is lost");
                record.must_close |= record.closed.is_none();
            }
            return;
        }
        assert!(is_ours && is_meant, "peer {index}: message {serial:x} is not for it");
        let image = record.look_ahead(hub.unsent(id));
        let (compresses, is_closed) = (image.compresses(), image.is_closed());
        // What is shorter on its way may fit, though it would not as it is.
        if unsent_len + len <= max || compresses && !is_closed {
            let is_whole = grown == framed_len(len) || compresses && grown < framed_len(len);
            assert!(is_whole, "peer {index}: message {serial:x} is not whole");
            let is_long = len >= limits.deflate_threshold_bytes.max(SHRINKS_BYTES_MIN);
            let is_small = grown <= len / 2;
            assert!(!(compresses && is_long) || is_small || len > max, "peer {index}: it is long");
            record.expect(unsent_len, grown, (serial, len, is_text), now);
            self.tally.crossings += u64::from(is_of_other);
            return;
        }
        self.tally.overflows += 1;
        assert!(record.look_ahead(hub.unsent(id)).is_closed(), "peer {index} is over its limit");
        record.must_close |= record.is_member();
    }

    /// A socket was to be closed, or was not.
    fn check_close(&mut self, hub: &Hub, place: usize, before: Before) {
        let Before { index, id, unsent_len, is_meant } = before;
        let grown = hub.unsent_len(id) > unsent_len;
        let is_of = self.is_of(place, self.links[index].peer.goal);
        let Link { record: Some(record), .. } = &mut self.links[index] else { return };
        let is_ours = is_of && !record.orphaned;
        assert!(is_ours && is_meant || !grown, "peer {index} is closed by a stranger");
        let is_closed = record.look_ahead(hub.unsent(id)).is_closed();
        if is_ours && is_meant && record.is_member() && !is_closed {
            record.must_close = true;
        }
    }

    /// A socket was to be subscribed: it is, or it is closed since a limit is reached.
    fn check_subscription(&mut self, hub: &Hub, place: usize, before: Before, topic: u8) {
        let Before { index, id, unsent_len, .. } = before;
        let grown = hub.unsent_len(id) > unsent_len;
        let is_ours = self.is_of(place, self.links[index].peer.goal);
        let Link { record: Some(record), address, .. } = &mut self.links[index] else { return };
        if !is_ours || !record.is_member() {
            return assert!(!grown, "peer {index} is subscribed by a stranger");
        }
        let first = self.places[place].first;
        let topics = &mut self.places[first].topics;
        let own_len = topics.values().filter(|members| members.contains(&index)).count();
        let is_new = !topics.get(&topic).is_some_and(|members| members.contains(&index));
        let has_too_many = is_new && own_len >= self.limits.topics_per_socket_max;
        // Some of these may have gone in this turn, with their last subscriber.
        let max = self.limits.topics_max;
        let are_many = topics.len() >= max;
        // The last quarter is for addresses that have not made a quarter of them.
        let is_far = !address.ip().is_loopback();
        let is_counted = is_far && self.limits.sockets_per_ip_max != Limits::OFF_COUNT;
        let may_have_a_quarter = is_counted && topics.len() >= max - max.div_ceil(4);
        let are_many = are_many || may_have_a_quarter;
        if grown {
            return assert!(has_too_many || are_many, "peer {index} may subscribe");
        }
        if !record.look_ahead(hub.unsent(id)).is_closed() {
            // If it may not, and is not closed, it has left already.
            record.must_close |= has_too_many;
        }
        topics.entry(topic).or_default().insert(index);
    }

    /// A socket is subscribed no more, to one topic or to all.
    pub(super) fn leave_topics(&mut self, place: usize, index: usize, topic: Option<u8>) {
        let first = self.places[place].first;
        self.places[first].topics.retain(|name, members| {
            if topic.is_none_or(|topic| topic == *name) {
                members.remove(&index);
            }
            !members.is_empty()
        });
    }
}

/// Messages of this length become much shorter: a number, and the same letter again and again.
const SHRINKS_BYTES_MIN: usize = 60;
/// For how long a sender waits, and a listener is waited for.
pub(super) const SECOND_MS: u64 = 1_000;
/// How late a deadline may be noticed.
const TICK_MS: u64 = 64;

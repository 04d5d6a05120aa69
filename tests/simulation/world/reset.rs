//! Programs whose sockets outlive them, and which are given other limits while they have some: what
//! has to hold of both.

use switchboard::Limits;
use switchboard::hub::Hub;
use switchboard::service::SocketId;

use super::apply::Before;
use super::peer::Goal;
use super::service::Surroundings;
use super::{Link, World, choose_policy, choose_rate};

impl World {
    /// The program behind the sockets of a service has gone: all sockets are still there, without
    /// the state that it had set for them. If there is a pause, waiting sockets are refused with
    /// Retry-After.
    pub(super) fn check_reset(
        &mut self,
        hub: &Hub,
        place: usize,
        pause_ms: u64,
        before: &[Before],
    ) {
        self.tally.resets += 1;
        let of = &mut self.places[place];
        (of.is_ready, of.is_reset) = (false, true);
        of.retry = self.now.after(pause_ms);
        self.part_from_topics(place);
        for &Before { index, id, unsent_len, .. } in before {
            let is_silent = hub.unsent_len(id) == unsent_len;
            let Link { peer, record: Some(record), .. } = &mut self.links[index] else { continue };
            let is_looked_up = self.disk.as_ref().is_some_and(|disk| disk.may_look_for(record));
            record.paused = false;
            let image = record.look_ahead(hub.unsent(id));
            let is_refused = image.is_answered();
            let waits = !is_refused && !image.is_open() && !image.is_closed();
            if !is_silent {
                assert!(is_refused && pause_ms > 0, "peer {index}: a reset tells it something");
                record.retry_s = Some(pause_ms.div_ceil(1_000));
                continue;
            }
            let has_asked = record.fed >= peer.head_end && !is_looked_up && !record.failed;
            assert!(!waits || !has_asked || pause_ms == 0, "peer {index} waits in a pause");
            let is_taken = record.mail.is_empty();
            if waits && record.asked && is_taken && !record.admitted {
                record.asked = false;
                self.tally.questions += 1;
            }
        }
    }

    /// A socket has been read: requests during a pause are refused.
    pub(super) fn check_comer(&mut self, hub: &Hub, index: usize) {
        let Link { peer, record: Some(record), .. } = &mut self.links[index] else { return };
        let Goal::Service(place) = peer.goal else { return };
        let of = &self.places[place];
        let pause_ms = of.retry.since(self.now);
        let is_excused = !record.has_come
            || record.surplus
            || self.drained.is_some()
            || record.ahead.is_answered();
        if of.is_reset && pause_ms > 0 && !is_excused {
            let image = record.look_ahead(hub.unsent(record.id));
            assert!(image.is_answered(), "peer {index} comes in a pause, and waits");
            record.retry_s = Some(pause_ms.div_ceil(1_000));
        }
    }

    /// A service admits a socket that it was asked about.
    pub(super) fn note_admission(&mut self, place: usize, id: SocketId) {
        let Some(index) = self.link_of(id) else { return };
        let is_ours = self.is_of(place, self.links[index].peer.goal);
        let Link { record: Some(record), .. } = &mut self.links[index] else { return };
        record.admitted |= is_ours && record.asked;
    }

    /// Other limits hold for a program, and so do they for its open sockets and its mail.
    pub(super) fn remount(&mut self, hub: &mut Hub) {
        if self.disk.is_none() || self.places.len() < 2 || !self.chooser.once_in(200) {
            return;
        }
        let place = 1 + self.chooser.below(self.places.len() - 1);
        let of = &mut self.places[place];
        let Some(id) = of.id else { return };
        of.limits = Limits {
            mail_messages_max: self.chooser.pick(&[40, 4, 4_096]),
            mail_bytes_max: self.chooser.pick(&[20_000, 3_000, 1_000_000]),
            ping_interval_ms: self.chooser.pick(&[2_000, 40_000]),
            idle_ms_max: self.chooser.pick(&[Limits::OFF_MS, 5_000]),
            message_rate: choose_rate(&mut self.chooser),
            rate_policy: choose_policy(&mut self.chooser),
            ..of.limits
        };
        hub.remount(id, of.options(), self.now);
        for link in &mut self.links {
            let is_own = link.peer.goal == Goal::Service(place);
            if let (true, Some(record), Some(rate)) =
                (is_own, &mut link.record, of.limits.message_rate)
            {
                record.used.change(rate, self.now);
            }
        }
        (of.remounted, of.excess) = (self.now, (of.waiting(), of.waiting_bytes()));
        // A pause before the next start ends.
        of.retry = of.retry.min(self.now);
        of.is_full &= !of.is_roomy();
        let Some(worker) = &mut of.worker else { return };
        let mut around = Surroundings {
            chooser: &mut self.chooser,
            limits: &of.limits,
            now: self.now,
            serial: &mut self.serial,
            ids: &self.ids,
        };
        worker.replace(&mut around);
        if worker.has_more() {
            self.inbox.add_sender(place);
        }
        self.inbox.moved = true;
    }
}

//! What is noted of each step of a turn, and what has to hold then: of connections that come, and
//! of sockets that are read and written to.

use switchboard::Limits;
use switchboard::engine::{PeerEnd, TurnStep};
use switchboard::hub::Hub;
use switchboard::service::SocketId;

use super::arrivals::{Rate, are_one};
use super::{Link, World};

/// What has to become of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Arriving {
    pub index: usize,
    pub surplus: bool,
    pub rate: Rate,
    /// It gets no answer, not even a refusal.
    pub is_dropped: bool,
}

impl World {
    /// The hub has not taken the connection that came last.
    pub(super) fn settle_arrival(&mut self) {
        let Some(arriving) = self.inbox.arriving.take() else { return };
        let Arriving { index, rate, is_dropped, .. } = arriving;
        assert!(is_dropped, "there is a place, if only for a refusal");
        self.tally.drops += u64::from(rate == Rate::Dropped);
        self.links[index].pipe.host_drops();
    }

    /// What has to become of this connection.
    pub(super) fn check_arrival(&mut self, index: usize) -> Arriving {
        let address = self.links[index].address;
        let counts = |&&other: &&usize| {
            let Link { stream, record, .. } = &self.links[other];
            stream.is_some() && record.as_ref().is_some_and(|record| !record.surplus)
        };
        let is_neighbor = |&&other: &&usize| are_one(self.links[other].address, address);
        let taken = self.live.iter().filter(counts).count();
        let held = self.live.iter().filter(counts).filter(is_neighbor).count();
        let is_far = !address.ip().is_loopback();
        let limit = self.limits.connection_rate.filter(|_| is_far);
        let connect = |limit| self.arrivals.connect(address, limit, self.now);
        let rate = limit.map_or(Rate::Allowed, connect);
        let Limits { sockets_max, sockets_per_ip_max, .. } = self.limits;
        let is_counted = is_far && sockets_per_ip_max != Limits::OFF_COUNT;
        // An address that has a quarter of the sockets gets none of the last quarter.
        let quarter = sockets_max.div_ceil(4);
        let has_share = taken >= sockets_max - quarter && held >= quarter;
        let surplus = rate != Rate::Allowed
            || taken >= sockets_max
            || is_counted && (held >= sockets_per_ip_max || has_share);
        let is_full = surplus && self.surplus_len >= Limits::REFUSALS_MAX;
        let mut is_dropped = is_full || rate == Rate::Dropped;
        if self.links[index].pipe.tunnel.is_some() {
            // An answer would need a handshake, and so would what is beyond the share of these.
            let shakes = |&&other: &&usize| self.links[other].shakes_hands();
            let (taken, max) = (self.handshakes_len(), self.limits.handshakes_max);
            let held = self.live.iter().filter(shakes).filter(is_neighbor).count();
            let quarter = max.div_ceil(4);
            is_dropped |= surplus || is_counted && taken >= max - quarter && held >= quarter;
        }
        Arriving { index, surplus, rate, is_dropped }
    }

    /// A socket may not be read now.
    fn note_held(&mut self, hub: &Hub, id: SocketId) {
        let Some(index) = self.link_of(id) else { return };
        self.note_unread(hub, index);
        self.tally.waits += u64::from(self.may_be_slowed(hub, index));
        let Link { record: Some(record), stream: Some(stream), .. } = &mut self.links[index] else {
            return;
        };
        self.tally.holds += 1;
        record.held = true;
        match stream.end {
            PeerEnd::None => {}
            PeerEnd::HalfClosed => {
                if record.times.left.is_none_or(|left| left < record.times.resumed) {
                    record.times.left = Some(self.now);
                }
            }
            PeerEnd::Lost => (record.failed, record.reset) = (true, true),
        }
    }

    /// A socket is about to be read.
    fn note_read(&mut self, hub: &Hub, id: SocketId) {
        let Some(index) = self.link_of(id) else { return };
        self.note_unread(hub, index);
        assert!(!self.is_paused(hub, index), "peer {index} is read while it is paused");
        let Link { record: Some(record), .. } = &mut self.links[index] else { return };
        record.held = false;
        record.times.left = None;
    }

    /// Notes what the engine shows of the hub.
    pub(super) fn note_moment(&mut self, moment: TurnStep, hub: &Hub) {
        match moment {
            TurnStep::Held(id) => self.note_held(hub, id),
            TurnStep::Reads(id) => self.note_read(hub, id),
            TurnStep::Received(id, len) => {
                let Some(index) = self.link_of(id) else { return };
                self.note_worker(hub, index);
                self.check_comer(hub, index);
                self.note_unread(hub, index);
                self.note(2, len as u64);
            }
            TurnStep::Writes(id) => {
                let Some(index) = self.link_of(id) else { return };
                let Link { record: Some(record), .. } = &mut self.links[index] else { return };
                record.look_ahead(hub.unsent(id));
                record.saw_unsent(hub.unsent_len(id), &self.limits);
            }
            TurnStep::Wrote(id) => {
                let Some(index) = self.link_of(id) else { return };
                let Link { record: Some(record), .. } = &mut self.links[index] else { return };
                record.stalled = hub.unsent_len(id) > 0;
            }
            TurnStep::Resumes(id) => {
                let Some(index) = self.link_of(id) else { return };
                let Link { record: Some(record), .. } = &mut self.links[index] else { return };
                record.held = false;
                record.times.resumed = self.now;
            }
            TurnStep::Ended(worker) => {
                let place = self.place_of(worker);
                self.check_service_end(hub, place);
            }
            TurnStep::Drops(id) => {
                if let Some(index) = self.link_of(id) {
                    self.check_drop(hub, index);
                }
            }
        }
    }
}

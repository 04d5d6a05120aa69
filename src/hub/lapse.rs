//! What serves the sockets of a service is replaced under them: they stay, with their mail, and
//! what the old one has said of them goes.

use crate::hub::socket::Standing;
use crate::hub::{Compression, Hub, Mount, StationId};
use crate::service::{Admission, SocketId};
use crate::time::Time;

impl Hub {
    /// Gives a service other bounds and rules, which hold from here on, for its open sockets too.
    /// Whether messages are compressed stays as it is, since open sockets have agreed on it.
    pub fn remount(&mut self, station: StationId, mount: Mount) {
        let own = &mut self.stations[station].mount;
        let compression = own.compression;
        *own = Mount { compression, ..mount };
    }

    /// Whether a service compresses.
    #[must_use]
    pub fn compression(&self, station: StationId) -> Compression {
        self.stations[station].mount.compression
    }

    /// What serves the sockets has gone. Those who wait are refused if there is a pause. Otherwise
    /// those that it was asked about wait to be asked about again, unless their question is still
    /// on its way: then the next one gets that.
    pub(super) fn lapse(&mut self, station: StationId, pause_ms: u64, now: Time) {
        self.stations[station].lapse(pause_ms, now);
        if let Some(refusal) = self.refuse_in_pause(station, now) {
            for id in self.sockets.ids_of(&self.stations[station].waiting) {
                self.respond(id, &refusal, now);
            }
        }
        self.wait_again(station, |hub, id| {
            let mail = &hub.stations[station].mail;
            hub.sockets.get(id).is_some_and(|socket| mail.has_taken(socket.mailed))
        });
        for id in self.sockets.ids_of(&self.stations[station].members) {
            if let Some(rare) = self.sockets.get_mut(id).and_then(|socket| socket.rare.as_mut()) {
                rare.labels = Vec::new();
            }
            self.end_pause(id, now);
        }
    }

    /// A service that lets everyone in answers no question that is still on its way to it.
    pub(super) fn ask_nobody(&mut self, station: StationId) {
        match self.stations[station].admission {
            Admission::Everyone { .. } => self.wait_again(station, |_, _| true),
            Admission::Asked => {}
        }
    }

    /// Has those wait for the service, of those that it has been asked about.
    fn wait_again(&mut self, station: StationId, is_meant: impl Fn(&Self, SocketId) -> bool) {
        for id in self.sockets.ids_of(&self.stations[station].waiting) {
            if !is_meant(self, id) {
                continue;
            }
            if let Some(socket) = self.sockets.get_mut(id)
                && socket.standing == Standing::Asked
            {
                socket.standing = Standing::Waiting;
            }
        }
    }
}

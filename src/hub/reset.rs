//! What serves the sockets of a service is replaced under them: they stay, with their mail, and
//! what the old one has said of them goes.

use log::Level;

use crate::hub::socket::Membership;
use crate::hub::{Hub, ServiceId, Subject};
use crate::service::Admission;
use crate::time::Time;

impl Hub {
    /// What serves the sockets has gone. Those who wait are refused if there is a pause. Otherwise
    /// those that it was asked about wait to be asked about again, unless their question is still
    /// on its way: then the next one gets that.
    pub(super) fn reset(&mut self, service: ServiceId, pause_ms: u64, now: Time) {
        let lapsing = &mut self.services[service];
        lapsing.reset(pause_ms, now);
        let sockets = lapsing.members.len();
        let text = format_args!("its process is replaced under {sockets} sockets");
        Subject::service(&lapsing.path).log(Level::Debug, text);
        if let Some(refusal) = self.refuse_in_pause(service, now) {
            for id in self.sockets.ids_of(&self.services[service].waiting) {
                self.respond(id, &refusal, now);
            }
        }
        for id in self.sockets.ids_of(&self.services[service].waiting) {
            let Some(socket) = self.sockets.get_mut(id) else { continue };
            let is_taken = self.services[service].worker.mail.has_taken(socket.mailed);
            socket.standing = if is_taken { Membership::Waiting } else { Membership::Asked };
        }
        for id in self.sockets.ids_of(&self.services[service].members) {
            if let Some(rare) = self.sockets.get_mut(id).and_then(|socket| socket.rare.as_mut()) {
                rare.labels = Vec::new();
            }
            self.end_pause(id, now);
            // As after a resume: nothing else may ever tell the wheel that its clock goes on.
            self.schedule_write(id);
        }
    }

    /// A service that lets everyone in answers no question that is still on its way to it.
    pub(super) fn ask_nobody(&mut self, service: ServiceId) {
        match self.services[service].admission {
            Admission::Everyone { .. } => {
                for id in self.sockets.ids_of(&self.services[service].waiting) {
                    if let Some(socket) = self.sockets.get_mut(id) {
                        socket.standing = Membership::Waiting;
                    }
                }
            }
            Admission::Asked | Admission::AskedAndClosed => {}
        }
    }
}

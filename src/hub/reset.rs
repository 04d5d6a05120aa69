//! The program behind the sockets of a service is replaced. The sockets stay, with their mail.
//! State that the old process set for them is removed.

use log::Level;

use crate::hub::socket::Membership;
use crate::hub::{Hub, ServiceId, Subject};
use crate::service::Admission;
use crate::time::Time;

impl Hub {
    /// The program behind the sockets has gone. Sockets that wait to open are refused if there is a
    /// pause. Otherwise the next process is asked about them again, unless the first question is
    /// still in the mail: then the next process gets that one.
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
            socket.membership = if is_taken { Membership::Waiting } else { Membership::Asked };
        }
        for id in self.sockets.ids_of(&self.services[service].members) {
            if let Some(cold) = self.sockets.get_mut(id).and_then(|socket| socket.cold.as_mut()) {
                cold.labels = Vec::new();
            }
            self.end_pause(id, now);
            // As after a resume: the wheel may get no other notice that its clock runs again.
            self.schedule_write(id);
        }
    }

    /// A service that admits all sockets does not answer questions that are still in its mail.
    pub(super) fn ask_nobody(&mut self, service: ServiceId) {
        match self.services[service].admission {
            Admission::Everyone { .. } => {
                for id in self.sockets.ids_of(&self.services[service].waiting) {
                    if let Some(socket) = self.sockets.get_mut(id) {
                        socket.membership = Membership::Waiting;
                    }
                }
            }
            Admission::Asked | Admission::AskedAndClosed => {}
        }
    }
}

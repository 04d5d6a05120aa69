//! The program behind the sockets of a service is replaced. The sockets stay, with their mail.
//! State that the old process set for them is removed.

use log::Level;

use crate::hub::socket::Membership;
use crate::hub::worker_slot::WorkerSlot;
use crate::hub::{Hub, WorkerId};
use crate::service::Admission;
use crate::time::Time;

impl Hub {
    /// The program behind the sockets of a worker has gone. Sockets that wait to open are refused
    /// if there is a pause. Otherwise the next process is asked about them again, unless the first
    /// question is still in the mail: then the next process gets that one.
    pub(super) fn reset(&mut self, worker: WorkerId, pause_ms: u64, now: Time) {
        self.workers[worker].reset(pause_ms, now);
        #[cfg(feature = "processes")]
        self.end_listening(worker);
        let WorkerSlot { service, members, waiting, .. } = &self.workers[worker];
        let (service, members) = (*service, self.sockets.ids_of(members));
        let text = format_args!("its process is replaced under {} sockets", members.len());
        self.subject_of(worker).log(Level::Debug, text);
        let waiting = self.sockets.ids_of(waiting);
        if let Some(refusal) = self.refuse_in_pause(worker, now) {
            for &id in &waiting {
                self.respond(id, &refusal, now);
            }
        }
        // Those that were refused do not wait any more.
        for id in self.sockets.ids_of(&self.workers[worker].waiting) {
            let Some(socket) = self.sockets.get_mut(id) else { continue };
            let is_taken = self.workers[worker].mail.has_taken(socket.mailed);
            socket.membership = if is_taken { Membership::Waiting } else { Membership::Asked };
        }
        for id in members {
            self.leave_topics(service, id);
            if let Some(cold) = self.sockets.get_mut(id).and_then(|socket| socket.cold.as_mut()) {
                cold.labels = Vec::new();
            }
            self.end_pause(id, now);
            // As after a resume: the wheel may get no other notice that its clock runs again.
            self.schedule_write(id);
        }
    }

    /// A worker that admits all sockets does not answer questions that are still in its mail.
    pub(super) fn ask_nobody(&mut self, worker: WorkerId) {
        match self.workers[worker].admission {
            Admission::Everyone { .. } => {
                for id in self.sockets.ids_of(&self.workers[worker].waiting) {
                    if let Some(socket) = self.sockets.get_mut(id) {
                        socket.membership = Membership::Waiting;
                    }
                }
            }
            Admission::Asked | Admission::AskedAndClosed => {}
        }
    }
}

//! Other limits and rules while sockets are open: what a reload changes.

use crate::hub::service_entry::ServiceEntry;
use crate::hub::worker_slot::WorkerSlot;
use crate::hub::{FilePolicy, Hub, ServiceId, WorkerId};
use crate::limits::Limits;
use crate::service::{ServiceOptions, SocketId};
use crate::time::Time;

impl Hub {
    /// Sets the bounds of the host, and of sockets without a service. They also apply to sockets
    /// that have connected and to requests that are on the way, with one exception: no socket is
    /// closed because there are more than now may be.
    pub fn set_limits(&mut self, limits: Limits, now: Time) {
        if IS_LARGE && *self.workers.limits_of(None) == limits {
            return;
        }
        self.workers.set_common(limits);
        let without_service =
            |id: &SocketId| self.sockets.get(*id).is_some_and(|socket| socket.worker.is_none());
        let ids: Vec<_> = self.sockets.ids().into_iter().filter(without_service).collect();
        self.schedule_all(ids, now);
    }

    /// Sets whether there are files for plain GET.
    pub const fn set_files(&mut self, files: FilePolicy) {
        self.files = files;
    }

    /// Whether there are files for plain GET.
    #[must_use]
    pub fn has_files(&self) -> bool {
        self.files == FilePolicy::Served
    }

    /// The bounds of the host.
    #[must_use]
    pub fn host_limits(&self) -> &Limits {
        self.workers.limits_of(None)
    }

    /// Gives a service other bounds and rules. They also apply to its open sockets. Compression
    /// stays as it is, since open sockets have agreed on it, and so do the thread, the workers, and
    /// what it shares, which other processes know.
    /// If the service pauses before its next start, the pause ends: the cause of its failures may
    /// be fixed. It starts if it is eager.
    pub fn remount(&mut self, service: ServiceId, options: ServiceOptions, now: Time) {
        let ServiceEntry { options: own, workers, .. } = &mut self.services[service];
        let has_same_limits = IS_LARGE && own.limits == options.limits;
        let (compression, thread) = (own.compression, own.thread);
        *own = ServiceOptions {
            compression,
            thread,
            #[cfg(feature = "workers")]
            workers: own.workers.clone(),
            #[cfg(feature = "processes")]
            share: own.share,
            ..options
        };
        for &worker in workers.clone().all() {
            self.workers[worker].retry = now;
            // Otherwise no socket needs to be looked at. A server may have a million of them.
            if !has_same_limits {
                self.set_limits_of(worker, now);
            }
            self.start_soon(worker);
        }
    }

    /// Gives a worker the bounds of its service, which have changed.
    fn set_limits_of(&mut self, worker: WorkerId, now: Time) {
        let WorkerSlot { service, limits, mail, members, waiting, .. } = &mut self.workers[worker];
        *limits = self.services[*service].options.limits;
        mail.measure(limits);
        let (open, waiting) = (self.sockets.ids_of(members), self.sockets.ids_of(waiting));
        self.schedule_all(open, now);
        self.schedule_all(waiting, now);
        // If the mail has capacity now, the worker may never report anything again.
        self.take(worker, 0, 0, now);
    }

    /// The next deadlines of these sockets may be sooner than the wheel knows.
    fn schedule_all(&mut self, ids: Vec<SocketId>, now: Time) {
        for id in ids {
            self.restart_meter(id, now);
            self.schedule(id);
        }
    }
}

/// Whether to compare limits, so that a reload does not look at a million sockets for nothing. The
/// comparison costs 900 bytes, which the minimal build does not have.
const IS_LARGE: bool = cfg!(feature = "admin");

//! Requests for files. The host looks for a few at a time, since a disk may hang. The other
//! requests stay with their sockets in a queue, and are dropped with them.

use std::collections::VecDeque;

use crate::hub::pending::PendingRequest;
use crate::hub::refusal::unavailable;
use crate::hub::socket_flags::SocketFlag;
use crate::hub::{Fetch, Hub, Output};
use crate::limits::Limits;
use crate::service::SocketId;
use crate::time::Time;
use crate::ws::{Head, Target};

/// Whether paths without a service may name files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilePolicy {
    /// There is no root of files.
    None,
    /// The host answers [`Output::Fetch`].
    Served,
}

/// Files that are under way.
#[derive(Debug, Default)]
pub(super) struct Fetches {
    /// How many the host has been asked for and has not found yet.
    len: usize,
    /// Sockets that wait until there are fewer. Some of them may have gone.
    pub(super) queue: VecDeque<SocketId>,
    /// How many were refused since the queue was full.
    refused: usize,
}

impl Hub {
    /// Asks the host for a file, at once or when its turn has come.
    pub(super) fn fetch(&mut self, id: SocketId, head: Head, target: Target, now: Time) {
        if self.fetches.len < self.workers.limits_of(None).fetches_max() {
            return self.order_fetch(id, head, target);
        }
        if self.fetches.queue.len() >= Limits::FETCHES_WAITING_MAX {
            // Bounds the entries of peers that connect, ask and go while a disk hangs. It does not
            // run for each refused request, since all others may still wait.
            if self.fetches.refused.is_multiple_of(REFUSALS_PER_LOOK) {
                self.fetches.queue.retain(|&id| self.sockets.asks(id));
            }
            if self.fetches.queue.len() >= Limits::FETCHES_WAITING_MAX {
                self.fetches.refused += 1;
                let text = "too many files are waited for";
                let note =
                    "static-root: 1024 requests wait for its files; its disk is slow or hangs";
                let refusal = unavailable(text, 1).note(note);
                return self.respond(id, &refusal, now);
            }
        }
        self.fetches.refused = 0;
        if let Some(socket) = self.sockets.get_mut(id) {
            let asked = PendingRequest { head, target, direct: None, protocols: None };
            socket.cold.get_or_insert_default().asked = Some(asked);
            self.fetches.queue.push_back(id);
        }
    }

    /// The file of an [`Output::Fetch`] has been found, or cannot be: to be called once for each,
    /// even if the socket has gone meanwhile.
    pub fn fetched(&mut self) {
        self.fetches.len = self.fetches.len.saturating_sub(1);
        while self.fetches.len < self.workers.limits_of(None).fetches_max()
            && let Some(next) = self.fetches.queue.pop_front()
        {
            let cold = self.sockets.get_mut(next).and_then(|socket| socket.cold.as_mut());
            if let Some(PendingRequest { head, target, .. }) =
                cold.and_then(|cold| cold.asked.take())
            {
                self.order_fetch(next, head, target);
            }
        }
    }

    fn order_fetch(&mut self, id: SocketId, head: Head, target: Target) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.flags.set(SocketFlag::Fetches);
        socket.flags.set(SocketFlag::Fetching);
        self.fetches.len += 1;
        let holder = self.holder(id);
        self.outputs.push_back(Output::Fetch(Box::new(Fetch { id, head, target, holder })));
    }
}

/// One in so many refused requests scans the queue.
const REFUSALS_PER_LOOK: usize = 64;

const _: () = assert!(Limits::FETCHES_WAITING_MAX == 1_024, "the note of the refusal says so");

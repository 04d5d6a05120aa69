//! Which sockets are read, and which wait. The rest of a read that waits is passed on later: no
//! byte is lost, and the order is kept.

use log::Level;

#[cfg(doc)]
use crate::hub::Output;
use crate::hub::mailbox::LOAD_UNIT_BYTES;
use crate::hub::report::log_socket;
use crate::hub::socket::Membership;
use crate::hub::socket_flags::SocketFlag;
use crate::hub::unread::Unread;
use crate::hub::{Hub, WorkerId};
use crate::service::SocketId;
use crate::time::Time;

impl Hub {
    /// Whether the socket is to be read now. If not, [`Output::Resume`] follows later. The rest of
    /// its last read is passed on first.
    pub fn may_read(&mut self, id: SocketId, now: Time) -> bool {
        if !self.may_go_on(id, now) || !self.finish_unread(id, now) {
            return false;
        }
        let Some(socket) = self.sockets.get_mut(id) else { return false };
        let wanted = socket.session.wants_bytes();
        if wanted {
            socket.flags.clear(SocketFlag::Held);
        } else {
            socket.flags.set(SocketFlag::Held);
        }
        wanted
    }

    /// Whether more of a socket may come to its service now. If not, TCP tells the peer to wait,
    /// and the socket is read again once
    ///
    /// - the service has taken half of its mail, if that is full;
    /// - the service resumes it, if the service has paused it;
    /// - its listeners have drained or its second is over, if it waits for listeners;
    /// - the service has answered the socket, if it does that later;
    /// - the service has taken all mail of the socket, if that mail is the socket's share, or its
    ///   answers might fill the outbox;
    /// - the outbox has drained, if that is more than half full;
    /// - there is a token for another message, if their rate is limited.
    pub(super) fn may_go_on(&mut self, id: SocketId, now: Time) -> bool {
        let Some(socket) = self.sockets.get_mut(id) else { return false };
        let (Membership::Member, Some(worker)) = (socket.membership, socket.worker) else {
            return true;
        };
        let of = &mut self.workers[worker];
        if of.mail.is_full() {
            self.hold(id, worker, now);
            return false;
        }
        #[cfg(feature = "database")]
        if !of.later.is_empty() && of.later.contains(&id) {
            self.rest(id, now);
            return false;
        }
        if socket.flags.clear(SocketFlag::Due) {
            of.small_turns =
                if socket.is_amid_large() { 0 } else { of.small_turns.saturating_add(1) };
        }
        if socket.load > 0 && of.mail.has_taken(socket.mailed) {
            socket.load = 0;
        }
        // A socket that is held waits until the outbox has drained.
        let held = socket.flags.has(SocketFlag::Held);
        let room = if held { of.outbox_drained() } else { of.outbox_room() };
        let answered = usize::from(socket.load) * LOAD_UNIT_BYTES + socket.session.unsent_len();
        let has_enough = socket.load >= of.share() || answered > room;
        if has_enough && socket.load > 0 {
            of.mail.await_taken(id, socket.mailed);
        }
        let waits = socket.wait_for_token(id, &of.limits, &mut self.metered, now);
        if has_enough || waits || socket.rests() {
            self.rest(id, now);
            return false;
        }
        if held {
            socket.flags.clear(SocketFlag::Held);
            socket.session.resume(now);
        }
        true
    }

    /// Stops reading a socket until its worker has taken half of its mail.
    fn hold(&mut self, id: SocketId, worker: WorkerId, now: Time) {
        self.rest(id, now);
        let socket = self.sockets.get_mut(id);
        if socket.is_some_and(|socket| socket.flags.set(SocketFlag::Queued)) {
            self.workers[worker].held.push(id);
            let path = self.path_of(worker);
            let text = format_args!("it is not read, since {path} has mail-max waiting");
            log_socket(Level::Debug, id, text);
        }
    }

    /// Stops reading a socket. Its peer owes no sign of life meanwhile.
    fn rest(&mut self, id: SocketId, now: Time) {
        if let Some(socket) = self.sockets.get_mut(id)
            && socket.flags.set(SocketFlag::Held)
        {
            socket.session.pause(now);
            if let Some(worker) = socket.worker {
                self.workers[worker].counters.pauses.add(1);
            }
        }
    }

    /// How many bytes of a socket were read and wait until its service may get them.
    #[must_use]
    pub fn unread_len(&self, id: SocketId) -> usize {
        let cold = self.sockets.get(id).and_then(|socket| socket.cold.as_ref());
        cold.map_or(0, |cold| cold.unread.len())
    }

    /// Reads a socket again that was held since its outbox was more than half full.
    pub(super) fn read_drained(&mut self, id: SocketId, now: Time) {
        let Some(socket) = self.sockets.get(id) else { return };
        // A socket with a load waits for its service in the queue for the mail. An open one may
        // also wait for a token.
        let is_slowed = socket.session.is_open() && socket.awaits_token(now);
        let waits = socket.flags.has(SocketFlag::Queued) || socket.load > 0 || is_slowed;
        if waits || !socket.flags.has(SocketFlag::Held) {
            return;
        }
        let Some(worker) = socket.worker.map(|worker| &self.workers[worker]) else { return };
        let is_drained = socket.session.unsent_len() <= worker.outbox_drained();
        if socket.membership == Membership::Member && is_drained {
            self.read_again(id, now);
        }
    }

    /// Passes bytes of a peer on, and keeps the rest that has to wait.
    pub(super) fn take_in(&mut self, id: SocketId, bytes: &mut [u8], now: Time) {
        let used = self.receive_bytes(id, bytes, now);
        if used < bytes.len()
            && let Some(socket) = self.sockets.get_mut(id)
        {
            let unread = &mut socket.cold.get_or_insert_default().unread;
            debug_assert!(unread.is_empty(), "what waits is taken up before more is read");
            *unread = Unread::new(&bytes[used..]);
        }
    }

    /// Passes on the rest of a socket's last read. Returns whether nothing is left of it.
    fn finish_unread(&mut self, id: SocketId, now: Time) -> bool {
        let socket = self.sockets.get_mut(id);
        let Some(cold) = socket.and_then(|socket| socket.cold.as_mut()) else { return true };
        let mut unread = std::mem::take(&mut cold.unread);
        if unread.is_empty() {
            return true;
        }
        let used = self.receive_bytes(id, unread.left(), now);
        unread.advance(used);
        let is_done = unread.is_empty();
        if let Some(socket) = self.sockets.get_mut(id)
            && let Some(cold) = &mut socket.cold
        {
            if !is_done {
                cold.unread = unread;
            } else if cold.is_empty() && !socket.flags.has(SocketFlag::Slow) {
                // Also kept for a slow listener that has used nothing of its second.
                socket.cold = None;
            }
        }
        self.schedule_write(id);
        is_done && self.may_go_on(id, now)
    }
}

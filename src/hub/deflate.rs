//! Compression in the hub: the one codec, the memory for contexts, messages that are compressed
//! once for many sockets, and the part of a read that has to wait, since a few bytes may inflate to
//! many. The format of compressed data is in `session`.

use std::collections::HashMap;

use crate::hub::address_key::AddressKey;
use crate::hub::shares::holder;
use crate::hub::socket::{Membership, Socket};
use crate::hub::worker_slot::WorkerSlot;
use crate::hub::{Holder, Hub, Output, WorkerId};
use crate::service::{Audience, Compression, SocketId};
use crate::session::{Codec, Compressed, Frame, Overflow, SessionEvent};
use crate::time::Time;
use crate::ws::extension::Agreement;
use crate::ws::{Message, Upgrade};

/// State that all sockets with compression share.
#[derive(Debug, Default)]
pub(super) struct Deflate {
    /// Made when it is first needed.
    codec: Option<Codec>,
    /// What all contexts may take together, if they are filled.
    context_bytes: usize,
    /// How much of that each address has, if it is counted and has any.
    held: HashMap<AddressKey, usize>,
    /// What inflating has cost in this turn, in nanoseconds or so.
    work: usize,
    /// The same when the present read began.
    work_before: usize,
    /// The sockets that have used their share of this turn and have more to inflate.
    served: Vec<SocketId>,
}

impl Deflate {
    /// A read begins.
    pub(super) const fn begin_read(&mut self) {
        self.work_before = self.work;
    }

    /// Gives up memory that nothing needs now.
    pub(super) fn trim(&mut self) {
        self.held.shrink_to_fit();
    }

    fn codec(&mut self) -> &mut Codec {
        self.codec.get_or_insert_default()
    }

    /// How many of `max` bytes a socket may have. An address that has a quarter of them gets none
    /// of the last quarter, as with the places of a [`Pool`](crate::hub::Pool).
    fn contexts_left(&self, of: Holder, max: usize) -> usize {
        let left = max.saturating_sub(self.context_bytes);
        let Some(of) = of else { return left };
        let (quarter, held) = (max.div_ceil(4), self.held.get(&of).copied().unwrap_or(0));
        left.saturating_sub(quarter).max(left.min(quarter.saturating_sub(held)))
    }
}

impl Hub {
    /// Whether a socket with compression has to wait because this turn has inflated enough. Other
    /// sockets then go first, and this one continues in the next turn.
    pub(super) fn has_inflated_enough(&mut self, id: SocketId) -> bool {
        let spent = self.deflate.work >= TURN_WORK_MAX;
        let socket = self.sockets.get(id).filter(|socket| socket.membership == Membership::Member);
        if !spent || socket.is_none_or(|socket| socket.session.agreement().is_none()) {
            return false;
        }
        // Sockets that inflated nothing in this turn come first in the next.
        if self.deflate.work > self.deflate.work_before {
            self.deflate.served.push(id);
        } else {
            self.outputs.push_back(Output::Resume(id));
        }
        true
    }

    /// A turn ends: sockets that have used their share continue in the next.
    pub(super) fn end_inflating(&mut self) {
        self.deflate.work = 0;
        self.outputs.extend(self.deflate.served.drain(..).map(Output::Resume));
    }

    /// A compressed message came.
    pub(super) fn receive_compressed(&mut self, id: SocketId, message: Compressed, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        // The message would not be delivered.
        if socket.membership != Membership::Member {
            return;
        }
        let limits = self.workers.limits_of(socket.worker);
        let context = socket.session.agreement().map_or(0, |agreed| agreed.client.context_bytes());
        let work = work_of(message.len(), context);
        let codec = self.deflate.codec();
        let Some(event) = socket.session.inflate(codec, message, limits, now) else { return };
        let inflated_len = match &event {
            SessionEvent::Message(message) => message.len(),
            // A message that is too long has been found by then.
            _ => limits.message_bytes_max,
        };
        self.deflate.work = self.deflate.work.saturating_add(work).saturating_add(inflated_len);
        self.handle_event(id, event, now);
    }

    /// Called before a socket opens: accepts its offer, if its service compresses.
    pub(super) fn agree(&mut self, id: SocketId, worker: WorkerId) {
        if self.compression(self.workers[worker].service) == Compression::Off {
            return;
        }
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Some(offer) = socket.session.upgrade().and_then(Upgrade::offer) else { return };
        let limits = self.workers.limits_of(None);
        let peer = self.addresses.of(socket.peer);
        let holder = holder(peer, limits.sockets_per_ip_max);
        let left = self.deflate.contexts_left(holder, limits.deflate_context_bytes_max);
        let agreement = offer.agree(left);
        socket.session.agree(agreement);
        let bytes = agreement.context_bytes();
        self.deflate.context_bytes += bytes;
        if let Some(key) = AddressKey::counted(peer).filter(|_| bytes > 0) {
            *self.deflate.held.entry(key).or_default() += bytes;
        }
    }

    /// A socket has gone, with its contexts.
    pub(super) fn release(&mut self, socket: &Socket) {
        let bytes = socket.session.agreement().map_or(0, Agreement::context_bytes);
        self.deflate.context_bytes -= bytes;
        if let Some(key) = AddressKey::counted(self.addresses.of(socket.peer))
            && let Some(held) = self.deflate.held.get_mut(&key)
        {
            *held -= bytes;
            if *held == 0 {
                self.deflate.held.remove(&key);
            }
        }
    }

    /// Sends a message to several sockets, compressed where that was agreed on and makes it
    /// shorter. Returns how many deliveries that counts.
    pub(super) fn send_compressed(
        &mut self,
        worker: WorkerId,
        to: Audience,
        message: Message,
        now: Time,
    ) -> usize {
        let limits = *self.limits_of(worker);
        let mut copies = Copies { message: &message, plain: None, compressed: Vec::new() };
        let sockets = self.for_each(worker, to, |hub, id| {
            let socket = hub.sockets.get(id).filter(|socket| socket.hears(worker, &hub.workers));
            let Some(socket) = socket else { return };
            let window = socket.session.agreement().map(|agreed| agreed.server.window_bits);
            let window = window.filter(|_| limits.compresses(message.len()));
            let codec = hub.deflate.codec();
            let compressed = window.and_then(|bits| copies.compressed(bits, codec).cloned());
            match compressed {
                Some(frame) => hub.send_each(worker, id, now, |session, _, limits| {
                    session.send_compressed_frame(&frame, &message, limits, now)
                }),
                None => hub.send_each(worker, id, now, |session, spare, limits| {
                    session.send_frame_with(spare, copies.plain(), limits, now)
                }),
            }
        });
        sockets + copies.compressed.len() * deliveries(message.len())
    }

    /// The same to one.
    pub(super) fn send_compressed_to(
        &mut self,
        worker: WorkerId,
        id: SocketId,
        message: Message,
        now: Time,
    ) -> usize {
        let found = self.sockets.get_mut(id).filter(|socket| socket.hears(worker, &self.workers));
        let Some(socket) = found else { return 1 };
        let WorkerSlot { limits, counters, .. } = &mut self.workers[worker];
        let (codec, len) = (self.deflate.codec(), message.len());
        let is_sent = socket.session.takes_messages();
        let sent = socket.session.send_compressed(codec, message, limits, now);
        counters.messages_sent.add((is_sent && sent.is_ok()).into());
        let deliveries = match sent {
            Ok(0) => 1,
            Ok(bytes) => 1 + deliveries(bytes),
            Err(Overflow(close)) => {
                counters.slow_closes.add(1);
                self.leave(id, close, now);
                1 + deliveries(len)
            }
        };
        self.schedule_write(id);
        deliveries
    }

    /// How many messages have been deflated.
    #[cfg(test)]
    pub(super) fn deflated_len(&self) -> u64 {
        self.deflate.codec.as_ref().map_or(0, |codec| codec.deflated_len)
    }

    /// The maximum for all contexts together.
    #[cfg(test)]
    pub(super) fn context_bytes(&self) -> usize {
        let Deflate { context_bytes, held, .. } = &self.deflate;
        assert!(held.values().sum::<usize>() <= *context_bytes);
        assert!(*context_bytes > 0 || held.is_empty());
        *context_bytes
    }
}

/// A message for many sockets, encoded once for all that get the same bytes.
struct Copies<'a> {
    message: &'a Message,
    plain: Option<Frame>,
    /// By the bits of the window; no frame where compression does not make it shorter.
    compressed: Vec<(u8, Option<Frame>)>,
}

impl Copies<'_> {
    fn plain(&mut self) -> &Frame {
        self.plain.get_or_insert_with(|| Frame::new(self.message))
    }

    fn compressed(&mut self, window_bits: u8, codec: &mut Codec) -> Option<&Frame> {
        let known = self.compressed.iter().position(|(bits, _)| *bits == window_bits);
        let place = known.unwrap_or_else(|| {
            let bytes = codec.deflate(self.message.as_bytes(), &[], window_bits);
            let frame = bytes.map(|bytes| Frame::compressed(self.message, &bytes));
            self.compressed.push((window_bits, frame));
            self.compressed.len() - 1
        });
        self.compressed[place].1.as_ref()
    }
}

/// The worst-case cost of inflating a message of so many bytes, beside the cost of its result. It
/// saturates: with 32 bits, 64 MiB exceed the range.
pub(super) const fn work_of(compressed_len: usize, context_len: usize) -> usize {
    // Every byte may be the table of a code, whatever it comes to.
    compressed_len.saturating_mul(COMPRESSED_BYTE_WORK).saturating_add(context_len / CONTEXT_SHARE)
}

/// How many deliveries the compression of so many bytes counts as.
const fn deliveries(bytes: usize) -> usize {
    DELIVERIES_MIN + bytes / DELIVERY_BYTES
}

/// Setting up a deflater takes about as long as so many deliveries.
const DELIVERIES_MIN: usize = 16;
/// Deflating so many random bytes takes about as long as one delivery.
const DELIVERY_BYTES: usize = 64;
/// What a turn may inflate, in nanoseconds or so. One message at least, however long it takes.
const TURN_WORK_MAX: usize = 2 << 20;
/// What a byte of compressed data costs at worst: a code whose tables are never used.
const COMPRESSED_BYTE_WORK: usize = 64;
/// Loading a context costs this fraction of its length.
const CONTEXT_SHARE: usize = 8;

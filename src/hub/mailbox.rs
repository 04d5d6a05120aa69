//! `Mailbox`: the transactions on their way to a service, and the share of a socket in them.

use crate::hub::ordered::Ordered;
use crate::limits::Limits;
use crate::service::{Inbound, SocketId};
use crate::ws::Message;
use crate::ws::short_message::ShortMessage;

/// The transactions on their way to a service: those of this turn, and the count of all that
/// the service has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    pub(super) batch: Vec<Inbound>,
    messages: usize,
    bytes: usize,
    full: bool,
    /// How many transactions were ever put in; the number of the last one.
    put: u64,
    /// Sockets that wait until the service has taken their last transaction, by its number. Then a
    /// close frame is sent, or a socket that has used its share is read again.
    awaited: Ordered,
}

impl Mailbox {
    /// Adds a transaction; returns whether it is the first of its batch.
    pub(super) fn push(&mut self, transaction: Inbound, limits: &Limits) -> bool {
        self.put += 1;
        self.messages += 1;
        self.bytes += transaction.mail_bytes();
        self.measure(limits);
        self.batch.push(transaction);
        self.batch.len() == 1
    }

    /// What it counts with a message of this memory; `None` if the message fills it.
    #[inline(always)]
    pub(super) fn bytes_with(&self, capacity: usize, limits: &Limits) -> Option<usize> {
        let bytes = self.bytes + Limits::MAIL_ITEM_BYTES + capacity;
        let fits = self.messages + 1 < limits.mail_messages_max && bytes < limits.mail_bytes_max;
        fits.then_some(bytes)
    }

    /// Adds a message that does not fill it, with what [`Mailbox::bytes_with`] has returned for it.
    #[inline(always)]
    pub(super) fn push_short(&mut self, id: SocketId, short: ShortMessage, bytes: usize) {
        self.put += 1;
        self.messages += 1;
        self.bytes = bytes;
        self.batch.push(Inbound::Data { id, message: Message::blank(short) });
        if let Some(Inbound::Data { message, .. }) = self.batch.last_mut() {
            message.fill(short);
        }
    }

    /// Updates whether it is full by these limits.
    pub(super) const fn measure(&mut self, limits: &Limits) {
        self.full |=
            self.messages >= limits.mail_messages_max || self.bytes >= limits.mail_bytes_max;
    }

    /// The service has taken so much. Returns whether the mail has capacity again: half of it has
    /// to be free, so that sockets are not stopped and started for every message.
    pub(super) fn take(&mut self, messages: usize, bytes: usize, limits: &Limits) -> bool {
        self.messages = self.messages.saturating_sub(messages);
        self.bytes = self.bytes.saturating_sub(bytes);
        let roomy = self.messages <= limits.mail_messages_max / 2
            && self.bytes <= limits.mail_bytes_max / 2;
        let opened = self.full && roomy;
        self.full &= !opened;
        opened
    }

    /// Returns whether the service has taken, and so answered, all transactions of a socket up to
    /// `last`. If not, [`Mailbox::next_taken`] returns the socket once it has.
    pub(super) fn await_taken(&mut self, id: SocketId, last: Mailed) -> bool {
        let last = self.number(last);
        if last <= self.taken() {
            return true;
        }
        self.awaited.insert(last, id);
        false
    }

    /// The next waiting socket whose transactions have all been taken.
    pub(super) fn next_taken(&mut self) -> Option<SocketId> {
        let taken = self.taken();
        let (last, id) = self.awaited.first().filter(|(last, _)| *last <= taken)?;
        self.awaited.remove(last, id);
        Some(id)
    }

    /// Whether the service has taken this transaction.
    pub(super) fn has_taken(&self, mailed: Mailed) -> bool {
        self.number(mailed) <= self.taken()
    }

    /// Whether this transaction is still here, and not on its way to the service.
    #[cfg(feature = "processes")]
    pub(super) fn holds(&self, mailed: Mailed) -> bool {
        self.number(mailed) + self.batch.len() as u64 > self.put
    }

    /// The number of the transaction that was put in last.
    pub(super) const fn last(&self) -> Mailed {
        let [a, b, c, ..] = self.put.to_le_bytes();
        Mailed([a, b, c])
    }

    const fn number(&self, mailed: Mailed) -> u64 {
        let [a, b, c] = mailed.0;
        let since = self.put.wrapping_sub(u64::from_le_bytes([a, b, c, 0, 0, 0, 0, 0])) & 0xFF_FFFF;
        self.put.saturating_sub(since)
    }

    /// The number of the transaction that was taken last.
    const fn taken(&self) -> u64 {
        self.put.saturating_sub(self.messages as u64)
    }

    /// The sockets that are still awaited; nothing else is left.
    pub(super) fn into_awaited(self) -> Vec<SocketId> {
        self.awaited.into_ids()
    }

    /// The name of each list, its capacity, and its length.
    #[cfg(test)]
    pub(super) fn tables(&self) -> [(&'static str, usize, usize); 1] {
        let Self { batch, messages: _, bytes: _, full: _, put: _, awaited: _ } = self;
        [("mail", batch.capacity(), batch.len())]
    }

    /// Whether no transaction is on its way, and no socket waits for one.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty() && (self.messages, self.bytes) == (0, 0) && self.awaited.is_empty()
    }

    /// How many transactions are on their way.
    #[cfg(feature = "admin")]
    pub(super) const fn len(&self) -> usize {
        self.messages
    }

    /// What all transactions on their way count.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether no more is to be read for this service.
    pub(super) const fn is_full(&self) -> bool {
        self.full
    }
}

/// The low bits of the number of a transaction in the mail of a service. A socket keeps this for
/// its last transaction. The number is ambiguous only for a transaction that was taken 2^24
/// transactions ago. In that case the socket waits for the newer one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mailed([u8; 3]);

/// What a socket has in the mail, in units of `Socket::load`, with a message of so many bytes.
#[inline(always)]
pub(super) const fn load_with(load: u8, bytes_len: usize) -> u8 {
    let sum = load as usize + 1 + bytes_len / LOAD_UNIT_BYTES;
    #[expect(clippy::cast_possible_truncation, reason = "it is compared before")]
    if sum > u8::MAX as usize { u8::MAX } else { sum as u8 }
}

/// How many bytes of a message count as one unit of `Socket::load`.
pub(super) const LOAD_UNIT_BYTES: usize = 1_024;

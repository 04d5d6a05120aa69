//! `TlsSocket`: what TLS keeps for one connection: its channel, the rest of a record that has not
//! come whole, and records that have not left.

use crate::engine::{Left, ReadResult, TlsRead};
use crate::net::retry::retry;
use crate::net::tls::chunks::Chunks;
use crate::net::tls::records::Records;
use crate::net::tls::seam::{ChannelState, Decrypted, RecordChannel, SealedStream};
use crate::net::tls::waiting::{LastRecord, Waiting};

/// One TLS connection. Most connections are idle, so what waits is boxed.
pub(super) struct TlsSocket<C> {
    channel: C,
    state: ChannelState,
    /// Whether its reads pause until the records that wait have left.
    is_held: bool,
    closing: OwnEnd,
    waiting: Option<Box<Waiting>>,
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<TlsSocket<()>>() <= 40, "ours is small");

/// How far the end of our half is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OwnEnd {
    /// Not begun.
    No,
    /// The last record has to leave.
    Flushing,
    /// Nothing is left to do.
    Done,
}

/// Memory that all connections share.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Records of a client, which are decrypted in place. It only grows, so that it is initialized
    /// once.
    input: Vec<u8>,
    /// Plain bytes from several chunks.
    plain: Vec<u8>,
    /// Records for a client.
    output: Records,
}

/// Whether records wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flushed {
    /// The system has taken all records.
    All,
    /// It takes no more now; an event follows.
    Blocked,
}

impl<C: RecordChannel> TlsSocket<C> {
    /// A connection before its first byte.
    pub(super) const fn new(channel: C) -> Self {
        Self {
            channel,
            state: ChannelState::Handshake,
            is_held: false,
            closing: OwnEnd::No,
            waiting: None,
        }
    }

    /// Whether the first message of the client has no answer yet, which costs a signature.
    pub(super) fn awaits_hello(&self) -> bool {
        self.channel.is_new()
    }

    /// Ends a pause of its reads. Returns whether there was one: then it has to be read, since no
    /// event says so.
    pub(super) const fn take_held(&mut self) -> bool {
        std::mem::replace(&mut self.is_held, false)
    }

    /// Reads once, and decrypts all whole records. `buffer` has [`RecordChannel::BUFFER_MIN`] bytes
    /// or more.
    pub(super) fn read(
        &mut self,
        stream: &mut impl SealedStream,
        buffer: &mut [u8],
        scratch: &mut Scratch,
    ) -> ReadResult {
        let early = self.waiting.as_mut().map(|waiting| std::mem::take(&mut waiting.early));
        if let Some(early) = early.filter(|early| !early.is_empty()) {
            self.tidy();
            buffer[..early.len()].copy_from_slice(&early);
            return bytes(early.len(), 0, Left::Unknown);
        }
        match self.state {
            ChannelState::Failed(reason) => return ReadResult::Lost(reason),
            ChannelState::Ended => return ReadResult::End,
            ChannelState::Handshake | ChannelState::Open => {}
        }
        // A client that does not take the answers of TLS itself causes no more of them.
        self.is_held = self.unsent_len() > C::UNSENT_MAX;
        let rest = self.waiting.as_ref().map_or(&[][..], |waiting| &waiting.rest);
        let rest_len = rest.len();
        if self.is_held {
            return ReadResult::Tls(TlsRead::Drained(rest_len));
        }
        let Scratch { input, output, .. } = scratch;
        let input_max = rest_len + C::READ_MAX;
        if input.len() < input_max {
            input.resize(input_max, 0);
        }
        input[..rest_len].copy_from_slice(rest);
        let came = match retry(|| stream.read(&mut input[rest_len..input_max])) {
            Ok(Some(0)) if rest_len > 0 => return ReadResult::Lost(CUT_SHORT),
            Ok(Some(0)) => return ReadResult::End,
            Ok(Some(len)) => len,
            Ok(None) => return ReadResult::Tls(TlsRead::Drained(rest_len)),
            Err(reason) => return ReadResult::Lost(reason),
        };
        let unread = if came < C::READ_MAX { Left::Nothing } else { Left::Unknown };
        output.clear();
        self.take(&mut input[..rest_len + came], unread, buffer, output, stream)
    }

    /// Decrypts what came.
    fn take(
        &mut self,
        input: &mut [u8],
        unread: Left,
        buffer: &mut [u8],
        reply: &mut Records,
        stream: &mut impl SealedStream,
    ) -> ReadResult {
        let was_open = self.state == ChannelState::Open;
        debug_assert!(buffer.len() >= C::BUFFER_MIN, "what is decrypted fits");
        let Decrypted { used, plain, records, state } = self.channel.decrypt(input, buffer, reply);
        self.state = state;
        // RFC 8446, 6.1: what follows close_notify is ignored.
        let is_over = state == ChannelState::Ended;
        let rest = if is_over { &[][..] } else { &input[used..] };
        let rest_len = rest.len();
        self.keep(rest);
        if self.closing == OwnEnd::Done {
            // Our half has ended: no alert can follow.
            reply.clear();
        }
        if !reply.bytes().is_empty()
            && let Err(reason) = self.send(reply, stream)
        {
            return ReadResult::Lost(reason);
        }
        let is_failed = matches!(state, ChannelState::Failed(_));
        let (rest_max, too_long) = self.rest_max();
        if rest_len > rest_max && !is_failed {
            self.state = ChannelState::Failed(too_long);
        }
        // Plain bytes that came before a failure are delivered first. The next read reports it.
        if !was_open && self.channel.is_open() {
            if plain > 0 {
                self.waiting().early.extend_from_slice(&buffer[..plain]);
            }
            return ReadResult::Tls(TlsRead::Secured(Box::new(self.channel.take_info())));
        }
        if let ChannelState::Failed(reason) = self.state
            && plain == 0
        {
            return ReadResult::Lost(reason);
        }
        let goes_on = matches!(self.state, ChannelState::Handshake | ChannelState::Open);
        let left = match rest_len == 0 && goes_on {
            true => unread,
            false => Left::Unknown,
        };
        bytes(plain, records, left)
    }

    /// Keeps the bytes that make no whole record or message yet.
    fn keep(&mut self, rest: &[u8]) {
        if !rest.is_empty() {
            let waiting = self.waiting();
            waiting.rest.clear();
            waiting.rest.reserve_exact(rest.len());
            waiting.rest.extend_from_slice(rest);
        } else if let Some(waiting) = &mut self.waiting {
            waiting.rest = Vec::new();
            self.tidy();
        }
    }

    fn waiting(&mut self) -> &mut Waiting {
        self.waiting.get_or_insert_default()
    }

    /// Frees what is empty.
    fn tidy(&mut self) {
        self.waiting.take_if(|waiting| waiting.is_empty());
    }

    fn unsent_len(&self) -> usize {
        self.waiting.as_ref().map_or(0, |waiting| waiting.unsent.len())
    }

    /// Most bytes that may wait for the rest of their record or message.
    const fn rest_max(&self) -> (usize, &'static str) {
        match self.state {
            ChannelState::Handshake => (C::HANDSHAKE_REST_MAX, TOO_LONG),
            _ => (C::RECORDS_MAX, LATE_TOO_LONG),
        }
    }

    /// Encrypts and writes chunks, as long as the system takes the records. Returns how many plain
    /// bytes have left. They count once their record has left whole, so the next call has to begin
    /// with those that did not count.
    ///
    /// # Errors
    /// The connection is lost, or its handshake is not over.
    pub(super) fn write<'c>(
        &mut self,
        stream: &mut impl SealedStream,
        chunks: impl Iterator<Item = &'c [u8]>,
        Scratch { plain, output, .. }: &mut Scratch,
    ) -> Result<usize, &'static str> {
        if let ChannelState::Failed(reason) = self.state {
            return Err(reason);
        }
        let mut left = 0;
        let mut skipped = 0;
        if self.waiting.is_some() {
            // If its reads pause, the event that flushes has to resume them, too.
            if !self.is_held {
                self.flush(stream)?;
            }
            (skipped, left) = self.waiting.as_mut().map_or((0, 0), |waiting| waiting.settle());
        }
        let mut chunks = Chunks::behind(skipped, chunks);
        // The caller may offer fewer bytes than wait in records. The others stay owed.
        let mut done = skipped - chunks.missing;
        if chunks.missing > 0 {
            left += chunks.missing;
            self.waiting().owed = left;
        }
        while left == 0 && self.unsent_len() == 0 {
            output.clear();
            let first = self.encrypt(&mut chunks, C::PLAIN_MAX, plain, output)?;
            let first_len = output.bytes().len();
            let is_full = first == C::PLAIN_MAX;
            let second =
                if is_full { self.encrypt(&mut chunks, C::TAIL_MAX, plain, output)? } else { 0 };
            if first == 0 {
                break;
            }
            let records = output.bytes();
            let sent = retry(|| stream.write(records))?.unwrap_or(0);
            done += first + second;
            if sent == records.len() {
                continue;
            }
            let waiting = self.waiting();
            waiting.unsent.extend_from_slice(&records[sent..]);
            waiting.last = match second {
                0 => LastRecord::new(first_len, first),
                _ => LastRecord::new(records.len() - first_len, second),
            };
            waiting.owed = first + second;
            (_, left) = waiting.settle();
            done -= left;
        }
        if left == 0 {
            self.tidy();
        }
        Ok(done)
    }

    /// Encrypts the next plain bytes as one record, `len_max` at most. Returns how many they are.
    fn encrypt<'c>(
        &mut self,
        chunks: &mut Chunks<'c, impl Iterator<Item = &'c [u8]>>,
        len_max: usize,
        space: &mut Vec<u8>,
        output: &mut Records,
    ) -> Result<usize, &'static str> {
        let piece = chunks.next(space, len_max);
        if !piece.is_empty() {
            let rest = self.waiting.as_mut().map_or(&mut [][..], |waiting| &mut waiting.rest);
            self.channel.encrypt(piece, rest, output)?;
        }
        Ok(piece.len())
    }

    /// Writes records, behind those that wait.
    fn send(
        &mut self,
        records: &Records,
        stream: &mut impl SealedStream,
    ) -> Result<(), &'static str> {
        let mut records = records.bytes();
        if self.unsent_len() == 0 {
            let sent = retry(|| stream.write(records))?.unwrap_or(0);
            records = &records[sent..];
        }
        if !records.is_empty() {
            let waiting = self.waiting();
            waiting.behind += records.len();
            waiting.unsent.extend_from_slice(records);
        }
        Ok(())
    }

    /// Writes the records that wait, and ends our half behind the last one.
    ///
    /// # Errors
    /// The connection is lost.
    pub(super) fn flush(
        &mut self,
        stream: &mut impl SealedStream,
    ) -> Result<Flushed, &'static str> {
        if let Some(waiting) = self.waiting.as_mut().filter(|waiting| !waiting.unsent.is_empty()) {
            // While its reads pause, no read of the stream would report the loss.
            let sent = retry(|| stream.write(&waiting.unsent))
                .inspect_err(|reason| self.state = ChannelState::Failed(reason))?
                .unwrap_or(0);
            waiting.unsent.drain(..sent);
            waiting.behind = waiting.behind.min(waiting.unsent.len());
            if !waiting.unsent.is_empty() {
                return Ok(Flushed::Blocked);
            }
            waiting.unsent = Vec::new();
            self.tidy();
        }
        if self.closing == OwnEnd::Flushing {
            self.closing = OwnEnd::Done;
            stream.end();
        }
        Ok(Flushed::All)
    }

    /// Ends our half: close_notify is the last record (RFC 8446, 6.1).
    ///
    /// # Errors
    /// The connection is lost.
    pub(super) fn end_writing(
        &mut self,
        stream: &mut impl SealedStream,
        Scratch { output, .. }: &mut Scratch,
    ) -> Result<Flushed, &'static str> {
        if self.closing == OwnEnd::No {
            self.closing = OwnEnd::Flushing;
            if matches!(self.state, ChannelState::Open | ChannelState::Ended) {
                output.clear();
                let rest = self.waiting.as_mut().map_or(&mut [][..], |waiting| &mut waiting.rest);
                self.channel.close(rest, output);
                self.send(output, stream)?;
            }
        }
        self.flush(stream)
    }
}

const fn bytes(len: usize, records: usize, left: Left) -> ReadResult {
    ReadResult::Tls(TlsRead::Bytes { len, records, left })
}

const TOO_LONG: &str = "TLS: a message of the handshake is longer than 64 KiB";
const LATE_TOO_LONG: &str = "TLS: a message after the handshake is longer than a record";
const CUT_SHORT: &str = "TLS: the client ended the connection within a record or a message";

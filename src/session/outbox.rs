//! Messages become bytes that wait for the peer. Small messages are joined, large ones are moved
//! in, and those for many peers are shared. An empty outbox holds almost no memory, any other its
//! bytes and little more; [`Limits::socket_memory_bytes_max`] has the sum.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::limits::Limits;
use crate::session::buffer_pool::BufferPool;
use crate::ws::{Arc, Header, Message, work};

/// A whole message, encoded once for any number of outboxes, which share its bytes.
#[derive(Clone, Debug)]
pub struct Frame {
    bytes: Arc<Vec<u8>>,
    message_len: usize,
}

impl Frame {
    /// Encodes `message` as one frame.
    #[must_use]
    pub fn new(message: &Message) -> Self {
        let header = Header::whole(message.opcode(), message.len()).encode();
        let mut bytes = Vec::with_capacity(header.as_slice().len() + message.len());
        bytes.extend_from_slice(header.as_slice());
        bytes.extend_from_slice(message.as_bytes());
        Self { bytes: Arc::new(bytes), message_len: message.len() }
    }

    /// Encodes `message` as one frame that has its `compressed` bytes.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn compressed(message: &Message, compressed: &[u8]) -> Self {
        let header = Header::whole(message.opcode(), compressed.len()).encode().compressed();
        let bytes = [header.as_slice(), compressed].concat();
        Self { bytes: Arc::new(bytes), message_len: compressed.len() }
    }

    /// The length of its payload in bytes.
    #[must_use]
    pub const fn message_len(&self) -> usize {
        self.message_len
    }

    /// The encoded length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Never: a frame has a header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// The bytes that wait for one peer, in order. Three invariants bound its memory:
///
/// - Only the last chunk has spare capacity, at most [`Limits::OUTBOX_SPARE_BYTES`], and those of
///   lone headers.
/// - Only the first chunk contains written bytes; it is freed with its last byte.
/// - Of two adjacent chunks, one has more than `JOINED_BYTES_MAX`, except beside a short shared
///   first chunk. So there are few entries.
#[derive(Debug, Default)]
pub struct Outbox {
    /// The first chunk, apart, since most often there is no other.
    first: Chunk,
    others: VecDeque<Chunk>,
    /// How many bytes of the first chunk have been written.
    sent: usize,
    bytes: usize,
}

#[derive(Debug)]
enum Chunk {
    Own(Vec<u8>),
    Shared(Arc<Vec<u8>>),
}

impl Outbox {
    /// The maximum memory of an empty outbox: that of its last chunk, if it was small, and of a
    /// short list. The 101 of a handshake is small.
    pub const EMPTY_BYTES_MAX: usize = EMPTY_CHUNK_BYTES_MAX + EMPTY_LIST_MAX * size_of::<Chunk>();

    /// Appends a message as one frame. The memory of one that is copied is kept.
    pub fn push_message(&mut self, message: Message, buffers: &mut BufferPool) {
        let header = Header::whole(message.opcode(), message.len()).encode();
        if message.len() > COPIED_BYTES_MAX {
            self.push_parts(header.as_slice(), &[], buffers);
            return self.push_own(message.into_bytes());
        }
        self.push_parts(header.as_slice(), message.as_bytes(), buffers);
        if message.capacity() > 0 {
            buffers.keep(message.into_bytes());
        }
    }

    /// Appends the first `len` bytes of a short frame to the last chunk: the usual case of
    /// [`Outbox::push_message`]. Returns whether it did, which an empty outbox always does.
    #[cfg(feature = "host")]
    #[inline]
    pub(super) fn push_short(
        &mut self,
        frame: &[u8; Message::SHORT_FRAME_BYTES_MAX],
        len: usize,
        buffers: &mut BufferPool,
    ) -> bool {
        let Chunk::Own(last) = self.last_mut() else { return false };
        if last.len() + frame.len() > Limits::OUTBOX_CHUNK_BYTES {
            return false;
        }
        work::did(frame.len());
        if last.capacity() - last.len() < frame.len() {
            grow(last, frame.len(), 0, buffers);
        }
        let end = last.len() + len;
        last.extend_from_slice(frame);
        last.truncate(end);
        self.bytes += len;
        true
    }

    /// Appends a frame that other outboxes may share.
    pub fn push_frame(&mut self, frame: &Frame) {
        self.push_shared(&frame.bytes);
    }

    /// Appends bytes that other outboxes may share.
    pub fn push_shared(&mut self, bytes: &Arc<Vec<u8>>) {
        // A short frame behind others is copied, so that many of them cost bytes, not entries.
        if bytes.len() <= JOINED_BYTES_MAX && !self.is_empty() {
            return self.push_copy(bytes);
        }
        self.bytes += bytes.len();
        self.push_chunk(Chunk::Shared(bytes.clone()));
    }

    /// Appends a buffer: moved when it is large, copied when it is small.
    pub fn push_buffer(&mut self, buffer: Vec<u8>) {
        if buffer.len() <= JOINED_BYTES_MAX {
            return self.push_copy(&buffer);
        }
        self.push_own(buffer);
    }

    /// Appends what `write` appends to a buffer, which is a chunk of its own. An empty outbox lends
    /// the memory that it has kept.
    pub(super) fn push_written(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut buffer = match &mut self.first {
            Chunk::Own(first) if first.is_empty() => core::mem::take(first),
            Chunk::Own(_) | Chunk::Shared(_) => Vec::new(),
        };
        write(&mut buffer);
        work::did(buffer.len());
        self.push_own(buffer);
    }

    /// Appends a few bytes to the last chunk or to a new one.
    pub fn push_copy(&mut self, bytes: &[u8]) {
        self.push_parts(bytes, &[], &mut BufferPool::none());
    }

    /// Appends two pieces, such as a header and its payload, to the last chunk or to a new one.
    pub fn push_parts(&mut self, mut first: &[u8], mut second: &[u8], buffers: &mut BufferPool) {
        let mut more = first.len() + second.len();
        if more == 0 {
            return;
        }
        work::did(more);
        self.bytes += more;
        // More small messages follow most often, but not behind a lone header.
        let mut least = if second.is_empty() { 0 } else { Limits::OUTBOX_CHUNK_BYTES };
        let mut next = Vec::new();
        let mut chunk = &mut next;
        if let Chunk::Own(last) = self.last_mut() {
            let spare = last.capacity() - last.len();
            if spare >= more || last.is_empty() || last.len() + more <= Limits::OUTBOX_CHUNK_BYTES {
                (chunk, least) = (last, 0);
            } else {
                // It is filled up, so that it has no spare capacity that is to be freed.
                let fits;
                (fits, first) = first.split_at(spare.min(first.len()));
                last.extend_from_slice(fits);
                let (fits, rest) = second.split_at((spare - fits.len()).min(second.len()));
                last.extend_from_slice(fits);
                second = rest;
                more -= spare;
            }
        }
        if chunk.capacity() - chunk.len() < more {
            grow(chunk, more, least, buffers);
        }
        chunk.extend_from_slice(first);
        chunk.extend_from_slice(second);
        if !next.is_empty() {
            self.push_chunk(Chunk::Own(next));
        }
    }

    /// Removes the first `bytes_len` bytes, which have been written, and keeps their large buffers
    /// for reuse.
    pub fn advance(&mut self, bytes_len: usize, buffers: &mut BufferPool) {
        debug_assert!(bytes_len <= self.bytes, "more was written than was there");
        self.bytes = self.bytes.saturating_sub(bytes_len);
        self.sent += bytes_len;
        while self.sent >= self.first.as_slice().len() {
            work::did(1);
            self.sent -= self.first.as_slice().len();
            let next = self.others.pop_front();
            let is_over = next.is_none();
            let spent = core::mem::replace(&mut self.first, next.unwrap_or_default());
            if is_over && self.others.capacity() > EMPTY_LIST_MAX {
                self.others = VecDeque::new();
            }
            if let Chunk::Own(mut bytes) = spent {
                if is_over && bytes.capacity() <= EMPTY_CHUNK_BYTES_MAX {
                    bytes.clear();
                    self.first = Chunk::Own(bytes);
                } else {
                    buffers.keep(bytes);
                }
            }
            if is_over {
                (self.sent, self.bytes) = (0, 0);
                return;
            }
        }
    }

    /// The bytes that wait, chunk by chunk.
    pub fn unsent(&self) -> impl Iterator<Item = &[u8]> {
        let first = Some(&self.first.as_slice()[self.sent..]).filter(|first| !first.is_empty());
        first.into_iter().chain(self.others.iter().map(Chunk::as_slice))
    }

    /// The bytes that wait if they are one chunk.
    #[must_use]
    pub fn alone(&self) -> Option<&[u8]> {
        self.others.is_empty().then(|| &self.first.as_slice()[self.sent..])
    }

    /// How many bytes wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes
    }

    /// Whether none waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The bytes of memory that it occupies, with its part of those that it shares.
    pub(super) fn held_bytes(&self) -> usize {
        self.memory(|shared| shared.capacity() / Arc::strong_count(shared))
    }

    /// The bytes of memory that it occupies, without those that it shares.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.memory(|_| 0)
    }

    fn memory(&self, of_shared: impl Fn(&Arc<Vec<u8>>) -> usize) -> usize {
        let of = |chunk: &Chunk| match chunk {
            Chunk::Own(bytes) => bytes.capacity(),
            Chunk::Shared(bytes) => of_shared(bytes),
        };
        self.others.capacity() * size_of::<Chunk>() + self.chunks().map(of).sum::<usize>()
    }

    /// How much of that is spare capacity.
    #[cfg(test)]
    pub(super) fn spare(&self) -> usize {
        let spare = |chunk: &Chunk| match chunk {
            Chunk::Own(bytes) => bytes.capacity() - bytes.len(),
            Chunk::Shared(_) => 0,
        };
        self.chunks().map(spare).sum()
    }

    fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        core::iter::once(&self.first).chain(&self.others)
    }

    /// Appends a buffer. It may have capacity behind its end, which the outbox does not count.
    fn push_own(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() - buffer.len() > Limits::OUTBOX_SPARE_BYTES {
            work::did(buffer.len());
            buffer.shrink_to_fit();
        }
        self.bytes += buffer.len();
        self.push_chunk(Chunk::Own(buffer));
    }

    /// Appends a chunk. The chunk before it, to which nothing is joined any more, frees its spare
    /// capacity.
    fn push_chunk(&mut self, chunk: Chunk) {
        if self.first.as_slice().is_empty() {
            self.first = chunk;
            return;
        }
        if let Chunk::Own(last) = self.last_mut()
            && last.capacity() > BufferPool::BYTES_MIN
        {
            work::did(last.len());
            last.shrink_to_fit();
        }
        self.others.push_back(chunk);
    }

    fn last_mut(&mut self) -> &mut Chunk {
        self.others.back_mut().unwrap_or(&mut self.first)
    }
}

/// Adds capacity for `more` bytes, and makes it at least `least`. Small messages come in bursts:
/// four times as much is copied less often than twice.
#[inline(never)]
fn grow(chunk: &mut Vec<u8>, more: usize, least: usize, buffers: &mut BufferPool) {
    work::did(chunk.len());
    let needed = chunk.len() + more;
    let more_often = least.max(4 * chunk.len()).min(Limits::OUTBOX_CHUNK_BYTES);
    // A lone header takes memory that can be kept.
    let capacity = needed.max(more_often).max(BufferPool::BYTES_MIN);
    let fits = capacity..=capacity.max(Limits::OUTBOX_CHUNK_BYTES);
    let mut grown = buffers.take(fits).unwrap_or_else(|| Vec::with_capacity(capacity));
    grown.clear();
    grown.extend_from_slice(chunk);
    buffers.keep(core::mem::replace(chunk, grown));
}

impl Default for Chunk {
    /// An empty chunk, without memory.
    fn default() -> Self {
        Self::Own(Vec::new())
    }
}

impl Chunk {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// Up to here a copy is cheaper than an entry of its own in the write, for bytes that are shared.
const JOINED_BYTES_MAX: usize = 2_048;
/// The same for a message, whose header would be another entry.
const COPIED_BYTES_MAX: usize = 4 * 1_024;

/// The memory of an empty outbox: the last chunk, and the list of the others.
const EMPTY_CHUNK_BYTES_MAX: usize = 144;
const EMPTY_LIST_MAX: usize = 4;

/// What a chunk costs beside its bytes: an entry, in a list that grew to twice its use, and the
/// spare capacity of a lone header.
const ENTRY_BYTES_MAX: usize = 2 * size_of::<Chunk>() + BufferPool::BYTES_MIN;

// Entries take at most a sixteenth of the bytes that wait: one for each half of `JOINED_BYTES_MAX`.
const _: () = assert!(ENTRY_BYTES_MAX <= JOINED_BYTES_MAX / 2 / 16, "entries are small");

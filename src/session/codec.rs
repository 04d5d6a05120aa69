//! `Codec`: deflates and inflates whole messages, for any number of conversations. It has the only
//! states of the compression library, so that a socket holds none: the context of a message is
//! loaded as a dictionary. It knows no frames and no phases.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush, Status};

use crate::limits::Limits;
use crate::ws::ProtocolError;

/// One inflater, and a deflater for each width of windows, made when it is first needed.
pub struct Codec {
    inflate: Inflate,
    deflate: [Option<Deflate>; WIDTHS.len()],
    scratch: Box<[u8]>,
    /// How many messages it has deflated.
    #[cfg(test)]
    pub(crate) deflated_len: u64,
}

impl Codec {
    /// A codec that has no states yet: they are made when they are first needed.
    #[must_use]
    pub fn new() -> Self {
        Self {
            inflate: Inflate::new(false, WINDOW_BITS_MAX),
            deflate: [const { None }; WIDTHS.len()],
            scratch: vec![0; SCRATCH_BYTES].into_boxed_slice(),
            #[cfg(test)]
            deflated_len: 0,
        }
    }

    /// Deflates `plain`, which may refer to `before`, for a window of two to the power of
    /// `window_bits` bytes. `None` if it does not become shorter.
    pub fn deflate(&mut self, plain: &[u8], before: &[u8], window_bits: u8) -> Option<Vec<u8>> {
        #[cfg(test)]
        {
            self.deflated_len += 1;
        }
        // No match reaches farther than the window less 262 bytes, so that one of 512 bytes
        // does for one of 256, which the library does not have.
        let width = WIDTHS.iter().rposition(|&bits| bits <= window_bits).unwrap_or(0);
        let deflate =
            self.deflate[width].get_or_insert_with(|| Deflate::new(LEVEL, false, WIDTHS[width]));
        deflate.reset();
        if !before.is_empty() {
            deflate.set_dictionary(before).ok()?;
        }
        let mut out = Vec::new();
        let mut rest = plain;
        loop {
            let (read, written) = (deflate.total_in(), deflate.total_out());
            deflate.compress(rest, &mut self.scratch, DeflateFlush::SyncFlush).ok()?;
            rest = &rest[count(deflate.total_in(), read)..];
            let written = count(deflate.total_out(), written);
            // A message that does not become shorter is still deflated to its end, which costs
            // little more. A reset of zlib-rs 0.6 in the middle of a stream would leave the open
            // block and the position of pending bytes to the next message.
            if out.len() < plain.len() + FLUSHED.len() {
                out.extend_from_slice(&self.scratch[..written]);
            }
            // A flush is complete when it leaves free space in the buffer.
            if rest.is_empty() && written < self.scratch.len() {
                break;
            }
        }
        if out.len() >= plain.len() + FLUSHED.len() {
            return None;
        }
        // RFC 7692, 7.2.1: the last four bytes are the same in all messages, and left out.
        debug_assert!(out.ends_with(&FLUSHED), "a flush ends in an empty block");
        out.truncate(out.len() - FLUSHED.len());
        Some(out)
    }

    /// Inflates a whole message, which may refer to `before`.
    ///
    /// # Errors
    /// It is broken, or longer than the limit. At most the limit and one buffer have been inflated
    /// then.
    pub fn inflate(
        &mut self,
        compressed: &[u8],
        before: &[u8],
        limits: &Limits,
    ) -> Result<Vec<u8>, ProtocolError> {
        self.inflate.reset(false);
        if !before.is_empty() {
            self.inflate.set_dictionary(before).map_err(|_| ProtocolError::Deflate)?;
        }
        let mut out = Vec::new();
        // With some libraries, a flush of nothing produces no bytes at all.
        if compressed.is_empty() {
            return Ok(out);
        }
        let rest = match self.inflate_some(compressed, &mut out, limits)? {
            InflateProgress::Final => return Ok(out),
            InflateProgress::Open => &TAIL[..],
        };
        // Data that does not end within the tail is cut short in the middle of a block.
        match self.inflate_some(rest, &mut out, limits)? {
            InflateProgress::Final => Ok(out),
            InflateProgress::Open => Err(ProtocolError::Deflate),
        }
    }

    /// How many bytes the last message inflated to, whether or not it was read to its end.
    #[cfg(test)]
    pub(super) fn inflated_bytes(&self) -> u64 {
        self.inflate.total_out()
    }

    /// Inflates all of `bytes`; returns whether a final block ends with them.
    fn inflate_some(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        limits: &Limits,
    ) -> Result<InflateProgress, ProtocolError> {
        let mut rest = bytes;
        loop {
            let inflate = &mut self.inflate;
            let (read, written) = (inflate.total_in(), inflate.total_out());
            let status = inflate.decompress(rest, &mut self.scratch, InflateFlush::SyncFlush);
            let status = status.map_err(|_| ProtocolError::Deflate)?;
            rest = &rest[count(inflate.total_in(), read)..];
            let written = count(inflate.total_out(), written);
            let piece = &self.scratch[..written];
            if piece.len() > limits.message_bytes_max - out.len() {
                return Err(ProtocolError::MessageTooLong);
            }
            append(out, piece, limits.message_bytes_max);
            match status {
                Status::StreamEnd if rest.is_empty() => return Ok(InflateProgress::Final),
                // RFC 7692, 7.2.3.4: other blocks may follow a final block. They form another
                // stream, which refers to nothing before it.
                Status::StreamEnd => inflate.reset(false),
                Status::Ok | Status::BufError if written == self.scratch.len() => {}
                Status::Ok | Status::BufError if rest.is_empty() => {
                    return Ok(InflateProgress::Open);
                }
                Status::Ok => {}
                Status::BufError => return Err(ProtocolError::Deflate),
            }
        }
    }
}

impl Default for Codec {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Codec {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Codec").finish_non_exhaustive()
    }
}

/// How far an inflater has come with what it was given.
enum InflateProgress {
    /// A final block ends there.
    Final,
    /// More may follow.
    Open,
}

/// Appends a piece, up to a total of `max` bytes. The buffer doubles, up to that.
pub(super) fn append(out: &mut Vec<u8>, piece: &[u8], max: usize) {
    if piece.len() > out.capacity() - out.len() {
        out.reserve_exact(out.len().max(piece.len()).min(max - out.len()));
    }
    out.extend_from_slice(piece);
}

/// How far a counter has come. It is never more than a buffer's length.
fn count(now: u64, before: u64) -> usize {
    usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX)
}

/// The widths of windows that messages are deflated for. Few, so that a message for many is
/// deflated a few times at most, and so that there are few states.
const WIDTHS: [u8; 3] = [9, 12, 15];
const WINDOW_BITS_MAX: u8 = 15;
/// The fastest: it happens on the thread that polls all sockets.
const LEVEL: i32 = 1;
/// RFC 7692, 7.2.1: the end of an empty block without compression.
const FLUSHED: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
/// RFC 7692, 7.2.2: that end is put back before a message is inflated. Behind it stands a final
/// empty block, which is met only where a message ends between two blocks.
const TAIL: [u8; 9] = [0x00, 0x00, 0xFF, 0xFF, 0x01, 0x00, 0x00, 0xFF, 0xFF];
const SCRATCH_BYTES: usize = 16 * 1_024;

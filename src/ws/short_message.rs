//! Short messages on their fastest path: they are unmasked in registers, are written once into the
//! place where they stay, and leave as a frame of a known length. No loop runs over their bytes.

use crate::ws::message::{Message, MessageBytes, Short};
use crate::ws::{Header, Opcode, utf8, work};

/// A short message as it comes, in registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShortMessage {
    is_text: bool,
    len: u8,
    /// The beginning, and the end, which begins within the first. Behind the payload are zeros.
    words: [u128; 2],
}

impl ShortMessage {
    /// A message from its opcode, text or binary, its payload, which is the beginning of `bytes`,
    /// and its key. `None` if that is not short, not all there, or not the text that it should be.
    #[inline(always)]
    pub(crate) fn unmask(opcode: Opcode, bytes: &[u8], len: usize, key: [u8; 4]) -> Option<Self> {
        let keep = KEEP.get(Message::SHORT_BYTES_MAX.checked_sub(len)?..)?.first_chunk()?;
        let padded;
        // The length is that of all short payloads, since one that is known takes no loop. What
        // stands behind the payload is taken along and made zero, which is ASCII.
        let bytes = match bytes.first_chunk() {
            Some(bytes) => bytes,
            None => {
                padded = Short::new(bytes.get(..len)?)?.bytes;
                &padded
            }
        };
        work::did(bytes.len());
        let key = u32::from_le_bytes(key);
        let half = u64::from(key) << 32 | u64::from(key);
        let key = u128::from(half) << 64 | u128::from(half);
        let first = (word::<0>(bytes) ^ key) & word::<0>(keep);
        let key = key.rotate_right(SECOND_KEY_BITS);
        let second = (word::<SECOND_WORD>(bytes) ^ key) & word::<SECOND_WORD>(keep);
        let is_ascii = (first | second) & u128::from_ne_bytes([0x80; WORD_BYTES]) == 0;
        let is_text = matches!(opcode, Opcode::Text);
        let short = Self { is_text, len: u8::try_from(len).ok()?, words: [first, second] };
        (is_ascii || !is_text || short.is_utf8()).then_some(short)
    }

    // Not inlined: most text is ASCII.
    #[inline(never)]
    fn is_utf8(self) -> bool {
        utf8::validate(Message::from(self).as_bytes()).is_ok()
    }

    /// The payload's length in bytes.
    #[inline(always)]
    pub(crate) const fn len(self) -> usize {
        self.len as usize
    }
}

impl Message {
    /// A message like this one, but with zeros in place of its payload: see [`Message::fill`].
    #[inline(always)]
    pub(crate) const fn blank(of: ShortMessage) -> Self {
        let short = Short { len: of.len, bytes: [0; Self::SHORT_BYTES_MAX] };
        Self(match of.is_text {
            true => MessageBytes::ShortText(short),
            false => MessageBytes::ShortBinary(short),
        })
    }

    /// Writes the payload into a blank message, in the place where that stays: moving it byte by
    /// byte, as a value that was put together is moved, costs as much as all else.
    #[inline(always)]
    pub(crate) fn fill(&mut self, from: ShortMessage) {
        if let MessageBytes::ShortText(short) | MessageBytes::ShortBinary(short) = &mut self.0 {
            let [first, second] = from.words;
            short.bytes[..WORD_BYTES].copy_from_slice(&first.to_le_bytes());
            short.bytes[SECOND_WORD..].copy_from_slice(&second.to_le_bytes());
        }
    }

    /// A short message as one frame, and how many of its bytes are the frame. The others are there
    /// since a known length is copied by few instructions. `None` for other messages.
    #[inline]
    pub(crate) fn short_frame(&self) -> Option<([u8; Self::SHORT_FRAME_BYTES_MAX], usize)> {
        let (MessageBytes::ShortText(short) | MessageBytes::ShortBinary(short)) = &self.0 else {
            return None;
        };
        let mut frame = [0; Self::SHORT_FRAME_BYTES_MAX];
        let [first, second, payload @ ..] = &mut frame;
        (*first, *second, *payload) = (Header::first_byte(self.opcode()), short.len, short.bytes);
        Some((frame, 2 + usize::from(short.len)))
    }

    /// The longest frame of a short message in bytes, with a header of two.
    pub(crate) const SHORT_FRAME_BYTES_MAX: usize = 2 + Self::SHORT_BYTES_MAX;
}

impl From<ShortMessage> for Message {
    fn from(from: ShortMessage) -> Self {
        let mut message = Self::blank(from);
        message.fill(from);
        message
    }
}

/// The word that begins at this place.
#[inline(always)]
fn word<const PLACE: usize>(bytes: &[u8; Message::SHORT_BYTES_MAX]) -> u128 {
    bytes[PLACE..].first_chunk().map_or(0, |word| u128::from_le_bytes(*word))
}

const WORD_BYTES: usize = size_of::<u128>();
/// Where the last word of a short payload begins.
const SECOND_WORD: usize = Message::SHORT_BYTES_MAX - WORD_BYTES;
/// By how many bits the repeated key is turned there.
const SECOND_KEY_BITS: u32 = 16;
const _: () = assert!(SECOND_WORD % 4 == 2, "two bytes of the key are turned away");
/// Ones, then zeros, each for the longest short payload. What begins `len` bytes before the zeros
/// keeps `len` bytes of another row, and makes those behind them zero.
static KEEP: &[u8] =
    [[u8::MAX; Message::SHORT_BYTES_MAX], [0; Message::SHORT_BYTES_MAX]].as_flattened();

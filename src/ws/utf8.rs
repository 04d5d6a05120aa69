//! UTF-8 that arrives in pieces (RFC 6455, 8.1), validated once and refused at its first
//! wrong byte. It holds three bytes at most: the beginning of one character.

use alloc::string::String;

use crate::ws::{ProtocolError, work};

/// Whole text. With the feature `simd` it is validated by instructions that look at many bytes at
/// a time, which pays from a certain length on.
///
/// # Errors
/// It is not UTF-8.
pub fn validate(bytes: &[u8]) -> Result<&str, ProtocolError> {
    #[cfg(feature = "simd")]
    if bytes.len() >= SIMD_BYTES_MIN {
        return simdutf8::basic::from_utf8(bytes).map_err(|_| ProtocolError::Utf8);
    }
    core::str::from_utf8(bytes).map_err(|_| ProtocolError::Utf8)
}

/// The validator between two pieces of one text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Utf8 {
    /// The beginning of a character, which is valid as far as it goes.
    held: [u8; 3],
    held_len: u8,
}

impl Utf8 {
    /// Appends the characters that `bytes` complete to `text`, and keeps the beginning of one
    /// that they do not.
    ///
    /// # Errors
    /// The text is not UTF-8: no continuation of what was received could make it so.
    pub fn receive(&mut self, bytes: &[u8], text: &mut String) -> Result<(), ProtocolError> {
        work::did(bytes.len());
        let bytes = self.complete(bytes, text)?;
        if self.held_len > 0 {
            return Ok(());
        }
        let (whole, beginning) = split_beginning(bytes);
        text.push_str(validate(whole)?);
        // An error without a length means a character that is cut short, which may still be
        // completed.
        if core::str::from_utf8(beginning).is_err_and(|error| error.error_len().is_some()) {
            return Err(ProtocolError::Utf8);
        }
        self.hold(beginning);
        Ok(())
    }

    /// How many bytes it holds that are not in the text yet.
    #[must_use]
    pub const fn held_len(&self) -> usize {
        self.held_len as usize
    }

    /// Ends the text.
    ///
    /// # Errors
    /// The last character is not complete.
    pub fn finish(self) -> Result<(), ProtocolError> {
        if self.held_len == 0 { Ok(()) } else { Err(ProtocolError::Utf8) }
    }

    /// Completes the held character with the first of `bytes`; returns the others.
    fn complete<'a>(
        &mut self,
        bytes: &'a [u8],
        text: &mut String,
    ) -> Result<&'a [u8], ProtocolError> {
        if self.held_len == 0 {
            return Ok(bytes);
        }
        for (taken, &byte) in (1..).zip(bytes) {
            let mut character = [0; 4];
            work::did(character.len());
            let len = usize::from(self.held_len);
            character[..len].copy_from_slice(&self.held[..len]);
            character[len] = byte;
            match core::str::from_utf8(&character[..=len]) {
                Ok(valid) => {
                    text.push_str(valid);
                    self.held_len = 0;
                    return Ok(&bytes[taken..]);
                }
                Err(error) if error.error_len().is_some() => return Err(ProtocolError::Utf8),
                Err(_) => self.hold(&character[..=len]),
            }
        }
        Ok(&[])
    }

    fn hold(&mut self, beginning: &[u8]) {
        debug_assert!(beginning.len() <= self.held.len(), "four bytes are a whole character");
        for (slot, &byte) in self.held.iter_mut().zip(beginning) {
            *slot = byte;
        }
        self.held_len = u8::try_from(beginning.len()).unwrap_or(0);
    }
}

/// Cuts off a character at the end that needs more bytes than there are, so that the bytes
/// before it are looked at once only.
fn split_beginning(bytes: &[u8]) -> (&[u8], &[u8]) {
    for (len, &byte) in (1..=3).zip(bytes.iter().rev()) {
        let needed = match byte {
            0x80..=0xBF => continue,
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xFF => 4,
            0x00..=0x7F => 1,
        };
        let cut = if needed > len { bytes.len() - len } else { bytes.len() };
        return bytes.split_at(cut);
    }
    (bytes, &[])
}

#[cfg(feature = "simd")]
const SIMD_BYTES_MIN: usize = 32;

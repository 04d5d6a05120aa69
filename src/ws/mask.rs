//! Masking and unmasking of payloads (RFC 6455, 5.3), which are the same operation.

use crate::ws::work;

/// Applies the masking key to `bytes`, in place. To go on with the same payload later,
/// [`rotate`] the key by the number of bytes that are done.
pub fn apply(bytes: &mut [u8], key: [u8; 4]) {
    work::did(bytes.len());
    let wide = widen(key);
    // Whole blocks of a fixed width: the compiler turns them into vector instructions.
    let (blocks, rest) = bytes.as_chunks_mut::<WIDE>();
    for block in blocks {
        for (byte, key) in block.iter_mut().zip(wide) {
            *byte ^= key;
        }
    }
    // The rest is done word by word. Most messages are not longer than that.
    let (words, rest) = rest.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(key)).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
}

/// Copies `bytes` and applies the masking key in one pass, which is cheaper than two passes over
/// many bytes. `target` has the same length.
pub fn copy(bytes: &[u8], key: [u8; 4], target: &mut [u8]) {
    debug_assert_eq!(bytes.len(), target.len(), "each byte has its place");
    work::did(bytes.len());
    let wide = widen(key);
    let (blocks, rest) = bytes.as_chunks::<WIDE>();
    let (target_blocks, target_rest) = target.as_chunks_mut::<WIDE>();
    for (target, block) in target_blocks.iter_mut().zip(blocks) {
        for ((place, byte), key) in target.iter_mut().zip(block).zip(wide) {
            *place = byte ^ key;
        }
    }
    for ((place, byte), key) in target_rest.iter_mut().zip(rest).zip(wide) {
        *place = byte ^ key;
    }
}

/// The key as it stands `bytes_len` bytes into the payload.
#[must_use]
pub fn rotate(mut key: [u8; 4], bytes_len: usize) -> [u8; 4] {
    key.rotate_left(bytes_len % 4);
    key
}

/// The key again and again.
#[inline]
pub(crate) const fn widen(key: [u8; 4]) -> [u8; WIDE] {
    let [a, b, c, d] = key;
    [a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d, a, b, c, d]
}

/// A multiple of the key's four bytes.
const WIDE: usize = 32;

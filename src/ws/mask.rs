//! Masking and unmasking of payloads (RFC 6455, 5.3), which are the same operation.

use crate::ws::work;

/// Applies the masking key to `bytes`, in place. To go on with the same payload later,
/// [`rotate`] the key by the number of bytes that are done.
pub fn apply(bytes: &mut [u8], key: [u8; 4]) {
    work::did(bytes.len());
    let mut wide = [0; WIDE];
    for (index, byte) in wide.iter_mut().enumerate() {
        *byte = key[index % 4];
    }
    // Whole blocks of a fixed width: the compiler turns them into vector instructions.
    let (blocks, rest) = bytes.as_chunks_mut::<WIDE>();
    for block in blocks {
        for (byte, key) in block.iter_mut().zip(wide) {
            *byte ^= key;
        }
    }
    for (byte, key) in rest.iter_mut().zip(wide) {
        *byte ^= key;
    }
}

/// The key as it stands `bytes_len` bytes into the payload.
#[must_use]
pub fn rotate(mut key: [u8; 4], bytes_len: usize) -> [u8; 4] {
    key.rotate_left(bytes_len % 4);
    key
}

/// A multiple of the key's four bytes.
const WIDE: usize = 32;

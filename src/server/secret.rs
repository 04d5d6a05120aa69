//! A secret that is new at each start.

use std::hash::{BuildHasher, RandomState};

/// Bytes that nobody outside of this process knows: the standard library has its keys from the
/// system, and what it hashes with them does not show them.
pub(super) fn new_secret() -> [u8; 16] {
    let number = || RandomState::new().hash_one(()).to_ne_bytes();
    let mut secret = [0; 16];
    secret[..8].copy_from_slice(&number());
    secret[8..].copy_from_slice(&number());
    secret
}

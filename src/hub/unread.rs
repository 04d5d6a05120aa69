//! `Unread`: bytes of a peer that were read and have to wait.

/// Bytes of a peer that wait until its service has taken what came before them.
#[derive(Debug, Default)]
pub(super) struct Unread {
    bytes: Vec<u8>,
    /// How many of them have been passed on.
    used: usize,
}

impl Unread {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), used: 0 }
    }

    pub(super) fn left(&mut self) -> &mut [u8] {
        &mut self.bytes[self.used..]
    }

    /// How much memory they occupy.
    pub(super) const fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) const fn len(&self) -> usize {
        self.bytes.len() - self.used
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// So many more have been passed on.
    pub(super) const fn advance(&mut self, used: usize) {
        self.used += used;
    }
}

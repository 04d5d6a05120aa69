//! `Chunks`: plain bytes that are to be encrypted, cut and joined to pieces that fit a record.

/// Chunks of plain bytes, in pieces that fit a record.
pub(super) struct Chunks<'c, C> {
    /// What is left of the current chunk.
    rest: &'c [u8],
    chunks: C,
    /// How many bytes were to be skipped behind the last chunk.
    pub(super) missing: usize,
}

impl<'c, C: Iterator<Item = &'c [u8]>> Chunks<'c, C> {
    /// The chunks without their first `skipped` bytes.
    pub(super) fn behind(mut skipped: usize, mut chunks: C) -> Self {
        loop {
            let Some(chunk) = chunks.next() else {
                return Self { rest: &[], chunks, missing: skipped };
            };
            if skipped < chunk.len() {
                return Self { rest: &chunk[skipped..], chunks, missing: 0 };
            }
            skipped -= chunk.len();
        }
    }

    /// The next piece, of at most `len_max` bytes; empty at the end. Small chunks are joined in
    /// `space`, since each record costs a header, a tag and a call.
    pub(super) fn next<'s>(&mut self, space: &'s mut Vec<u8>, len_max: usize) -> &'s [u8]
    where
        'c: 's,
    {
        while self.rest.is_empty() {
            match self.chunks.next() {
                Some(chunk) => self.rest = chunk,
                None => return &[],
            }
        }
        if self.rest.len() >= len_max {
            return self.cut(len_max);
        }
        let first = self.cut(self.rest.len());
        let Some(next) = self.chunks.next() else { return first };
        self.rest = next;
        space.clear();
        space.extend_from_slice(first);
        loop {
            let piece = self.cut(self.rest.len().min(len_max - space.len()));
            space.extend_from_slice(piece);
            if space.len() == len_max {
                return space;
            }
            match self.chunks.next() {
                Some(chunk) => self.rest = chunk,
                None => return space,
            }
        }
    }

    const fn cut(&mut self, len: usize) -> &'c [u8] {
        let (piece, rest) = self.rest.split_at(len);
        self.rest = rest;
        piece
    }
}

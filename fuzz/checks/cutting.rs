//! `Cutting`: where an input is cut into pieces, which the fuzzer decides like all else.

/// The lengths of pieces, which are gone through again and again.
#[derive(Clone, Copy)]
pub struct Cutting<'a>(&'a [u8]);

impl<'a> Cutting<'a> {
    /// Every byte for itself.
    pub const BYTEWISE: Cutting<'static> = Cutting(&[0]);

    /// The first byte says how many of the next ones are lengths; the rest is the input.
    pub fn split(data: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&first, rest) = data.split_first()?;
        let (lengths, input) = rest.split_at_checked(1 + usize::from(first % 8))?;
        Some((Self(lengths), input))
    }

    /// The pieces of `input`, of 1 to 256 bytes each.
    pub fn pieces<'b>(self, input: &'b [u8]) -> impl Iterator<Item = &'b [u8]> + use<'a, 'b> {
        let mut rest = input;
        let pieces = self.lengths().map_while(move |length| {
            let (piece, behind) = rest.split_at((1 + length).min(rest.len()));
            rest = behind;
            Some(piece).filter(|piece| !piece.is_empty())
        });
        pieces.fuse()
    }

    /// The lengths as they came.
    pub const fn numbers(self) -> &'a [u8] {
        self.0
    }

    /// The lengths as they are, from 0 to 255, without end.
    pub fn lengths(self) -> impl Iterator<Item = usize> + use<'a> {
        self.0.iter().cycle().map(|&length| usize::from(length))
    }
}

//! A seeded generator: the same seed gives the same numbers everywhere. It is the 64-bit
//! generator called splitmix, whose every state is as good as any other.

/// A source of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("a usize fits 64 bits");
        usize::try_from(self.next() % bound).expect("it is below a usize")
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }

    /// So many characters, of one to four bytes each.
    pub(crate) fn text(&mut self, characters_len: usize) -> String {
        const CHARACTERS: [char; 8] = ['a', '\0', '\n', 'é', '\u{7FF}', '€', '\u{FFFD}', '😀'];
        (0..characters_len).map(|_| CHARACTERS[self.below(CHARACTERS.len())]).collect()
    }

    /// One of `choices`, which are not none.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// The lengths of random pieces of `len` bytes: many short ones and a few long ones.
    pub(crate) fn pieces(&mut self, len: usize) -> Vec<usize> {
        let mut pieces = Vec::new();
        let mut left = len;
        while left > 0 {
            let most = self.pick(&[1, 4, 16, len.div_ceil(2)]).min(left);
            let piece = 1 + self.below(most);
            pieces.push(piece);
            left -= piece;
        }
        pieces
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

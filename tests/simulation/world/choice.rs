//! Where the choices of a world come from: a seed, or a list of bytes that a fuzzer has made.
//! The same source makes the same world.

/// A source of choices.
pub trait Choices {
    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: usize) -> usize;

    /// Whether all choices have been made; what is still chosen is then 0.
    fn is_over(&self) -> bool;
}

/// So many choices from a seed: the 64-bit generator called splitmix.
#[derive(Debug)]
pub struct Seeded {
    state: u64,
    left: usize,
}

impl Seeded {
    pub const fn new(seed: u64, choices_len: usize) -> Self {
        Self { state: seed, left: choices_len }
    }
}

impl Choices for Seeded {
    fn below(&mut self, bound: usize) -> usize {
        self.left = self.left.saturating_sub(1);
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % bound as u64).expect("it is below a usize")
    }

    fn is_over(&self) -> bool {
        self.left == 0
    }
}

/// One byte for each choice, two where one has too few values.
#[derive(Debug)]
pub struct Listed {
    bytes: Vec<u8>,
    at: usize,
}

impl Listed {
    pub fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), at: 0 }
    }

    fn byte(&mut self) -> usize {
        let byte = self.bytes.get(self.at).copied().unwrap_or_default();
        self.at += 1;
        byte.into()
    }
}

impl Choices for Listed {
    fn below(&mut self, bound: usize) -> usize {
        let number = self.byte();
        if bound <= 256 { number % bound } else { (number << 8 | self.byte()) % bound }
    }

    fn is_over(&self) -> bool {
        self.at >= self.bytes.len()
    }
}

/// The choices of a world. When the source is used up, the default is chosen: the first of several,
/// and not the rare case.
pub struct Chooser(Box<dyn Choices>);

impl Chooser {
    pub fn new(choices: impl Choices + 'static) -> Self {
        Self(Box::new(choices))
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound)
    }

    /// One of `choices`, which are not none.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Whether the rare case comes: once in `times`, which are two or more.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 1
    }

    pub fn is_over(&self) -> bool {
        self.0.is_over()
    }
}

//! Data as DEFLATE has it (RFC 1951), written and read here without a line of the library that the
//! server uses: whole messages of permessage-deflate (RFC 7692), which may refer to those before
//! them as far as a window reaches.

use std::sync::LazyLock;

/// The last bytes of the messages that went one way, as far as later ones may refer to them.
#[derive(Debug)]
pub struct Window {
    bytes: Vec<u8>,
    len_max: usize,
    /// Whether it is kept from message to message.
    is_kept: bool,
}

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// With the codes that are fixed.
    Coded,
    /// As it is.
    Stored,
    /// Half of it in a block that is the last one of its data, behind which other data follows.
    Final,
}

impl Window {
    pub const fn new(bits: u8, is_kept: bool) -> Self {
        Self { bytes: Vec::new(), len_max: 1 << bits, is_kept }
    }

    /// Writes a message, and refers to what went before it where that is the same.
    pub fn deflate(&mut self, plain: &[u8], form: Form) -> Vec<u8> {
        let before_len = self.bytes.len();
        let all = [&self.bytes, plain].concat();
        let mut out = Writer::default();
        match form {
            Form::Coded => out.coded(&all, before_len, self.len_max, 0),
            Form::Stored => out.stored(plain),
            Form::Final => {
                let half = before_len + plain.len() / 2;
                out.coded(&all[..half], before_len, self.len_max, 1);
                // RFC 1951, 3.2.3: data ends with its last block, and other data follows.
                out.pad();
                out.stored(&all[half..]);
            }
        }
        // RFC 7692, 7.2.1: an empty block that is stored ends the message, without its lengths.
        out.put(0, 3);
        out.pad();
        self.keep(plain);
        out.bytes
    }

    /// Reads a message, and panics if it is broken or refers to what is not in the window.
    pub fn inflate(&mut self, compressed: &[u8]) -> Vec<u8> {
        // RFC 7692, 7.2.2: the lengths of that empty block are put back.
        let bytes = [compressed, &[0x00, 0x00, 0xFF, 0xFF]].concat();
        let mut reader = Reader { bytes: &bytes, at: 0 };
        let before_len = self.bytes.len();
        let mut out = std::mem::take(&mut self.bytes);
        while reader.at < 8 * bytes.len() {
            assert_eq!(reader.take(1), 0, "servers of this kind end no data");
            match reader.take(2) {
                0 => reader.read_stored(&mut out),
                1 => reader.read_coded(&mut out, &FIXED, self.len_max),
                2 => {
                    let codes = reader.read_codes();
                    reader.read_coded(&mut out, &codes, self.len_max);
                }
                kind => panic!("no kind of block: {kind}"),
            }
        }
        let plain = out.split_off(before_len);
        self.bytes = out;
        self.keep(&plain);
        plain
    }

    fn keep(&mut self, plain: &[u8]) {
        if self.is_kept {
            self.bytes.extend_from_slice(plain);
            let surplus = self.bytes.len().saturating_sub(self.len_max);
            self.bytes.drain(..surplus);
        }
    }

    /// Data that refers to one byte more than there is.
    pub fn refer_too_far(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.put(2, 3);
        out.symbol(b'a'.into());
        // No code tells of more than the longest window.
        match self.bytes.len() + 2 {
            far @ ..=0x8000 => out.repeat(far, 9),
            _ => out.put_code(0b1100_0110, 8),
        }
        out.symbol(END);
        out.put(0, 3);
        out.pad();
        out.bytes
    }
}

/// The longest of a few repetitions of what stands before, if one is long enough: of the last byte,
/// and of what a message of some length before began with.
fn longest_match(all: &[u8], at: usize, window_len: usize) -> Option<(usize, usize)> {
    let distances = [1, 8, 9, 12, 20, 30, 125, 126, 142, 250, 512, 700, 1_000, 4_096];
    let reachable = distances.into_iter().filter(|&far| far <= at.min(window_len));
    let matches = reachable.map(|distance| {
        let same = |&len: &usize| all[at + len] == all[at + len - distance];
        (distance, (0..(all.len() - at).min(LENGTH_MAX)).take_while(same).count())
    });
    matches.max_by_key(|&(_, len)| len).filter(|&(_, len)| len >= 3)
}

/// Bits, the lowest of each byte first.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    /// How many bits of the last byte are used; 0 for all.
    used: u32,
}

impl Writer {
    fn put(&mut self, number: u32, bits: u32) {
        for bit in 0..bits {
            if self.used == 0 {
                self.bytes.push(0);
            }
            let last = self.bytes.last_mut().expect("there is one");
            *last |= u8::from(number >> bit & 1 == 1) << self.used;
            self.used = (self.used + 1) % 8;
        }
    }

    /// All from the place `at` on, with references to what is before.
    fn coded(&mut self, all: &[u8], mut at: usize, window_len: usize, is_final: u32) {
        self.put(is_final, 1);
        self.put(1, 2);
        while at < all.len() {
            match longest_match(all, at, window_len) {
                Some((distance, len)) => {
                    self.repeat(distance, len);
                    at += len;
                }
                None => {
                    self.symbol(all[at].into());
                    at += 1;
                }
            }
        }
        self.symbol(END);
    }

    fn stored(&mut self, plain: &[u8]) {
        // A block holds no more than its length can tell.
        for chunk in plain.chunks(0xFFFF) {
            self.put(0, 3);
            self.pad();
            let len = u16::try_from(chunk.len()).expect("it is so short");
            self.bytes.extend(len.to_le_bytes());
            self.bytes.extend((!len).to_le_bytes());
            self.bytes.extend_from_slice(chunk);
        }
    }

    /// What follows begins with a byte.
    fn pad(&mut self) {
        self.used = 0;
    }

    /// A code, whose highest bit comes first.
    fn put_code(&mut self, code: u32, bits: u32) {
        (0..bits).rev().for_each(|bit| self.put(code >> bit & 1, 1));
    }

    /// RFC 1951, 3.2.6: the fixed codes of literals and lengths.
    fn symbol(&mut self, symbol: u32) {
        match symbol {
            0..144 => self.put_code(0x30 + symbol, 8),
            144..256 => self.put_code(0x190 + symbol - 144, 9),
            256..280 => self.put_code(symbol - 256, 7),
            _ => self.put_code(0xC0 + symbol - 280, 8),
        }
    }

    fn repeat(&mut self, distance: usize, len: usize) {
        let (symbol, base, bits) = last_below(&lengths(), len);
        self.symbol(END + 1 + symbol);
        self.put(u32::try_from(len - base).expect("it is small"), bits);
        let (symbol, base, bits) = last_below(&distances(), distance);
        self.put_code(symbol, 5);
        self.put(u32::try_from(distance - base).expect("it is small"), bits);
    }
}

/// The place of the last row that begins at `number` at most, and the row.
fn last_below(rows: &[(usize, u32)], number: usize) -> (u32, usize, u32) {
    let place = rows.iter().rposition(|&(base, _)| base <= number).expect("the first is small");
    (u32::try_from(place).expect("they are few"), rows[place].0, rows[place].1)
}

/// RFC 1951, 3.2.5: where the lengths of each symbol begin, and how many bits tell which it is.
fn lengths() -> [(usize, u32); 29] {
    let mut base = 3;
    std::array::from_fn(|place| {
        // The last one has a code of its own.
        if place == 28 {
            return (LENGTH_MAX, 0);
        }
        let bits = u32::try_from(place.saturating_sub(4) / 4).expect("it is small");
        let row = (base, bits);
        base += 1 << bits;
        row
    })
}

/// The same for distances.
fn distances() -> [(usize, u32); 30] {
    let mut base = 1;
    std::array::from_fn(|place| {
        let bits = u32::try_from(place.saturating_sub(2) / 2).expect("it is small");
        let row = (base, bits);
        base += 1 << bits;
        row
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, bits: u32) -> usize {
        (0..bits).fold(0, |number, bit| number | self.bit() << bit)
    }

    fn bit(&mut self) -> usize {
        let byte = self.bytes.get(self.at / 8).expect("data ends between two blocks");
        let bit = byte >> (self.at % 8) & 1;
        self.at += 1;
        bit.into()
    }

    fn read_stored(&mut self, out: &mut Vec<u8>) {
        self.at = self.at.next_multiple_of(8);
        let (len, check) = (self.take(16), self.take(16));
        assert_eq!(len ^ check, 0xFFFF, "the length of a block, twice");
        let begin = self.at / 8;
        out.extend_from_slice(self.bytes.get(begin..begin + len).expect("a block is whole"));
        self.at += 8 * len;
    }

    fn read_coded(&mut self, out: &mut Vec<u8>, codes: &[Codes; 2], window_len: usize) {
        let (lengths, distances) = (lengths(), distances());
        loop {
            let symbol = codes[0].read(self);
            let Some(length) = symbol.checked_sub(257) else {
                match u8::try_from(symbol) {
                    Ok(literal) => out.push(literal),
                    Err(_) => return,
                }
                continue;
            };
            let (base, bits) = lengths[length];
            let len = base + self.take(bits);
            let (base, bits) = distances[codes[1].read(self)];
            let distance = base + self.take(bits);
            assert!(distance <= window_len, "{distance} bytes back, in a window of {window_len}");
            assert!(distance <= out.len(), "{distance} bytes back, and {} are there", out.len());
            for _ in 0..len {
                out.push(out[out.len() - distance]);
            }
        }
    }

    /// RFC 1951, 3.2.7: codes that the block brings along.
    fn read_codes(&mut self) -> [Codes; 2] {
        let literals_len = self.take(5) + 257;
        let distances_len = self.take(5) + 1;
        let mut of_lengths = [0; 19];
        let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        for &symbol in &order[..self.take(4) + 4] {
            of_lengths[symbol] = self.take(3);
        }
        let of_lengths = Codes::new(&of_lengths);
        let mut lens = Vec::new();
        while lens.len() < literals_len + distances_len {
            let (len, times) = match of_lengths.read(self) {
                16 => (*lens.last().expect("one is repeated"), 3 + self.take(2)),
                17 => (0, 3 + self.take(3)),
                18 => (0, 11 + self.take(7)),
                len => (len, 1),
            };
            lens.extend(std::iter::repeat_n(len, times));
        }
        let (literals, distances) = lens.split_at(literals_len);
        [Codes::new(literals), Codes::new(distances)]
    }
}

/// Codes of symbols, by their lengths.
struct Codes {
    /// By length: the first code that is longer, and how many symbols have codes up to it.
    ends: [(usize, usize); 16],
    /// In the order of their codes.
    symbols: Vec<usize>,
}

impl Codes {
    /// RFC 1951, 3.2.2: shorter codes come first, then those of smaller symbols.
    fn new(lens: &[usize]) -> Self {
        let mut symbols: Vec<usize> = (0..lens.len()).filter(|&symbol| lens[symbol] > 0).collect();
        symbols.sort_by_key(|&symbol| lens[symbol]);
        let (mut code, mut ends) = (0, [(0, 0); 16]);
        for (len, end) in ends.iter_mut().enumerate().skip(1) {
            code = 2 * code + lens.iter().filter(|&&of| of == len).count();
            *end = (code, symbols.iter().filter(|&&symbol| lens[symbol] <= len).count());
        }
        Self { ends, symbols }
    }

    /// RFC 1951, 3.2.6.
    fn fixed() -> [Self; 2] {
        let lens = [[8; 144].as_slice(), &[9; 112], &[7; 24], &[8; 8]].concat();
        [Self::new(&lens), Self::new(&[5; 30])]
    }

    fn read(&self, reader: &mut Reader<'_>) -> usize {
        let mut code = 0;
        for &(end, symbols_len) in &self.ends[1..] {
            code = 2 * code + reader.bit();
            if code < end {
                return self.symbols[symbols_len - (end - code)];
            }
        }
        panic!("no symbol has this code")
    }
}

static FIXED: LazyLock<[Codes; 2]> = LazyLock::new(Codes::fixed);
/// The symbol behind the last one of a block.
const END: u32 = 256;
const LENGTH_MAX: usize = 258;

#[cfg(test)]
mod tests {
    use super::*;

    /// What one writes the other reads.
    #[test]
    fn messages_come_back_and_refer_to_each_other() {
        for (bits, is_kept) in [(8, true), (9, false), (15, true)] {
            let [mut writer, mut reader] = [0; 2].map(|_| Window::new(bits, is_kept));
            for len in [0, 1, 2, 12, 12, 300, 5_000, 12, 70_000, 12] {
                let plain: Vec<u8> =
                    (0..len).map(|at| b"0123456789"[at % 10] + u8::from(at > 40)).collect();
                for form in [Form::Coded, Form::Stored] {
                    let compressed = writer.deflate(&plain, form);
                    assert!(reader.inflate(&compressed) == plain, "{len} bytes, {form:?}");
                }
            }
        }
    }
}

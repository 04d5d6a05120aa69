//! The codec by itself: the examples of RFC 7692, round trips against another implementation
//! and through windows of every width, data that is broken, and data that comes to too much.

use crate::limits::Limits;
use crate::session::Codec;
use crate::ws::ProtocolError;
use crate::ws::tests::random::Random;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

/// Compressed payloads, and the results.
type Row = (&'static [u8], Result<&'static [u8], ProtocolError>);

const ROWS: &[Row] = &[
    // RFC 7692, 7.2.3.1 to 7.2.3.6: "Hello" in one block, without compression, in a final block,
    // in two blocks; an empty message.
    (&[0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], Ok(b"Hello")),
    (&[0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00], Ok(b"Hello")),
    (&[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00], Ok(b"Hello")),
    (&[0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00], Ok(b"Hello")),
    (&[0x00], Ok(b"")),
    (&[], Ok(b"")),
    // A final block with nothing behind it, or with other streams.
    (&[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], Ok(b"Hello")),
    (
        &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
        Ok(b"HelloHello"),
    ),
    (&[0x03, 0x00, 0x03, 0x00, 0x03, 0x00], Ok(b"")),
    // Another stream refers to nothing before it: "Hello", and a match of it.
    (
        &[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x02, 0x13, 0x00, 0x00],
        Err(ProtocolError::Deflate),
    ),
    // Behind a final block, half of a stream.
    (&[0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0xF2], Err(ProtocolError::Deflate)),
    // Cut short: in a block with compression, in one without, and between LEN and NLEN.
    (&[0xF2, 0x48, 0xCD, 0xC9], Err(ProtocolError::Deflate)),
    (&[0x00, 0x20, 0x00, 0xDF, 0xFF, 0x48, 0x65], Err(ProtocolError::Deflate)),
    (&[0x00, 0x05, 0x00], Err(ProtocolError::Deflate)),
    // The tail that is to be left out: an empty block without a header, which is a broken one.
    (&[0x00, 0x00], Err(ProtocolError::Deflate)),
    // A block of a reserved type, and lengths that do not agree.
    (&[0x06], Err(ProtocolError::Deflate)),
    (&[0x00, 0x05, 0x00, 0xFA, 0xFE], Err(ProtocolError::Deflate)),
    // A match of what is not there.
    (&[0x02, 0x13, 0x00, 0x00], Err(ProtocolError::Deflate)),
];

#[test]
fn rows() {
    let mut codec = Codec::new();
    for (compressed, expected) in ROWS {
        let plain = codec.inflate(compressed, &[], &Limits::SERVER);
        let expected = expected.map(<[u8]>::to_vec);
        assert_eq!(plain, expected, "{compressed:02x?}");
    }
}

/// RFC 7692, 7.2.3.2: the second message is a match of the first.
#[test]
fn a_context_is_referred_to() {
    let mut codec = Codec::new();
    let second = [0xF2, 0x00, 0x11, 0x00, 0x00];
    let limits = &Limits::SERVER;
    assert_eq!(codec.inflate(&second, b"Hello", limits).as_deref(), Ok(&b"Hello"[..]));
    assert_eq!(codec.inflate(&second, b"", limits), Err(ProtocolError::Deflate));
    assert_eq!(codec.inflate(&second, b"llo", limits), Err(ProtocolError::Deflate));
}

/// Law: what one side deflates, the other inflates, whichever side is ours, with contexts and
/// without; and no match reaches out of the window.
#[test]
fn round_trips() {
    let (mut codec, mut seen) = (Codec::new(), 0);
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let bits = random.pick(&[8, 9, 10, 11, 12, 13, 14, 15]);
        let keeps = random.below(2) == 1;
        let (mut theirs, mut context) = (Compress::new(Compression::new(6), false), Vec::new());
        let (mut reader, mut sent) = (Decompress::new(false), Vec::new());
        for _ in 0..4 {
            let plain = words(&mut random);
            if !keeps {
                theirs.reset();
                reader.reset(false);
                (context, sent) = (Vec::new(), Vec::new());
            }
            let compressed = deflate(&mut theirs, &plain);
            let read = codec.inflate(&compressed, &context, &Limits::SERVER);
            assert!(read.as_ref() == Ok(&plain), "seed {seed}: {:?}", read.map(|read| read.len()));
            context.extend_from_slice(&plain);
            context.drain(..context.len().saturating_sub(1 << 15));
            // The other way, as far as it becomes shorter.
            let Some(compressed) = codec.deflate(&plain, &sent, bits) else { continue };
            assert!(compressed.len() < plain.len());
            assert_eq!(inflate(&mut reader, &compressed), plain, "seed {seed}");
            if plain.len() <= 5_000 {
                let farthest = farthest(&compressed);
                assert!(farthest <= 1 << bits, "seed {seed}, {bits} bits: {farthest}");
                seen = seen.max(farthest);
            }
            sent.extend_from_slice(&plain);
            sent.drain(..sent.len().saturating_sub(1 << bits));
        }
    }
    assert!(seen > 3_000, "matches reach far where they may: {seen}");
}

/// Data that cannot become shorter is left as it is, at a small cost. Law: a codec that has left a
/// message uncompressed is as good as a new one, wherever it gave up.
#[test]
fn what_was_left_alone_leaves_nothing_behind() {
    let plain = b"to be or not to be, ".repeat(100);
    for bits in [9, 15] {
        let expected = Codec::new().deflate(&plain, &[], bits);
        let mut codec = Codec::new();
        for kib in (16_u16..500).step_by(53) {
            let random = Random::new(kib.into()).bytes(usize::from(kib) << 10);
            assert_eq!(codec.deflate(&random, &[], bits), None);
            assert!(codec.deflate(&plain, &[], bits) == expected, "{kib} KiB, {bits} bits");
        }
    }
}

/// Law: so is one that leaves one thing alone after the other.
#[test]
fn any_number_in_a_row_is_left_alone() {
    let mut codec = Codec::new();
    let random = Random::new(1).bytes(100_000);
    for len in (1_000..random.len()).step_by(5_000) {
        for _ in 0..3 {
            assert_eq!(codec.deflate(&random[..len], &[], 15), None, "{len} bytes");
        }
    }
}

/// Law: an inflater that was broken off is as good as a new one.
#[test]
fn what_was_broken_leaves_nothing_behind() {
    let plain = b"to be or not to be, ".repeat(100);
    let mut codec = Codec::new();
    let good = codec.deflate(&plain, &[], 15).expect("it becomes shorter");
    let mut random = Random::new(7);
    for _ in 0..500 {
        let mut bad = good.clone();
        match random.below(3) {
            0 => bad.truncate(random.below(good.len())),
            1 => bad[random.below(good.len())] ^= 1 << random.below(8),
            _ => bad = random.bytes(100),
        }
        let limits = Limits { message_bytes_max: 1 + random.below(3_000), ..Limits::SERVER };
        // It may come to something by chance.
        let _ = codec.inflate(&bad, &[], &limits);
        let inflated = codec.inflate(&good, &[], &Limits::SERVER);
        assert_eq!(inflated.as_deref(), Ok(&plain[..]), "after {bad:02x?}");
    }
}

#[test]
fn random_bytes_are_left_alone() {
    let mut codec = Codec::new();
    for len in [0, 1, 5, 600, 100_000] {
        assert_eq!(codec.deflate(&Random::new(1).bytes(len), &[], 15), None, "{len}");
    }
    assert!(codec.deflate(&[b'a'; 600], &[], 15).is_some_and(|bytes| bytes.len() < 20));
}

/// A kibibyte that would come to a gibibyte comes to the limit and one buffer at most.
#[test]
fn a_bomb_stops_at_the_limit() {
    let mut zeros = Compress::new(Compression::new(9), false);
    let mebibyte = deflate(&mut zeros, &vec![0; 1 << 20]);
    let mut codec = Codec::new();
    for max in [1, 1_000, 16_384, 16_385, (1 << 20) - 1] {
        let limits = Limits { message_bytes_max: max, ..Limits::SERVER };
        assert_eq!(
            codec.inflate(&mebibyte, &[], &limits),
            Err(ProtocolError::MessageTooLong),
            "{max}"
        );
        let inflated = codec.inflated_bytes();
        assert!(inflated <= max as u64 + 16_384, "{inflated} of {max} bytes");
    }
    let limits = Limits { message_bytes_max: 1 << 20, ..Limits::SERVER };
    let plain = codec.inflate(&mebibyte, &[], &limits).expect("it just fits");
    assert!(plain.len() == 1 << 20 && plain.capacity() == 1 << 20);
}

/// Text that is alike in places, of all lengths.
fn words(random: &mut Random) -> Vec<u8> {
    let len = random.pick(&[0, 1, 10, 300, 1_000, 5_000, 70_000]);
    let mut plain = Vec::new();
    while plain.len() < len {
        match random.below(4) {
            0 => plain.extend(random.bytes(20)),
            1 => plain.extend_from_slice(b"to be or not to be"),
            2 => plain.extend_from_slice(&[b'x'; 300]),
            _ => {
                let at = random.below(plain.len() + 1);
                let end = (at + 400).min(plain.len());
                plain.extend_from_within(at..end);
            }
        }
    }
    plain.truncate(len);
    plain
}

/// Deflates as RFC 7692, 7.2.1 says, with another implementation.
pub(crate) fn deflate(compress: &mut Compress, plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() + 1_000);
    let before = compress.total_in();
    loop {
        let read = usize::try_from(compress.total_in() - before).expect("it is short");
        out.reserve(1_000);
        let room = out.capacity() - out.len();
        let written = out.len();
        compress
            .compress_vec(&plain[read..], &mut out, FlushCompress::Sync)
            .expect("anything can be deflated");
        if out.len() - written < room {
            break;
        }
    }
    assert!(out.ends_with(&[0x00, 0x00, 0xFF, 0xFF]));
    out.truncate(out.len() - 4);
    out
}

/// Inflates as RFC 7692, 7.2.2 says, with another implementation.
pub(crate) fn inflate(decompress: &mut Decompress, compressed: &[u8]) -> Vec<u8> {
    let compressed = [compressed, &[0x00, 0x00, 0xFF, 0xFF]].concat();
    let (mut out, before) = (Vec::new(), decompress.total_in());
    loop {
        let read = usize::try_from(decompress.total_in() - before).expect("it is short");
        out.reserve(100_000);
        let written = out.len();
        decompress
            .decompress_vec(&compressed[read..], &mut out, FlushDecompress::Sync)
            .expect("it is right");
        if out.len() == written {
            assert_eq!(read, compressed.len());
            return out;
        }
    }
}

/// How far back the matches of a message reach, read bit by bit as RFC 1951 says.
fn farthest(compressed: &[u8]) -> usize {
    let mut bits = Bits { bytes: [compressed, &[0x00, 0x00, 0xFF, 0xFF]].concat(), at: 0 };
    let mut farthest = 0;
    while bits.at < 8 * bits.bytes.len() {
        bits.take(1);
        let (lengths, distances) = match bits.take(2) {
            0 => {
                bits.at = bits.at.next_multiple_of(8);
                let len = bits.take(16);
                bits.at += 16 + 8 * len;
                continue;
            }
            1 => ([[8; 144].as_slice(), &[9; 112], &[7; 24], &[8; 8]].concat(), vec![5; 30]),
            2 => bits.trees(),
            _ => panic!("a reserved type of block"),
        };
        loop {
            let symbol = bits.symbol(&lengths);
            if symbol == 256 {
                break;
            }
            if symbol > 256 {
                bits.take(if (265..285).contains(&symbol) { (symbol - 261) / 4 } else { 0 });
                let symbol = bits.symbol(&distances);
                let extra = (symbol / 2).saturating_sub(1);
                let base = if symbol < 4 { symbol } else { (2 + symbol % 2) << extra };
                farthest = farthest.max(base + 1 + bits.take(extra));
            }
        }
    }
    farthest
}

/// Bits, the lowest of each byte first.
struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    fn take(&mut self, len: usize) -> usize {
        let bit = |at: usize| usize::from(self.bytes[at / 8] >> (at % 8) & 1);
        let value = (0..len).map(|place| bit(self.at + place) << place).sum();
        self.at += len;
        value
    }

    /// RFC 1951, 3.2.2: codes of one length are consecutive, and follow the shorter ones.
    fn symbol(&mut self, lengths: &[usize]) -> usize {
        let (mut code, mut first) = (0, 0);
        for len in 1..16 {
            code = code << 1 | self.take(1);
            let mut symbols = (0..lengths.len()).filter(|&symbol| lengths[symbol] == len);
            if let Some(symbol) = symbols.clone().nth(code - first) {
                return symbol;
            }
            first = (first + symbols.by_ref().count()) << 1;
        }
        panic!("no symbol has this code");
    }

    /// RFC 1951, 3.2.7: the lengths of the codes of two alphabets.
    fn trees(&mut self) -> (Vec<usize>, Vec<usize>) {
        const ORDER: [usize; 19] =
            [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        let (literals, distances) = (257 + self.take(5), 1 + self.take(5));
        let mut codes = [0; 19];
        for place in 0..4 + self.take(4) {
            codes[ORDER[place]] = self.take(3);
        }
        let mut lengths = Vec::new();
        while lengths.len() < literals + distances {
            let (length, times) = match self.symbol(&codes) {
                16 => (*lengths.last().expect("there is one"), 3 + self.take(2)),
                17 => (0, 3 + self.take(3)),
                18 => (0, 11 + self.take(7)),
                length => (length, 1),
            };
            lengths.extend(std::iter::repeat_n(length, times));
        }
        let distances = lengths.split_off(literals);
        (lengths, distances)
    }
}

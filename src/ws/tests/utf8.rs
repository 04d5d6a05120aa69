//! UTF-8 in pieces, against the standard library, whose word on whole texts is law.

use crate::ws::ProtocolError;
use crate::ws::utf8::Utf8;

use super::{cuttings, random::Random};

/// Texts that are right, and texts that are wrong in every way there is.
const SAMPLES: &[&[u8]] = &[
    b"",
    b"Hello",
    b"\0\x7F",
    "κόσμε".as_bytes(),
    "a\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}".as_bytes(),
    "\u{D7FF}\u{E000}\u{FFFD}\u{FEFF}".as_bytes(),
    "😀😀😀😀😀😀😀😀😀😀😀😀".as_bytes(),
    // Cut short.
    b"a\xC3",
    b"a\xE2\x82",
    b"a\xF0\x9F\x98",
    b"\xF0",
    b"\xE2\x82a",
    b"\xC3\xC3\xA9",
    // A continuation of nothing.
    b"\x80",
    b"a\xBFb",
    b"\xC3\xA9\xA9",
    b"\xF0\x9F\x98\x80\x80",
    // Overlong.
    b"\xC0\x80",
    b"\xC1\xBF",
    b"\xE0\x80\x80",
    b"\xE0\x9F\xBF",
    b"\xF0\x80\x80\x80",
    b"\xF0\x8F\xBF\xBF",
    // Surrogates.
    b"\xED\xA0\x80",
    b"\xED\xBF\xBF",
    b"\xED\xA0\xBD\xED\xB8\x80",
    // Above U+10FFFF.
    b"\xF4\x90\x80\x80",
    b"\xF5\x80\x80\x80",
    b"\xF7\xBF\xBF\xBF",
    b"\xF8\x88\x80\x80\x80",
    b"\xFC\x84\x80\x80\x80\x80",
    b"\xFE",
    b"\xFF",
    // A wrong byte behind much that is right, and much that is right behind a wrong byte.
    b"0123456789012345678901234567890123456789\xCE\xBA\xF4\x90and so on",
    b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80edited",
];

/// The bytes at which the ranges of RFC 3629, 4, begin and end.
const BORDERS: &[u8] = &[
    0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED,
    0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
];

#[test]
fn samples_in_every_cutting() {
    for sample in SAMPLES {
        for len in 0..=sample.len() {
            cuttings(len).iter().for_each(|pieces| check(&sample[..len], pieces));
        }
    }
}

#[test]
fn all_pairs_of_bytes() {
    for bytes in (0..=0xFF_u8).flat_map(|a| (0..=0xFF_u8).map(move |b| [a, b])) {
        check(&bytes, &[2]);
        check(&bytes, &[1, 1]);
        check(&[b'a', bytes[0], bytes[1], b'a'], &[2, 2]);
    }
}

#[test]
fn all_fours_of_border_bytes() {
    let count = BORDERS.len();
    for number in 0..count.pow(4) {
        let at = |place: u32| BORDERS[number / count.pow(place) % count];
        let bytes = [at(0), at(1), at(2), at(3)];
        check(&bytes, &[1, 1, 1, 1]);
        check(&bytes, &[4]);
    }
}

#[test]
fn random_texts_with_a_random_byte() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut bytes = random.text(30).into_bytes();
        for _ in 0..random.below(3) {
            let at = random.below(bytes.len());
            bytes[at] = random.pick(BORDERS);
        }
        for _ in 0..20 {
            let pieces = random.pieces(bytes.len());
            check(&bytes, &pieces);
        }
    }
}

/// An empty piece changes nothing, wherever it comes.
#[test]
fn empty_pieces() {
    let bytes = "aé€😀".as_bytes();
    let pieces: Vec<_> = bytes.iter().flat_map(|_| [0, 1, 0]).collect();
    check(bytes, &pieces);
}

/// The text grows by whole characters, and a fault is found in the piece that has the first
/// byte after which nothing could make the text right.
fn check(bytes: &[u8], pieces: &[usize]) {
    let is_lost = |len: usize| {
        core::str::from_utf8(&bytes[..len]).is_err_and(|error| error.error_len().is_some())
    };
    let first_wrong = match core::str::from_utf8(bytes) {
        Ok(_) => None,
        Err(error) => (error.valid_up_to() + 1..=bytes.len()).find(|len| is_lost(*len)),
    };
    let (mut utf8, mut text, mut came) = (Utf8::default(), String::new(), 0);
    for piece in pieces {
        let read = utf8.receive(&bytes[came..came + piece], &mut text);
        came += piece;
        let wrong = first_wrong.is_some_and(|len| len <= came);
        let expected = if wrong { Err(ProtocolError::Utf8) } else { Ok(()) };
        assert_eq!(read, expected, "{came} of {bytes:02x?} in {pieces:?}");
        if wrong {
            return;
        }
        let valid = match core::str::from_utf8(&bytes[..came]) {
            Ok(_) => came,
            Err(error) => error.valid_up_to(),
        };
        assert_eq!(text.as_bytes(), &bytes[..valid], "{bytes:02x?} in {pieces:?}");
    }
    let whole = core::str::from_utf8(bytes).map(|_| ()).map_err(|_| ProtocolError::Utf8);
    assert_eq!(utf8.finish(), whole, "{bytes:02x?} in {pieces:?}");
}

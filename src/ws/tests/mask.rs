//! Masking, against the plain words of RFC 6455, 5.3.

use crate::ws::mask::{apply, rotate};
use crate::ws::tests::random::Random;

const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// Octet i of the transformed data is octet i of the original XOR octet i modulo 4 of the key.
fn plain(bytes: &[u8], key: [u8; 4]) -> Vec<u8> {
    bytes.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect()
}

/// RFC 6455, 5.7: "Hello", masked.
#[test]
fn the_example_of_the_standard() {
    let mut bytes = *b"Hello";
    apply(&mut bytes, KEY);
    assert_eq!(bytes, [0x7F, 0x9F, 0x4D, 0x51, 0x58]);
    apply(&mut bytes, KEY);
    assert_eq!(&bytes, b"Hello");
}

/// Law: whatever the length, and wherever the bytes lie in memory.
#[test]
fn every_length_at_every_place() {
    let source = Random::new(1).bytes(200);
    for offset in 0..40 {
        for len in 0..=150 {
            let mut bytes = source.clone();
            apply(&mut bytes[offset..offset + len], KEY);
            assert_eq!(bytes[..offset], source[..offset], "before {offset}");
            assert_eq!(bytes[offset..offset + len], plain(&source[offset..offset + len], KEY));
            assert_eq!(bytes[offset + len..], source[offset + len..], "behind {offset} + {len}");
        }
    }
}

/// Law: a payload that is unmasked in two pieces is the same as in one.
#[test]
fn a_rotated_key_goes_on() {
    let source = Random::new(2).bytes(150);
    for cut in 0..=source.len() {
        let mut bytes = source.clone();
        let (left, right) = bytes.split_at_mut(cut);
        apply(left, KEY);
        apply(right, rotate(KEY, cut));
        assert_eq!(bytes, plain(&source, KEY), "cut at {cut}");
    }
}

#[test]
fn rotations_add_up() {
    for (a, b) in (0..9).flat_map(|a| (0..9).map(move |b| (a, b))) {
        assert_eq!(rotate(rotate(KEY, a), b), rotate(KEY, a + b));
    }
    assert_eq!(rotate(KEY, 1), [0xFA, 0x21, 0x3D, 0x37]);
    assert_eq!(rotate(KEY, usize::MAX), [0x3D, 0x37, 0xFA, 0x21]);
}

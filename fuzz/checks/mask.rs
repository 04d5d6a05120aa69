//! Masking is XOR byte by byte, wherever a payload stands in memory and however it is cut.

use switchboard::ws::mask;

use super::cutting::Cutting;

/// The masking key, a cutting, and the payload.
pub fn check(data: &[u8]) {
    let Some((&key, rest)) = data.split_first_chunk::<4>() else { return };
    let Some((cutting, payload)) = Cutting::split(rest) else { return };
    if payload.len() > PAYLOAD_BYTES_MAX {
        return;
    }
    // RFC 6455, 5.3: octet i of the payload is combined with octet i modulo 4 of the key.
    let expected: Vec<u8> = (0..).zip(payload).map(|(i, byte)| byte ^ key[i % 4]).collect();

    let mut memory = vec![0xA5; ALIGNMENTS + payload.len()];
    for before in 0..ALIGNMENTS {
        memory.fill(0xA5);
        let place = before..before + payload.len();
        memory[place.clone()].copy_from_slice(payload);
        mask::apply(&mut memory[place.clone()], key);
        assert_eq!(&memory[place.clone()], expected, "{before} bytes into the memory");
        let mut others = memory[..before].iter().chain(&memory[place.end..]);
        assert!(others.all(|&byte| byte == 0xA5), "what stands around it is left alone");
        mask::apply(&mut memory[place.clone()], key);
        assert_eq!(&memory[place], payload, "twice is not at all");
    }

    let (mut pieces, mut done, mut turning) = (Vec::new(), 0, key);
    for piece in cutting.pieces(payload) {
        let mut piece = piece.to_vec();
        mask::apply(&mut piece, turning);
        turning = mask::rotate(turning, piece.len());
        done += piece.len();
        assert_eq!(turning, mask::rotate(key, done), "all turns at once");
        pieces.extend(piece);
    }
    assert_eq!(pieces, expected, "in pieces");
}

const PAYLOAD_BYTES_MAX: usize = 200;
/// Places relative to the widest vector of the machines there are.
const ALIGNMENTS: usize = 32;

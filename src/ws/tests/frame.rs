//! Frame headers: all length forms with their boundaries, every rule broken once, and that
//! decoding undoes encoding.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::ws::tests::random::Random;
use crate::ws::{Header, Opcode, ProtocolError};

use Opcode::{Binary, Close, Continuation, Ping, Pong, Text};

/// Bytes of a client, and its header without the key, which is 1 2 3 4 in all of them.
type Row = (&'static [u8], Result<(bool, Opcode, u64), ProtocolError>);

const DECODE: &[Row] = &[
    // Every opcode.
    (&[0x80, 0x80, 1, 2, 3, 4], Ok((true, Continuation, 0))),
    (&[0x81, 0x80, 1, 2, 3, 4], Ok((true, Text, 0))),
    (&[0x82, 0x80, 1, 2, 3, 4], Ok((true, Binary, 0))),
    (&[0x88, 0x80, 1, 2, 3, 4], Ok((true, Close, 0))),
    (&[0x89, 0x80, 1, 2, 3, 4], Ok((true, Ping, 0))),
    (&[0x8A, 0x80, 1, 2, 3, 4], Ok((true, Pong, 0))),
    (&[0x00, 0x80, 1, 2, 3, 4], Ok((false, Continuation, 0))),
    (&[0x01, 0x80, 1, 2, 3, 4], Ok((false, Text, 0))),
    (&[0x02, 0x80, 1, 2, 3, 4], Ok((false, Binary, 0))),
    // Every length form.
    (&[0x82, 0x81, 1, 2, 3, 4], Ok((true, Binary, 1))),
    (&[0x82, 0xFD, 1, 2, 3, 4], Ok((true, Binary, 125))),
    (&[0x89, 0xFD, 1, 2, 3, 4], Ok((true, Ping, 125))),
    (&[0x82, 0xFE, 0x00, 0x7E, 1, 2, 3, 4], Ok((true, Binary, 126))),
    (&[0x82, 0xFE, 0x00, 0x7F, 1, 2, 3, 4], Ok((true, Binary, 127))),
    (&[0x82, 0xFE, 0x01, 0x00, 1, 2, 3, 4], Ok((true, Binary, 256))),
    (&[0x82, 0xFE, 0xFF, 0xFF, 1, 2, 3, 4], Ok((true, Binary, 65_535))),
    (&[0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4], Ok((true, Binary, 65_536))),
    (&[0x82, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4], Ok((true, Binary, 1 << 32))),
    (
        &[0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4],
        Ok((true, Binary, (1 << 63) - 1)),
    ),
    // RFC 6455, 5.2: the minimal number of bytes.
    (&[0x82, 0xFE, 0x00, 0x00], Err(ProtocolError::LengthForm)),
    (&[0x82, 0xFE, 0x00, 0x7D], Err(ProtocolError::LengthForm)),
    (&[0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0], Err(ProtocolError::LengthForm)),
    (&[0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0x7E], Err(ProtocolError::LengthForm)),
    (&[0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], Err(ProtocolError::LengthForm)),
    // RFC 6455, 5.2: the most significant bit.
    (&[0x82, 0xFF, 0x80], Err(ProtocolError::LengthSign)),
    (&[0x82, 0xFF, 0xFF], Err(ProtocolError::LengthSign)),
    // RFC 6455, 5.2: reserved bits, known by the first byte.
    (&[0xC1], Err(ProtocolError::ReservedBits)),
    (&[0xA1], Err(ProtocolError::ReservedBits)),
    (&[0x91], Err(ProtocolError::ReservedBits)),
    (&[0xF1], Err(ProtocolError::ReservedBits)),
    (&[0x40], Err(ProtocolError::ReservedBits)),
    (&[0xC9], Err(ProtocolError::ReservedBits)),
    // RFC 6455, 5.2: reserved opcodes.
    (&[0x83], Err(ProtocolError::ReservedOpcode)),
    (&[0x87], Err(ProtocolError::ReservedOpcode)),
    (&[0x8B], Err(ProtocolError::ReservedOpcode)),
    (&[0x8F], Err(ProtocolError::ReservedOpcode)),
    (&[0x03], Err(ProtocolError::ReservedOpcode)),
    (&[0x0F], Err(ProtocolError::ReservedOpcode)),
    // RFC 6455, 5.5: control frames are whole and short.
    (&[0x08], Err(ProtocolError::FragmentedControl)),
    (&[0x09], Err(ProtocolError::FragmentedControl)),
    (&[0x0A], Err(ProtocolError::FragmentedControl)),
    (&[0x88, 0xFE], Err(ProtocolError::LongControl)),
    (&[0x89, 0xFE], Err(ProtocolError::LongControl)),
    (&[0x8A, 0xFF], Err(ProtocolError::LongControl)),
    // RFC 6455, 5.1: clients mask.
    (&[0x81, 0x00], Err(ProtocolError::Unmasked)),
    (&[0x81, 0x05], Err(ProtocolError::Unmasked)),
    (&[0x82, 0x7E], Err(ProtocolError::Unmasked)),
    (&[0x82, 0x7F], Err(ProtocolError::Unmasked)),
    (&[0x89, 0x7E], Err(ProtocolError::Unmasked)),
    // What is broken first counts.
    (&[0xC3], Err(ProtocolError::ReservedBits)),
    (&[0x0B], Err(ProtocolError::ReservedOpcode)),
];

/// The header of a server, and its bytes.
const ENCODE: &[(Opcode, usize, &[u8])] = &[
    (Text, 0, &[0x81, 0]),
    (Binary, 1, &[0x82, 1]),
    (Close, 2, &[0x88, 2]),
    (Ping, 0, &[0x89, 0]),
    (Pong, 125, &[0x8A, 125]),
    (Text, 125, &[0x81, 125]),
    (Text, 126, &[0x81, 126, 0x00, 0x7E]),
    (Text, 127, &[0x81, 126, 0x00, 0x7F]),
    (Text, 255, &[0x81, 126, 0x00, 0xFF]),
    (Text, 256, &[0x81, 126, 0x01, 0x00]),
    (Binary, 65_535, &[0x82, 126, 0xFF, 0xFF]),
    (Binary, 65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    (Binary, 0x0123_4567, &[0x82, 127, 0, 0, 0, 0, 0x01, 0x23, 0x45, 0x67]),
];

const LENGTHS: [u64; 14] =
    [0, 1, 124, 125, 126, 127, 128, 255, 256, 65_535, 65_536, 65_537, 1 << 32, (1 << 63) - 1];

#[test]
fn decode() {
    for (bytes, expected) in DECODE {
        let expected = expected.map(|(fin, opcode, length)| Header {
            fin,
            opcode,
            key: Some([1, 2, 3, 4]),
            length,
        });
        check(bytes, expected);
    }
}

/// The rules that the first two bytes tell, in the order of the bits: all of their values.
#[test]
fn the_first_two_bytes() {
    for (first, second) in (0..=0xFF_u8).flat_map(|a| (0..=0xFF_u8).map(move |b| (a, b))) {
        let (opcode, short) = (first & 0x0F, second & 0x7F);
        let is_control = opcode >= 0x8;
        let expected = match () {
            () if first & 0x70 != 0 => Some(ProtocolError::ReservedBits),
            () if ![0x0, 0x1, 0x2, 0x8, 0x9, 0xA].contains(&opcode) => {
                Some(ProtocolError::ReservedOpcode)
            }
            () if is_control && first & 0x80 == 0 => Some(ProtocolError::FragmentedControl),
            () if second & 0x80 == 0 => Some(ProtocolError::Unmasked),
            () if is_control && short > 125 => Some(ProtocolError::LongControl),
            () => None,
        };
        let outcome = Header::decode(&[first, second]);
        assert_eq!(outcome.err(), expected, "{first:#04x} {second:#04x}");
        assert_eq!(outcome.ok().flatten(), None, "the key is missing");
    }
}

/// The same where compression was agreed on: one bit has a meaning, and only where a message
/// begins (RFC 7692, 6.1).
#[cfg(feature = "deflate")]
#[test]
fn the_first_two_bytes_with_compression() {
    use crate::ws::frame::Payload;
    for (first, second) in (0..=0xFF_u8).flat_map(|a| (0..=0xFF_u8).map(move |b| (a, b))) {
        let means_compressed = first & 0x70 == 0x40 && [0x1, 0x2].contains(&(first & 0x0F));
        let cleared = if means_compressed { first & 0xBF } else { first };
        let bytes = [cleared, second, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4];
        let payload = if means_compressed { Payload::Compressed } else { Payload::Plain };
        let expected = Header::decode(&bytes);
        let expected = expected.map(|read| read.map(|(header, used)| (header, payload, used)));
        let mut bytes = bytes;
        bytes[0] = first;
        assert_eq!(Header::decode_deflate(&bytes), expected, "{first:#04x} {second:#04x}");
        let early = Header::decode_deflate(&bytes[..1]).err();
        assert_eq!(early, Header::decode(&[cleared]).err(), "{first:#04x}");
    }
    let header = Header::whole(Text, 5).encode();
    assert_eq!(header.compressed().as_slice(), [0xC1, 5]);
}

#[test]
fn encode() {
    for (opcode, length, bytes) in ENCODE {
        let header = Header::whole(*opcode, *length);
        assert_eq!(header.encode().as_slice(), *bytes, "{header:?}");
    }
}

/// Law: decoding undoes encoding, and another implementation reads and writes the same.
#[test]
fn decoding_undoes_encoding() {
    let mut random = Random::new(0x5052);
    let lengths = (0..500).map(|_| random.bytes(8)).map(|bytes| {
        let bits = u64::from_be_bytes(bytes.try_into().expect("there are eight"));
        (bits >> 1) >> (bits % 64)
    });
    let lengths: Vec<_> = LENGTHS.into_iter().chain(lengths).collect();
    for opcode in [Continuation, Text, Binary, Close, Ping, Pong] {
        for (fin, &length) in
            [true, false].into_iter().flat_map(|f| lengths.iter().map(move |l| (f, l)))
        {
            if opcode.is_control() && (length > 125 || !fin) {
                continue;
            }
            let key = Some([0x81, 0x00, 0xFE, 0x7F]);
            let header = Header { fin, opcode, key, length };
            check(header.encode().as_slice(), Ok(header));
            agree(&header);
            agree(&Header { key: None, ..header });
        }
    }
}

#[test]
fn control_frames_are_told_apart() {
    let control = [Continuation, Text, Binary, Close, Ping, Pong].map(Opcode::is_control);
    assert_eq!(control, [false, false, false, true, true, true]);
}

/// The results of `bytes`, of all of their beginnings, and of more bytes behind them.
fn check(bytes: &[u8], expected: Result<Header, ProtocolError>) {
    for len in 0..bytes.len() {
        assert_eq!(Header::decode(&bytes[..len]), Ok(None), "{len} of {bytes:02x?}");
    }
    let expected = expected.map(|header| Some((header, bytes.len())));
    assert_eq!(Header::decode(bytes), expected, "{bytes:02x?}");
    let more = [bytes, &[0xFF; 20]].concat();
    assert_eq!(Header::decode(&more), expected, "{bytes:02x?} and more");
}

/// Another implementation reads and writes this header as we do.
fn agree(header: &Header) {
    let opcode = match header.opcode {
        Continuation => OpCode::Data(Data::Continue),
        Text => OpCode::Data(Data::Text),
        Binary => OpCode::Data(Data::Binary),
        Close => OpCode::Control(Control::Close),
        Ping => OpCode::Control(Control::Ping),
        Pong => OpCode::Control(Control::Pong),
    };
    let theirs =
        FrameHeader { is_final: header.fin, opcode, mask: header.key, ..FrameHeader::default() };
    let mut bytes = Vec::new();
    theirs.format(header.length, &mut bytes).expect("a vector takes all");
    assert_eq!(header.encode().as_slice(), bytes, "{header:?}");
    let read = FrameHeader::parse(&mut Cursor::new(&bytes)).expect("it is right");
    assert_eq!(read, Some((theirs, header.length)), "{header:?}");
}

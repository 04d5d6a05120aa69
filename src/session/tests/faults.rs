//! Frames that break the rules: every fault there is, with the close code and the reason that the
//! peer and the service get.

use std::collections::HashSet;

use crate::session::Next;
use crate::session::tests::Peer::{self, Bytes, Frame};
use crate::session::tests::rows::Row;
use crate::session::tests::{BINARY, BINARY_BEGINS, CLOSE, ENDS, GOES_ON, PING, TEXT, TEXT_BEGINS};
use crate::ws::ProtocolError;

/// What breaks a rule, behind whatever else; and which, with the words that stand for it.
type Broken = (ProtocolError, &'static [Peer], &'static [&'static str], &'static [&'static str]);

const RESERVED_BITS: [&[&str]; 2] = [
    &["closed 1002 reserved bit set without an extension (RFC 6455, 5.2)"],
    &["close 1002 reserved bit set without an extension (RFC 6455, 5.2)"],
];
const RESERVED_OPCODE: [&[&str]; 2] = [
    &["closed 1002 reserved opcode (RFC 6455, 5.2)"],
    &["close 1002 reserved opcode (RFC 6455, 5.2)"],
];
const UNMASKED: [&[&str]; 2] = [
    &["closed 1002 frame from a client is not masked (RFC 6455, 5.1)"],
    &["close 1002 frame from a client is not masked (RFC 6455, 5.1)"],
];
const FRAGMENTED_CONTROL: [&[&str]; 2] = [
    &["closed 1002 fragmented control frame (RFC 6455, 5.5)"],
    &["close 1002 fragmented control frame (RFC 6455, 5.5)"],
];
const LONG_CONTROL: [&[&str]; 2] = [
    &["closed 1002 control frame above 125 bytes (RFC 6455, 5.5)"],
    &["close 1002 control frame above 125 bytes (RFC 6455, 5.5)"],
];
const LENGTH_FORM: [&[&str]; 2] = [
    &["closed 1002 length not in its shortest form (RFC 6455, 5.2)"],
    &["close 1002 length not in its shortest form (RFC 6455, 5.2)"],
];
const LENGTH_SIGN: [&[&str]; 2] = [
    &["closed 1002 highest bit of a 64-bit length set (RFC 6455, 5.2)"],
    &["close 1002 highest bit of a 64-bit length set (RFC 6455, 5.2)"],
];
const LONE_CONTINUATION: [&[&str]; 2] = [
    &["closed 1002 continuation of no message (RFC 6455, 5.4)"],
    &["close 1002 continuation of no message (RFC 6455, 5.4)"],
];
const UNFINISHED: [&[&str]; 2] = [
    &["closed 1002 new message within a message (RFC 6455, 5.4)"],
    &["close 1002 new message within a message (RFC 6455, 5.4)"],
];
const UTF8: [&[&str]; 2] = [
    &["closed 1007 text is not UTF-8 (RFC 6455, 8.1)"],
    &["close 1007 text is not UTF-8 (RFC 6455, 8.1)"],
];
const CLOSE_LENGTH: [&[&str]; 2] = [
    &["closed 1002 close payload of one byte (RFC 6455, 5.5.1)"],
    &["close 1002 close payload of one byte (RFC 6455, 5.5.1)"],
];
const CLOSE_CODE: [&[&str]; 2] = [
    &["closed 1002 close code not allowed in a frame (RFC 6455, 7.4)"],
    &["close 1002 close code not allowed in a frame (RFC 6455, 7.4)"],
];
const CLOSE_REASON: [&[&str]; 2] = [
    &["closed 1007 close reason is not UTF-8 (RFC 6455, 5.5.1)"],
    &["close 1007 close reason is not UTF-8 (RFC 6455, 5.5.1)"],
];
const TOO_LONG: [&[&str]; 2] = [
    &["closed 1009 message above the limit (RFC 6455, 10.4)"],
    &["close 1009 message above the limit (RFC 6455, 10.4)"],
];
const TOO_MANY: [&[&str]; 2] = [
    &["closed 1008 more fragments than the limit (RFC 6455, 10.4)"],
    &["close 1008 more fragments than the limit (RFC 6455, 10.4)"],
];

const fn broken(
    fault: ProtocolError,
    peer: &'static [Peer],
    words: [&'static [&'static str]; 2],
) -> Broken {
    (fault, peer, words[0], words[1])
}

const HEADERS: &[Broken] = &[
    broken(ProtocolError::ReservedBits, &[Frame(0xC1, b"a")], RESERVED_BITS),
    broken(ProtocolError::ReservedBits, &[Frame(0xA2, b"a")], RESERVED_BITS),
    broken(ProtocolError::ReservedBits, &[Frame(0x99, b"a")], RESERVED_BITS),
    broken(ProtocolError::ReservedBits, &[Bytes(b"\xF0")], RESERVED_BITS),
    broken(
        ProtocolError::ReservedBits,
        &[Frame(TEXT_BEGINS, b"a"), Frame(0xC0, b"b")],
        RESERVED_BITS,
    ),
    broken(ProtocolError::ReservedOpcode, &[Frame(0x83, b"a")], RESERVED_OPCODE),
    broken(ProtocolError::ReservedOpcode, &[Frame(0x8B, b"")], RESERVED_OPCODE),
    broken(ProtocolError::ReservedOpcode, &[Bytes(b"\x0F")], RESERVED_OPCODE),
    broken(ProtocolError::Unmasked, &[Bytes(b"\x81\x05Hello")], UNMASKED),
    broken(ProtocolError::Unmasked, &[Bytes(b"\x89\x00")], UNMASKED),
    broken(ProtocolError::Unmasked, &[Bytes(b"\x88\x02\x03\xE8")], UNMASKED),
    broken(ProtocolError::Unmasked, &[Bytes(b"\x82\x7E")], UNMASKED),
    broken(ProtocolError::FragmentedControl, &[Frame(0x09, b"a")], FRAGMENTED_CONTROL),
    broken(ProtocolError::FragmentedControl, &[Frame(0x08, b"\x03\xE8")], FRAGMENTED_CONTROL),
    broken(ProtocolError::FragmentedControl, &[Frame(0x0A, b"")], FRAGMENTED_CONTROL),
    broken(ProtocolError::LongControl, &[Frame(PING, &[b'a'; 126])], LONG_CONTROL),
    broken(ProtocolError::LongControl, &[Frame(CLOSE, &[b'a'; 126])], LONG_CONTROL),
    broken(ProtocolError::LongControl, &[Bytes(b"\x8A\xFF")], LONG_CONTROL),
    broken(ProtocolError::LengthForm, &[Bytes(b"\x82\xFE\x00\x7Dkey!")], LENGTH_FORM),
    broken(ProtocolError::LengthForm, &[Bytes(b"\x82\xFF\0\0\0\0\0\0\xFF\xFFkey!")], LENGTH_FORM),
    broken(ProtocolError::LengthSign, &[Bytes(b"\x82\xFF\x80\0\0\0\0\0\0\0key!")], LENGTH_SIGN),
];

const SEQUENCES: &[Broken] = &[
    broken(ProtocolError::LoneContinuation, &[Frame(ENDS, b"a")], LONE_CONTINUATION),
    broken(ProtocolError::LoneContinuation, &[Frame(GOES_ON, b"a")], LONE_CONTINUATION),
    broken(ProtocolError::LoneContinuation, &[Frame(GOES_ON, b"")], LONE_CONTINUATION),
    broken(
        ProtocolError::UnfinishedMessage,
        &[Frame(TEXT_BEGINS, b"a"), Frame(TEXT, b"b")],
        UNFINISHED,
    ),
    broken(
        ProtocolError::UnfinishedMessage,
        &[Frame(BINARY_BEGINS, b"a"), Frame(BINARY_BEGINS, b"b")],
        UNFINISHED,
    ),
    broken(
        ProtocolError::UnfinishedMessage,
        &[Frame(TEXT_BEGINS, b""), Frame(GOES_ON, b"b"), Frame(BINARY, b"")],
        UNFINISHED,
    ),
    // The length alone is enough: not one byte of the message has come.
    broken(
        ProtocolError::MessageTooLong,
        &[Bytes(b"\x82\xFF\0\0\0\0\0\x01\x11\x71key!")],
        TOO_LONG,
    ),
    broken(
        ProtocolError::MessageTooLong,
        &[Bytes(b"\x81\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFFkey!")],
        TOO_LONG,
    ),
    broken(
        ProtocolError::MessageTooLong,
        &[Frame(BINARY_BEGINS, b"a"), Bytes(b"\x80\xFF\0\0\0\0\0\x01\x11\x70key!")],
        TOO_LONG,
    ),
    broken(
        ProtocolError::MessageTooLong,
        &[Frame(BINARY_BEGINS, b"a"), Bytes(b"\0\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFFkey!")],
        TOO_LONG,
    ),
    broken(
        ProtocolError::TooManyFragments,
        &[
            Frame(TEXT_BEGINS, b"a"),
            Frame(GOES_ON, b"b"),
            Frame(GOES_ON, b"c"),
            Frame(GOES_ON, b"d"),
            Frame(ENDS, b"e"),
        ],
        TOO_MANY,
    ),
    broken(
        ProtocolError::TooManyFragments,
        &[
            Frame(BINARY_BEGINS, b""),
            Frame(GOES_ON, b""),
            Frame(GOES_ON, b""),
            Frame(GOES_ON, b""),
            Frame(GOES_ON, b""),
        ],
        TOO_MANY,
    ),
];

const PAYLOADS: &[Broken] = &[
    broken(ProtocolError::Utf8, &[Frame(TEXT, b"a\xFFb")], UTF8),
    broken(ProtocolError::Utf8, &[Frame(TEXT, b"\xC0\x80")], UTF8),
    broken(ProtocolError::Utf8, &[Frame(TEXT, b"\xED\xA0\x80")], UTF8),
    broken(ProtocolError::Utf8, &[Frame(TEXT, b"a\xC3")], UTF8),
    broken(ProtocolError::Utf8, &[Frame(TEXT_BEGINS, b"a\xC3"), Frame(ENDS, b"")], UTF8),
    broken(ProtocolError::Utf8, &[Frame(TEXT_BEGINS, b"a\xC3"), Frame(GOES_ON, b"b")], UTF8),
    broken(ProtocolError::Utf8, &[Frame(TEXT_BEGINS, b"\xF4"), Frame(GOES_ON, b"\x90")], UTF8),
    // The first wrong byte is enough, in the middle of a frame that has not come to its end.
    broken(ProtocolError::Utf8, &[Bytes(b"\x81\xFE\x10\x00\0\0\0\0a\xF4\x90")], UTF8),
    broken(ProtocolError::Utf8, &[Bytes(b"\x01\x85\0\0\0\0\x80")], UTF8),
    broken(ProtocolError::CloseLength, &[Frame(CLOSE, b"\x03")], CLOSE_LENGTH),
    broken(ProtocolError::CloseCode, &[Frame(CLOSE, b"\0\0")], CLOSE_CODE),
    broken(ProtocolError::CloseCode, &[Frame(CLOSE, b"\x03\xE7")], CLOSE_CODE),
    broken(ProtocolError::CloseCode, &[Frame(CLOSE, b"\x03\xEC")], CLOSE_CODE),
    broken(ProtocolError::CloseCode, &[Frame(CLOSE, b"\x03\xED")], CLOSE_CODE),
    broken(ProtocolError::CloseCode, &[Frame(CLOSE, b"\x03\xEE")], CLOSE_CODE),
    broken(ProtocolError::CloseCode, &[Frame(CLOSE, b"\x03\xF7")], CLOSE_CODE),
    broken(ProtocolError::CloseCode, &[Frame(CLOSE, b"\x03\xF8bye")], CLOSE_CODE),
    broken(ProtocolError::CloseCode, &[Frame(CLOSE, b"\x0B\xB7")], CLOSE_CODE),
    broken(ProtocolError::CloseCode, &[Frame(CLOSE, b"\x13\x88")], CLOSE_CODE),
    broken(ProtocolError::CloseCode, &[Frame(CLOSE, b"\xFF\xFF")], CLOSE_CODE),
    broken(ProtocolError::CloseReason, &[Frame(CLOSE, b"\x03\xE8\xC3")], CLOSE_REASON),
    broken(ProtocolError::CloseReason, &[Frame(CLOSE, b"\x03\xE8\xFF")], CLOSE_REASON),
];

#[test]
fn headers() {
    HEADERS.iter().for_each(check);
}

#[test]
fn sequences() {
    SEQUENCES.iter().for_each(check);
}

#[test]
fn payloads() {
    PAYLOADS.iter().for_each(check);
}

/// Messages and pings before a fault count; behind it nothing does, be it right or wrong.
#[test]
fn what_stands_around_a_fault() {
    let row = Row {
        name: "a fault among frames",
        peer: &[
            Frame(TEXT, b"a"),
            Frame(PING, b"b"),
            Frame(BINARY, b"c"),
            Frame(0x83, b"d"),
            Frame(TEXT, b"e"),
            Frame(PING, b"f"),
            Frame(CLOSE, b"\x03\xE8"),
            Bytes(b"\x81\x05Hello"),
        ],
        heard: &["text a", "binary [63]", "closed 1002 reserved opcode (RFC 6455, 5.2)"],
        ours: &["pong b", "close 1002 reserved opcode (RFC 6455, 5.2)"],
        next: Next::EndWriting,
    };
    row.check();
}

#[test]
fn no_fault_is_missing() {
    let all = [
        ProtocolError::ReservedBits,
        ProtocolError::ReservedOpcode,
        ProtocolError::Unmasked,
        ProtocolError::FragmentedControl,
        ProtocolError::LongControl,
        ProtocolError::LengthForm,
        ProtocolError::LengthSign,
        ProtocolError::LoneContinuation,
        ProtocolError::UnfinishedMessage,
        ProtocolError::Utf8,
        ProtocolError::CloseLength,
        ProtocolError::CloseCode,
        ProtocolError::CloseReason,
        ProtocolError::MessageTooLong,
        ProtocolError::TooManyFragments,
    ];
    let seen: HashSet<_> =
        [HEADERS, SEQUENCES, PAYLOADS].concat().iter().map(|row| row.0.to_string()).collect();
    assert!(all.iter().all(|fault| seen.contains(&fault.to_string())), "{seen:?}");
    assert_eq!(seen.len(), all.len());
}

fn check((fault, peer, heard, ours): &Broken) {
    let words = format!("closed {} {fault} (RFC 6455, {})", fault.code(), fault.section());
    assert_eq!(heard.last(), Some(&&*words), "{fault:?} is the one that is meant");
    Row { name: "a broken rule", peer, heard, ours, next: Next::EndWriting }.check();
}

//! Frames that keep the rules: messages of all kinds, fragments with control frames between
//! them, pings, and the ends that peers choose.

use crate::session::Next;
use crate::session::tests::Peer::{self, Bytes, Frame};
use crate::session::tests::rows::Row;
use crate::session::tests::{
    BINARY, BINARY_BEGINS, CLOSE, ENDS, GOES_ON, PING, PONG, TEXT, TEXT_BEGINS,
};

const fn row(
    name: &'static str,
    peer: &'static [Peer],
    heard: &'static [&'static str],
    ours: &'static [&'static str],
) -> Row {
    Row { name, peer, heard, ours, next: Next::Keep }
}

const MESSAGES: &[Row] = &[
    row("nothing", &[], &[], &[]),
    row("a text", &[Frame(TEXT, b"Hello")], &["text Hello"], &[]),
    row("an empty text", &[Frame(TEXT, b"")], &["text "], &[]),
    row("a text above ASCII", &[Frame(TEXT, "aé€😀".as_bytes())], &["text aé€😀"], &[]),
    row("bytes", &[Frame(BINARY, b"\0\xFF")], &["binary [00, ff]"], &[]),
    row("no bytes", &[Frame(BINARY, b"")], &["binary []"], &[]),
    row(
        "several in a row",
        &[Frame(TEXT, b"a"), Frame(BINARY, b"b"), Frame(TEXT, b""), Frame(TEXT, b"d")],
        &["text a", "binary [62]", "text ", "text d"],
        &[],
    ),
    // RFC 6455, 5.7: the examples of a masked text and of a fragmented one.
    row(
        "the example of the standard",
        &[Bytes(b"\x81\x85\x37\xFA\x21\x3D\x7F\x9F\x4D\x51\x58")],
        &["text Hello"],
        &[],
    ),
    row("125 bytes", &[Frame(BINARY, &[1; 125])], &["binary of 125 bytes"], &[]),
    row("126 bytes", &[Frame(BINARY, &[1; 126])], &["binary of 126 bytes"], &[]),
    row("127 bytes", &[Frame(TEXT, &[b'a'; 127])], &["text of 127 bytes"], &[]),
    row("65535 bytes", &[Frame(BINARY, &[1; 65_535])], &["binary of 65535 bytes"], &[]),
    row("65536 bytes", &[Frame(TEXT, &[b'a'; 65_536])], &["text of 65536 bytes"], &[]),
    row("the longest message", &[Frame(BINARY, &[1; 70_000])], &["binary of 70000 bytes"], &[]),
    row("half a message", &[Bytes(b"\x81\x85\x37\xFA\x21\x3D\x7F\x9F")], &[], &[]),
    row("half a header", &[Bytes(b"\x82\xFE\x01")], &[], &[]),
];

const FRAGMENTS: &[Row] = &[
    row("two fragments", &[Frame(TEXT_BEGINS, b"Hel"), Frame(ENDS, b"lo")], &["text Hello"], &[]),
    row(
        "the most fragments",
        &[
            Frame(BINARY_BEGINS, b"a"),
            Frame(GOES_ON, b"b"),
            Frame(GOES_ON, b"c"),
            Frame(ENDS, b"d"),
        ],
        &["binary [61, 62, 63, 64]"],
        &[],
    ),
    row(
        "empty fragments",
        &[Frame(TEXT_BEGINS, b""), Frame(GOES_ON, b""), Frame(GOES_ON, b"a"), Frame(ENDS, b"")],
        &["text a"],
        &[],
    ),
    row("nothing in two", &[Frame(BINARY_BEGINS, b""), Frame(ENDS, b"")], &["binary []"], &[]),
    row(
        "a character over three fragments",
        &[Frame(TEXT_BEGINS, b"a\xF0"), Frame(GOES_ON, b"\x9F\x98"), Frame(ENDS, b"\x80b")],
        &["text a😀b"],
        &[],
    ),
    row(
        "a character with an empty fragment in it",
        &[Frame(TEXT_BEGINS, b"\xC3"), Frame(GOES_ON, b""), Frame(ENDS, b"\xA9")],
        &["text é"],
        &[],
    ),
    row(
        "the longest message in fragments",
        &[Frame(TEXT_BEGINS, &[b'a'; 35_000]), Frame(ENDS, &[b'b'; 35_000])],
        &["text of 70000 bytes"],
        &[],
    ),
    row(
        "a message that does not end",
        &[Frame(TEXT_BEGINS, b"a"), Frame(GOES_ON, b"b"), Frame(PING, b"c")],
        &[],
        &["pong c"],
    ),
    // The count of fragments begins again with each message.
    row(
        "two messages in fragments",
        &[
            Frame(TEXT_BEGINS, b"a"),
            Frame(GOES_ON, b"b"),
            Frame(ENDS, b"c"),
            Frame(BINARY_BEGINS, b"d"),
            Frame(GOES_ON, b"e"),
            Frame(ENDS, b"f"),
        ],
        &["text abc", "binary [64, 65, 66]"],
        &[],
    ),
];

const CONTROL: &[Row] = &[
    row("a ping", &[Frame(PING, b"")], &[], &["pong"]),
    row("a ping with words", &[Frame(PING, b"are you there")], &[], &["pong are you there"]),
    row("the longest ping", &[Frame(PING, &[b'a'; 125])], &[], &["pong of 125 bytes"]),
    row("two pings", &[Frame(PING, b"a"), Frame(PING, b"b")], &[], &["pong a", "pong b"]),
    row("a pong that nobody asked for", &[Frame(PONG, b"a")], &[], &[]),
    row("the longest pong", &[Frame(PONG, &[b'a'; 125])], &[], &[]),
    row(
        "pings between fragments",
        &[
            Frame(PING, b"1"),
            Frame(TEXT_BEGINS, b"a"),
            Frame(PING, b"2"),
            Frame(PONG, b"3"),
            Frame(GOES_ON, b"b"),
            Frame(PING, b"4"),
            Frame(ENDS, b"c"),
            Frame(PING, b"5"),
        ],
        &["text abc"],
        &["pong 1", "pong 2", "pong 4", "pong 5"],
    ),
    row(
        "a ping within a character",
        &[Frame(TEXT_BEGINS, b"\xE2\x82"), Frame(PING, b"\x82"), Frame(ENDS, b"\xAC")],
        &["text €"],
        &["pong \\x82"],
    ),
    row(
        "pings between messages",
        &[Frame(TEXT, b"a"), Frame(PING, b"b"), Frame(TEXT, b"c")],
        &["text a", "text c"],
        &["pong b"],
    ),
];

const fn close(
    name: &'static str,
    peer: &'static [Peer],
    heard: &'static [&'static str],
    ours: &'static [&'static str],
) -> Row {
    Row { name, peer, heard, ours, next: Next::Drop }
}

const CLOSES: &[Row] = &[
    close("empty", &[Frame(CLOSE, b"")], &["closed 1005"], &["close"]),
    close("1000", &[Frame(CLOSE, b"\x03\xE8")], &["closed 1000"], &["close 1000"]),
    close("a reason", &[Frame(CLOSE, b"\x03\xE8bye")], &["closed 1000 bye"], &["close 1000 bye"]),
    close("1001", &[Frame(CLOSE, b"\x03\xE9")], &["closed 1001"], &["close 1001"]),
    close("1003", &[Frame(CLOSE, b"\x03\xEB")], &["closed 1003"], &["close 1003"]),
    close("1007", &[Frame(CLOSE, b"\x03\xEF")], &["closed 1007"], &["close 1007"]),
    close("1014", &[Frame(CLOSE, b"\x03\xF6")], &["closed 1014"], &["close 1014"]),
    close("3000", &[Frame(CLOSE, b"\x0B\xB8")], &["closed 3000"], &["close 3000"]),
    close("4999", &[Frame(CLOSE, b"\x13\x87")], &["closed 4999"], &["close 4999"]),
    close(
        "the longest reason",
        &[Frame(CLOSE, &LONGEST_CLOSE)],
        &["closed 1000 and 123 bytes"],
        &["close 1000 and 123 bytes"],
    ),
    close(
        "behind messages and a ping",
        &[Frame(TEXT, b"a"), Frame(PING, b"b"), Frame(TEXT, b"c"), Frame(CLOSE, b"\x03\xE8")],
        &["text a", "text c", "closed 1000"],
        &["pong b", "close 1000"],
    ),
    close(
        "within a message, which is lost",
        &[Frame(TEXT_BEGINS, b"a"), Frame(CLOSE, b"\x03\xE8")],
        &["closed 1000"],
        &["close 1000"],
    ),
    // RFC 6455, 5.5.1 and 5.5.2: behind a close frame nothing counts, and no ping is answered.
    close(
        "with more behind it",
        &[
            Frame(CLOSE, b"\x03\xE8"),
            Frame(TEXT, b"a"),
            Frame(PING, b"b"),
            Frame(CLOSE, b"\x03\xE9"),
            Bytes(b"\xFF\xFF\xFF"),
        ],
        &["closed 1000"],
        &["close 1000"],
    ),
];

/// The code 1000 and as many letters as fit.
const LONGEST_CLOSE: [u8; 125] = {
    let mut payload = [b'a'; 125];
    [payload[0], payload[1]] = [0x03, 0xE8];
    payload
};

#[test]
fn messages() {
    MESSAGES.iter().for_each(Row::check);
}

#[test]
fn fragments() {
    FRAGMENTS.iter().for_each(Row::check);
}

#[test]
fn control_frames() {
    CONTROL.iter().for_each(Row::check);
}

#[test]
fn close_frames() {
    CLOSES.iter().for_each(Row::check);
}

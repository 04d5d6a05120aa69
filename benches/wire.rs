//! The wire alone: masks, text, headers, request heads, and frames through a whole session.

mod measure;

use std::hint::black_box;

use switchboard::session::{Session, SessionEvent};
use switchboard::time::Time;
use switchboard::ws::utf8::Utf8;
use switchboard::ws::{HeadReader, Header, Opcode, Upgrade, mask};
use switchboard::{Limits, Message};

use measure::{At, Bench, Effort, Rate, timed};

fn main() {
    let mut bench = Bench::new("wire", Rate::Bytes);
    masks(&mut bench);
    texts(&mut bench);
    headers(&mut bench);
    heads(&mut bench);
    sessions(&mut bench);
    bench.finish();
}

fn masks(bench: &mut Bench) {
    let group = "mask";
    for x in [16, 125, 1 << 10, 1 << 14, 1 << 16] {
        // Vectors are aligned at least as buffers of the loop are; the slice begins one byte on.
        let mut buffer = vec![b'x'; x + 1];
        for (case, begin) in [("aligned", 0), ("unaligned", 1)] {
            let bytes = &mut buffer[begin..begin + x];
            let mut act = || mask::apply(black_box(&mut *bytes), black_box(KEY));
            bench.time_each(At { group, case, x }, &mut act);
        }
    }
    let (x, far) = (1 << 16, if bench.effort() == Effort::Full { 1 << 27 } else { 1 << 17 });
    let mut memory = vec![b'x'; far];
    let mut at = 0;
    bench.time_each(At { group, case: "out of cache", x }, || {
        mask::apply(black_box(&mut memory[at..at + x]), black_box(KEY));
        at = (at + x) % far;
    });
}

fn texts(bench: &mut Bench) {
    let group = "UTF-8 in pieces";
    for (case, character) in CHARACTERS {
        for x in [48, 3 << 9, 3 << 14] {
            let text = character.repeat(x / character.len());
            let mut joined = String::with_capacity(x);
            bench.time_each(At { group, case, x }, || {
                joined.clear();
                let mut utf8 = Utf8::default();
                // Three pieces, cut in the middle of characters.
                for piece in black_box(text.as_bytes()).chunks(x / 3 + 1) {
                    utf8.receive(piece, &mut joined).expect("it is UTF-8");
                }
                black_box(&joined);
            });
        }
    }
}

fn headers(bench: &mut Bench) {
    for (case, length) in [("short", 20), ("medium", 1_000), ("long", 100_000)] {
        let client = Header { key: Some(KEY), ..Header::whole(Opcode::Text, length) };
        let bytes = client.encode();
        let x = bytes.as_slice().len();
        bench.time_each(At { group: "header decode", case, x }, || {
            assert!(matches!(Header::decode(black_box(bytes.as_slice())), Ok(Some(_))));
        });
        let x = x - KEY.len();
        bench.time_each(At { group: "header encode", case, x }, || {
            black_box(Header::whole(Opcode::Text, black_box(length)).encode());
        });
    }
}

fn heads(bench: &mut Bench) {
    let group = "request head";
    for (case, head) in [("small client", SMALL_HEAD), ("browser", BROWSER_HEAD)] {
        let parse = || {
            let read = HeadReader::default().receive(black_box(head), &Limits::SERVER);
            read.expect("it is right").1.expect("it is whole")
        };
        bench.time_each(At { group, case, x: head.len() }, || drop(black_box(parse())));
        let parsed = parse();
        bench.time_each(At { group: "handshake", case, x: head.len() }, || {
            drop(black_box(Upgrade::parse(black_box(&parsed))));
        });
    }
}

/// Reads of the loop's size, full of whole frames; the time is that of one frame.
fn sessions(bench: &mut Bench) {
    let limits = Limits::SERVER;
    for (case, opcode, character) in [
        ("binary", Opcode::Binary, "x"),
        ("ASCII text", Opcode::Text, "x"),
        ("three-byte text", Opcode::Text, "\u{20ac}"),
    ] {
        for payload_len in [21, 126, 1_020, 16_380] {
            let payload = character.repeat(payload_len / character.len()).into_bytes();
            // With this key unmasking changes nothing, so that the bytes can be read again.
            let header = Header { key: Some([0; 4]), ..Header::whole(opcode, payload_len) };
            let frame = [header.encode().as_slice(), &payload].concat();
            let frames_len = limits.read_buffer_bytes / frame.len();
            let mut bytes = frame.repeat(frames_len);
            let mut session = open(&limits);
            let at = At { group: "session of small frames", case, x: frame.len() };
            bench.time(at, || {
                let rounds = 1 + 2_000 / frames_len;
                timed(rounds * frames_len, || {
                    (0..rounds).for_each(|_| receive_all(&mut session, black_box(&mut bytes)));
                })
            });
        }
    }
}

fn open(limits: &Limits) -> Session {
    let mut session = Session::new(Time::ZERO);
    session.receive(&mut SMALL_HEAD.to_vec(), limits, Time::ZERO);
    assert!(session.accept(None, Time::ZERO).is_some());
    session.wrote(session.unsent_len(), Time::ZERO);
    session
}

fn receive_all(session: &mut Session, bytes: &mut [u8]) {
    let mut used = 0;
    while used < bytes.len() {
        let (more, event) = session.receive(&mut bytes[used..], &Limits::SERVER, Time::ZERO);
        used += more;
        let Some(SessionEvent::Message(message)) = event else { panic!("{event:?} is no message") };
        drop::<Message>(black_box(message));
    }
}

const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
const CHARACTERS: [(&str, &str); 2] = [("ASCII", "x"), ("three-byte", "\u{20ac}")];

const SMALL_HEAD: &[u8] = b"GET /chat HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The fields that a browser of today sends.
const BROWSER_HEAD: &[u8] = b"GET /demo_chatroom HTTP/1.1\r\nHost: 127.0.0.1:12345\r\n\
    Connection: Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/140.0.0.0 Safari/537.36\r\nUpgrade: websocket\r\nOrigin: http://127.0.0.1:12345\r\n\
    Sec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-US,en;q=0.9\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

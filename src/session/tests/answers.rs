//! Requests and what is answered to them: refusals, pages, and the acceptance of an upgrade.

use crate::limits::Limits;
use crate::session::Next::{Drop, EndWriting, Keep};
use crate::session::Session;
use crate::session::tests::Peer::{Bytes, Frame};
use crate::session::tests::script::Step::{self, *};
use crate::session::tests::script::play_all;
use crate::session::tests::talk::Talk;
use crate::session::tests::{CLOSE, PAGE, TEXT, TEXT_BEGINS, UPGRADE, frame};
use crate::ws::tests::cuttings;
use crate::ws::{DateField, Response, Status};

type Script = (&'static str, &'static [Step]);

const SCRIPTS: &[Script] = &[
    (
        "an upgrade",
        &[
            Reads,
            Says(&[Bytes(UPGRADE)]),
            Heard("request /chat"),
            Reads,
            Is(Keep),
            Accept,
            Took("101"),
            Reads,
            // It is accepted once.
            Accept,
            Respond(200),
            RespondHead,
            RespondBody(1),
            RespondEnd,
            Waits(0),
            Says(&[Frame(TEXT, b"a")]),
            Heard("text a"),
        ],
    ),
    (
        "frames that come before the decision wait for it",
        &[
            Says(&[Bytes(UPGRADE), Frame(TEXT, b"a"), Frame(TEXT_BEGINS, b"b")]),
            Heard("request /chat"),
            // One read is kept; more is not asked for.
            ReadsNot,
            Accept,
            Heard("text a"),
            Took("101"),
            Reads,
            Says(&[Frame(0x80, b"c")]),
            Heard("text bc"),
        ],
    ),
    (
        "frames and the end before the decision",
        &[
            Says(&[Bytes(UPGRADE), Frame(TEXT, b"a"), Frame(CLOSE, b"\x03\xE8")]),
            Heard("request /chat"),
            Accept,
            Heard("text a"),
            Heard("closed 1000"),
            Took("101"),
            Settle,
            Took("close 1000"),
            Is(Drop),
        ],
    ),
    (
        "an upgrade that is refused",
        &[
            Says(&[Bytes(UPGRADE), Frame(TEXT, b"a")]),
            Heard("request /chat"),
            Respond(403),
            Took("403 and 7 bytes"),
            Is(EndWriting),
            Reads,
            Accept,
            Respond(500),
            Says(&[Frame(TEXT, b"b")]),
            Waits(0),
            Ends,
            Is(Drop),
        ],
    ),
    (
        "a page",
        &[
            Says(&[Bytes(PAGE), Bytes(b"GET / HTTP/1.1\r\n")]),
            Heard("request /page"),
            Accept,
            Waits(0),
            Respond(200),
            Took("200 and 7 bytes"),
            Is(EndWriting),
            Says(&[Bytes(PAGE)]),
            Ends,
            Is(Drop),
        ],
    ),
    (
        "a page in parts",
        &[
            Says(&[Bytes(PAGE)]),
            Heard("request /page"),
            RespondBody(1),
            RespondEnd,
            Stalls,
            RespondHead,
            RespondHead,
            Waits(115),
            RespondBody(3_000),
            RespondBody(5),
            Waits(3_120),
            Is(Keep),
            Accept,
            Respond(500),
            Waits(3_120),
            Says(&[Bytes(PAGE)]),
            RespondEnd,
            RespondBody(1),
            Is(Keep),
            Flows,
            Took("200 and 3005 bytes"),
            Is(EndWriting),
        ],
    ),
    (
        "an answer without a body",
        &[
            Says(&[Bytes(PAGE)]),
            Heard("request /page"),
            RespondHead,
            Took("200 and 0 bytes"),
            Is(Keep),
            RespondEnd,
            Is(EndWriting),
        ],
    ),
    // A connection may be refused before any head, as when the server is full.
    ("no request yet", &[Respond(503), Took("503 and 7 bytes"), Is(EndWriting), Reads]),
    ("no answer without a request", &[RespondHead, RespondBody(5), RespondEnd, Waits(0)]),
];

/// Requests, the status that refuses them, and a line of the answer.
const REFUSALS: &[(&str, u16, &str)] = &[
    ("GET / HTTP/2.0\r\n", 505, "HTTP/1.1 505 HTTP Version Not Supported\r\n"),
    ("GET / HTTP/1.1\r\n\r\n", 400, "\r\nthe Host header is missing\n"),
    ("GET / HTTP/1.1\r\nHost : h\r\n", 400, "\r\na blank between a header name and its colon\n"),
    ("POST / HTTP/1.1\r\nHost: h\r\n\r\n", 405, "\r\nAllow: GET, HEAD, OPTIONS\r\n"),
    (
        "POST / HTTP/1.1\r\nHost: h\r\n\r\n",
        405,
        "\r\n\r\nthe method is POST, allowed is GET, HEAD, OPTIONS\n",
    ),
    // RFC 9110, 15.5.6: by its method, whatever content it has.
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n", 405, "the method is POST"),
    ("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 405, "the method is PUT"),
    ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n", 400, "Content-Length is not"),
    ("get / HTTP/1.1\r\nHost: h\r\n\r\n", 405, "\r\nAllow: GET, HEAD, OPTIONS\r\n"),
    (
        "GET / HTTP/1.1\r\nHost: h\r\nSec-WebSocket-Key: a\r\n\r\n",
        400,
        "no Upgrade header says websocket; a proxy has to pass it on; found no Upgrade\n",
    ),
    ("GET / HTTP/1.0\r\nSec-WebSocket-Key: a\r\n\r\n", 426, "a handshake needs HTTP/1.1"),
    ("GET / HTTP/1.0\r\nSec-WebSocket-Key: a\r\n\r\n", 426, "\r\nUpgrade: websocket\r\n"),
    (
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nUpgrade: websocket\r\n\r\n",
        400,
        "does not say Upgrade; found Connection: \"close\"\n",
    ),
    (OLD, 426, "\r\nSec-WebSocket-Version: 13\r\n"),
    (OLD, 426, "\r\nUpgrade: websocket\r\n"),
    (OLD, 426, "must be 13; found Sec-WebSocket-Version: \"8\"\n"),
    (OLD, 426, "\r\nConnection: close, Upgrade\r\n"),
];

const OLD: &str = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n";

#[test]
fn scripts() {
    play_all(&Limits::SERVER, SCRIPTS);
}

/// Each refusal is the same in every cutting, and comes once, whatever follows it.
#[test]
fn refusals() {
    for (request, status, line) in REFUSALS {
        let input = [request.as_bytes(), b"and more\r\n\r\n"].concat();
        for pieces in cuttings(input.len()) {
            let mut talk = Talk::new(Limits::SERVER);
            let mut rest = &input[..];
            for piece in &pieces {
                let (now, later) = rest.split_at(*piece);
                rest = later;
                talk.receive(now);
            }
            talk.take_all();
            assert_eq!(talk.heard, [format!("refused {status}")], "{request:?} in {pieces:?}");
            let answer = String::from_utf8_lossy(&talk.taken);
            assert!(answer.contains(line), "{answer:?} to {request:?}");
            assert!(answer.contains("\r\nConnection: close"), "{answer:?} to {request:?}");
            assert_eq!(talk.session.next(), EndWriting);
        }
    }
}

/// RFC 9110, 9.3.2: the answer to a HEAD has no body, also where it is a refusal, and the head
/// that a GET would get.
#[test]
fn the_answer_to_a_head_is_that_to_a_get_without_content() {
    let answer = |request: &str, heard: &str, answers: fn(&mut Talk)| {
        let mut talk = Talk::new(Limits::SERVER);
        talk.receive(request.as_bytes());
        assert_eq!(talk.heard, [heard], "{request:?}");
        answers(&mut talk);
        talk.take_all();
        assert_eq!(talk.session.next(), EndWriting, "{request:?}");
        String::from_utf8(core::mem::take(&mut talk.taken)).expect("it is text")
    };
    let page: fn(&mut Talk) = |talk| {
        let page = Response::text(Status::OK, "a page");
        talk.session.respond(&page, &DateField::default(), talk.now);
    };
    let parts: fn(&mut Talk) = |talk| {
        let head = Response::empty(Status::OK).with_content_of(4);
        talk.session.respond_head(&head, &DateField::default(), talk.now);
        talk.session.respond_body(b"body".to_vec(), talk.now);
        talk.session.respond_end(talk.now);
    };
    type Row = (&'static str, &'static str, fn(&mut Talk));
    let rows: [Row; 5] = [
        (" /x HTTP/1.1\r\nHost: h\r\n\r\n", "request /x", page),
        (" /x HTTP/1.1\r\nHost: h\r\n\r\n", "request /x", parts),
        (" / HTTP/1.1\r\n\r\n", "refused 400", |_| {}),
        (" / HTTP/1.1\r\nHost : h\r\n", "refused 400", |_| {}),
        (" / HTTP/3.0\r\n", "refused 505", |_| {}),
    ];
    for (request, heard, answers) in rows {
        let get = answer(&format!("GET{request}"), heard, answers);
        let head = answer(&format!("HEAD{request}"), heard, answers);
        let (get_head, body) = get.split_once("\r\n\r\n").expect("the head ends");
        assert!(!body.is_empty(), "{get}");
        assert_eq!(head, format!("{get_head}\r\n\r\n"), "{request:?}");
    }
}

/// RFC 6455, 4.1 (2): a handshake is a GET, and the Upgrade of another method is ignored.
#[test]
fn only_a_get_is_a_handshake() {
    for method in ["HEAD", "OPTIONS"] {
        let mut talk = Talk::new(Limits::SERVER);
        let request = core::str::from_utf8(UPGRADE).expect("it is text");
        talk.receive(request.replacen("GET", method, 1).as_bytes());
        assert_eq!(talk.heard, ["request /chat"]);
        assert!(talk.session.upgrade().is_none(), "{method}");
    }
}

/// An answer has one Date, before its own headers.
#[test]
fn answers_have_the_date_of_their_stamp() {
    let mut talk = Talk::new(Limits::SERVER);
    talk.receive(PAGE);
    talk.session.respond(&Response::text(Status::OK, "x"), &DateField::at(784_111_777), talk.now);
    talk.take_all();
    let answer = String::from_utf8_lossy(&talk.taken);
    let begin = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/";
    assert!(answer.starts_with(begin), "{answer}");
}

/// A word for each phase: whether it has an upgrade to decide, whether messages can be sent,
/// whether it is answered, whether a body is awaited.
#[test]
fn what_is_known_of_a_session() {
    let tell = |session: &Session| {
        let upgrade = session.upgrade().is_some();
        (upgrade, session.is_open(), session.is_answered(), session.is_responding())
    };
    let mut talk = Talk::new(Limits::SERVER);
    assert_eq!(tell(&talk.session), (false, false, false, false), "connecting");
    talk.receive(UPGRADE);
    assert_eq!(tell(&talk.session), (true, false, false, false), "waiting");
    talk.accept();
    assert_eq!(tell(&talk.session), (false, true, false, false), "open");
    talk.receive(&frame(CLOSE, b""));
    assert_eq!(tell(&talk.session), (false, false, false, false), "settling");

    let mut talk = Talk::new(Limits::SERVER);
    talk.receive(PAGE);
    assert_eq!(tell(&talk.session), (false, false, false, false), "waiting for a page");
    talk.session.respond_head(&Response::empty(Status::OK), &DateField::default(), talk.now);
    assert_eq!(tell(&talk.session), (false, false, true, true), "responding");
    talk.session.respond_end(talk.now);
    assert_eq!(tell(&talk.session), (false, false, true, false), "lingering");
}

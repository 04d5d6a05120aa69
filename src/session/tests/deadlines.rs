//! Deadlines of requests and of silence, in a time of their own: each comes when it is due and
//! not before, and what must not put it off does not.

use crate::limits::Limits;
use crate::session::Next::{Drop, EndWriting, Keep};
use crate::session::tests::Peer::{Bytes, Frame};
use crate::session::tests::script::Step::{self, *};
use crate::session::tests::script::{play, play_all};
use crate::session::tests::{CLOSE, PAGE, PING, PONG, TEXT, TEXT_BEGINS, UPGRADE};
use crate::session::{NO_REQUEST, Session, SessionEvent};
use crate::time::Time;

/// A name, and the steps.
type Script = (&'static str, &'static [Step]);

const HANDSHAKE: &[Script] = &[
    (
        "no byte comes",
        &[
            Due(10_000),
            Pass(9_999),
            Is(Keep),
            Pass(1),
            // Without a request there is no answer.
            Heard("gone: no request was sent"),
            Waits(0),
            Is(Drop),
            NeverDue,
        ],
    ),
    (
        "the time for a head is counted in total, and not from its last byte",
        &[
            Says(&[Bytes(b"GET / HT")]),
            Pass(5_000),
            Says(&[Bytes(b"TP/1.1\r\n")]),
            Due(5_000),
            Pass(4_999),
            Says(&[Bytes(b"Host: h")]),
            Due(1),
            Pass(1),
            Heard("refused 408"),
            Took("408 and 53 bytes"),
            // What comes too late is dropped, and keeps nothing going.
            Says(&[Bytes(b"\r\n\r\n")]),
            Is(EndWriting),
            Due(5_000),
            Pass(4_999),
            Is(EndWriting),
            Pass(1),
            Heard("late: the peer does not close (close-timeout)"),
            Is(Drop),
            NeverDue,
        ],
    ),
    (
        "the hub does not decide",
        &[
            Pass(9_000),
            Says(&[Bytes(UPGRADE)]),
            Heard("request /chat"),
            Due(10_000),
            Pass(5_000),
            Says(&[Frame(TEXT, b"early")]),
            Due(5_000),
            Pass(5_000),
            Heard("undecided"),
            // It is asked again, but not at once.
            Due(10_000),
            Pass(10_000),
            Heard("undecided"),
            Respond(503),
            Took("503 and 7 bytes"),
            Due(5_000),
        ],
    ),
    (
        "a page is waited for like a service",
        &[
            Says(&[Bytes(PAGE)]),
            Heard("request /page"),
            Due(10_000),
            Pass(10_000),
            Heard("undecided"),
        ],
    ),
];

const SILENCE: &[Script] = &[
    (
        "a ping, and no answer",
        &[
            Opens,
            Due(25_000),
            Pass(24_999),
            Pass(1),
            Took("ping ping"),
            Due(20_000),
            Pass(19_999),
            Is(Keep),
            Pass(1),
            Heard("closed 1006 no answer to a ping"),
            Is(Drop),
            NeverDue,
        ],
    ),
    (
        "a pong",
        &[
            Opens,
            Pass(25_000),
            Took("ping ping"),
            Pass(19_999),
            Says(&[Frame(PONG, b"")]),
            Due(25_000),
        ],
    ),
    (
        "silence counts from the acceptance",
        &[
            Pass(9_000),
            Says(&[Bytes(UPGRADE)]),
            Heard("request /chat"),
            Pass(9_000),
            Accept,
            Took("101"),
            Due(25_000),
        ],
    ),
    (
        "any byte is a sign of life",
        &[
            Opens,
            Pass(20_000),
            Says(&[Bytes(b"\x82")]),
            Due(25_000),
            Pass(25_000),
            Took("ping ping"),
            Pass(10_000),
            Says(&[Bytes(b"\xFE")]),
            Due(25_000),
            Pass(25_000),
            Took("ping ping"),
            Due(20_000),
        ],
    ),
    (
        "messages and pings of the peer",
        &[
            Opens,
            Pass(20_000),
            Says(&[Frame(TEXT, b"a")]),
            Heard("text a"),
            Due(25_000),
            Pass(20_000),
            Says(&[Frame(PING, b"b")]),
            Took("pong b"),
            Due(25_000),
        ],
    ),
    (
        "what is sent and taken at once is no sign of life: it may sit in a buffer on the way",
        &[
            Opens,
            Pass(20_000),
            Send("a"),
            Took("text a"),
            Due(5_000),
            Pass(5_000),
            Took("ping ping"),
        ],
    ),
    (
        "nor is it an answer to a ping",
        &[
            Opens,
            Pass(25_000),
            Took("ping ping"),
            Pass(15_000),
            Send("a"),
            Took("text a"),
            Due(5_000),
            Pass(5_000),
            Heard("closed 1006 no answer to a ping"),
        ],
    ),
    (
        "one ping after the other",
        &[
            Opens,
            Pass(25_000),
            Took("ping ping"),
            Says(&[Frame(PONG, b"")]),
            Pass(25_000),
            Took("ping ping"),
            Says(&[Frame(PONG, b"")]),
            Pass(25_000),
            Took("ping ping"),
        ],
    ),
];

/// Pausing never looks like death.
const PAUSES: &[Script] = &[
    (
        "a pause before the ping",
        &[
            Opens,
            Pass(24_999),
            Reads,
            Pause,
            ReadsNot,
            NeverDue,
            Pass(1_000_000),
            Resume,
            Reads,
            Due(25_000),
            Pass(25_000),
            Took("ping ping"),
        ],
    ),
    (
        "a pause before the answer",
        &[
            Opens,
            Pass(25_000),
            Took("ping ping"),
            Pass(19_999),
            Pause,
            NeverDue,
            Pass(1_000_000),
            Resume,
            Due(25_000),
        ],
    ),
    (
        "a pause does not excuse the peer from reading",
        &[
            Opens,
            Pause,
            Stalls,
            Send("a"),
            Due(30_000),
            Pass(30_000),
            Heard("closed 1006 the peer reads too slowly (write-timeout)"),
            Is(Drop),
        ],
    ),
    (
        "a pause while the peer has to answer our close frame",
        &[
            Opens,
            Pause,
            Close(1000, ""),
            Took("close 1000"),
            NeverDue,
            Pass(1_000_000),
            Resume,
            Due(5_000),
            Pass(5_000),
            Heard("closed 1006 the peer does not close (close-timeout) (closing with 1000)"),
        ],
    ),
    (
        "pauses again and again while the peer has to answer our close frame",
        &[
            Opens,
            Close(1000, ""),
            Took("close 1000"),
            Pass(2_000),
            Pause,
            Pass(60_000),
            Resume,
            Due(3_000),
            Pass(2_000),
            Pause,
            NeverDue,
            Pass(60_000),
            Resume,
            Due(1_000),
            Pass(1_000),
            Heard("closed 1006 the peer does not close (close-timeout) (closing with 1000)"),
        ],
    ),
    (
        "a pause while our close frame has not left",
        &[Opens, Pause, Stalls, Close(1000, ""), Due(30_000), Flows, Took("close 1000")],
    ),
];

const IDLE: &[Script] = &[
    (
        "messages count, either way, and nothing else does",
        &[
            Opens,
            Due(10_000),
            Pass(6_000),
            Says(&[Frame(TEXT, b"a")]),
            Heard("text a"),
            Due(10_000),
            Pass(6_000),
            Send("b"),
            Took("text b"),
            Due(10_000),
            Pass(3_000),
            SendZerosToMany(1),
            Took("binary [00]"),
            Due(10_000),
            Pass(6_000),
            Says(&[Frame(PING, b"c"), Frame(PONG, b""), Frame(TEXT_BEGINS, b"d")]),
            Took("pong c"),
            Due(4_000),
            Pass(4_000),
            Took("close 1001 idle for too long"),
            Is(Keep),
            Due(5_000),
            Says(&[Frame(CLOSE, b"\x03\xE9")]),
            Heard("closed 1001 idle for too long"),
            Is(Drop),
        ],
    ),
    (
        "idleness counts from the acceptance",
        &[
            Pass(9_000),
            Says(&[Bytes(UPGRADE)]),
            Heard("request /chat"),
            Pass(9_000),
            Accept,
            Took("101"),
            Due(10_000),
        ],
    ),
    ("a pause", &[Opens, Pass(9_999), Pause, NeverDue, Pass(100_000), Resume, Due(10_000)]),
];

const PONGS: &[Step] = &[
    Opens,
    Due(25_000),
    Pass(25_000),
    Took("ping ping"),
    Says(&[Frame(PONG, b"")]),
    Due(25_000),
    Pass(25_000),
    Took("ping ping"),
    Due(10_000),
    Says(&[Frame(PONG, b"")]),
    Due(10_000),
    Pass(10_000),
    Took("close 1001 idle for too long"),
];

#[test]
fn before_the_conversation() {
    play_all(&Limits::SERVER, HANDSHAKE);
}

#[test]
fn silence() {
    play_all(&Limits::SERVER, SILENCE);
}

#[test]
fn pauses() {
    play_all(&Limits::SERVER, PAUSES);
}

#[test]
fn idleness() {
    play_all(&Limits { idle_ms_max: 10_000, ..Limits::SERVER }, IDLE);
}

/// The earlier of two deadlines comes first, whichever it is.
#[test]
fn idleness_beside_pings() {
    play("pongs are no messages", &Limits { idle_ms_max: 60_000, ..Limits::SERVER }, PONGS);
}

/// A limit that is off never comes, not even in a very long time.
#[test]
fn limits_that_are_off() {
    let off = Limits::OFF_MS;
    let limits = Limits { ping_interval_ms: off, idle_ms_max: off, ..Limits::SERVER };
    play("no pings", &limits, &[Opens, Pass(1 << 50), Is(Keep)]);
    let limits = Limits { pong_ms_max: off, ..Limits::SERVER };
    play("pings without answers", &limits, &[Opens, Pass(1 << 50), Took("ping ping"), Is(Keep)]);
    let limits = Limits { write_ms_max: off, ..Limits::SERVER };
    play("no hurry", &limits, &[Opens, Stalls, Send("a"), Pass(1 << 50), Is(Keep), Waits(3)]);
}

/// A request begins with its first byte.
#[test]
fn a_read_of_nothing_begins_no_request() {
    let now = Time::from_ms(1_000_000);
    let mut session = Session::new(now);
    assert!(matches!(session.receive(&mut [], &Limits::SERVER, now), (0, None)));
    assert!(matches!(session.end(), Some(SessionEvent::Gone(NO_REQUEST))));
}

//! The end of conversations: which side closes, which answers, what is still sent; and what the end
//! of input, or the loss of the connection, means in each phase.

use crate::limits::Limits;
use crate::session::Next::{Drop, EndWriting, Keep};
use crate::session::tests::Peer::{Bytes, Frame};
use crate::session::tests::script::Step::{self, *};
use crate::session::tests::script::{play, play_all};
use crate::session::tests::{CLOSE, PAGE, PING, TEXT, TEXT_BEGINS, UPGRADE};

type Script = (&'static str, &'static [Step]);

const PEER_CLOSES: &[Script] = &[
    (
        "our close frame waits for the service, whose answers go out before it",
        &[
            Opens,
            Says(&[Frame(TEXT, b"a"), Frame(PING, b"b"), Frame(CLOSE, b"\x03\xE8bye")]),
            Heard("text a"),
            Heard("closed 1000 bye"),
            Took("pong b"),
            Is(Keep),
            Send("c"),
            Took("text c"),
            SendZerosToMany(2),
            Took("binary [00, 00]"),
            Is(Keep),
            Settle,
            Took("close 1000 bye"),
            Is(Drop),
            // Behind our close frame nothing is sent.
            Send("d"),
            SendZerosToMany(1),
            Settle,
            Close(1001, ""),
            Waits(0),
            Is(Drop),
        ],
    ),
    (
        "a peer that does not read yet",
        &[
            Opens,
            Stalls,
            Says(&[Frame(CLOSE, b"\x03\xE8")]),
            Heard("closed 1000"),
            Send("a"),
            Settle,
            Is(Keep),
            Waits(7),
            Takes(6),
            Took("text a"),
            Is(Keep),
            Takes(1),
            Took("close 1000"),
            Is(Drop),
        ],
    ),
    (
        "the service closes what the peer has closed",
        &[
            Opens,
            Says(&[Frame(CLOSE, b"\x03\xE8")]),
            Heard("closed 1000"),
            Close(4000, "mine"),
            Is(Keep),
            Settle,
            Took("close 1000"),
        ],
    ),
    (
        "what comes behind a close frame is dropped in every phase",
        &[
            Opens,
            Says(&[Frame(CLOSE, b"")]),
            Heard("closed 1005"),
            Says(&[Frame(TEXT, b"a"), Frame(PING, b""), Frame(CLOSE, b"\x03\xE9")]),
            Stalls,
            Settle,
            Says(&[Frame(TEXT, b"a"), Bytes(b"\xFF")]),
            Flows,
            Took("close"),
            Is(Drop),
        ],
    ),
    (
        "a fault: our half ends, and the peer's is waited for",
        &[
            Opens,
            Says(&[Frame(TEXT, b"a"), Bytes(b"\x83")]),
            Heard("text a"),
            Heard("closed 1002 reserved opcode (RFC 6455, 5.2)"),
            Send("b"),
            Took("text b"),
            Is(Keep),
            Reads,
            Settle,
            Took("close 1002 reserved opcode (RFC 6455, 5.2)"),
            Is(EndWriting),
            Reads,
            Says(&[Frame(TEXT, b"a"), Frame(PING, b""), Frame(CLOSE, b"\x03\xE9")]),
            Is(EndWriting),
            Ends,
            Is(Drop),
        ],
    ),
];

const SERVICE_CLOSES: &[Script] = &[
    (
        "messages still come until the peer answers; pings are not answered",
        &[
            Opens,
            Close(1000, "bye"),
            Took("close 1000 bye"),
            Is(Keep),
            Reads,
            Says(&[Frame(TEXT, b"a"), Frame(PING, b"b"), Frame(TEXT_BEGINS, b"c")]),
            Heard("text a"),
            Send("d"),
            SendZerosToMany(1),
            Waits(0),
            Says(&[Frame(0x80, b"e")]),
            Heard("text ce"),
            Says(&[Frame(CLOSE, b"\x03\xE8thanks"), Frame(TEXT, b"f")]),
            Heard("closed 1000 bye"),
            // Both close frames were sent: the server ends the connection.
            Is(Drop),
        ],
    ),
    ("twice", &[Opens, Close(1000, "a"), Took("close 1000 a"), Close(1001, "b"), Settle, Waits(0)]),
    ("without a code", &[Opens, Close(0, "lost"), Took("close"), Is(Keep), Due(5_000)]),
    (
        "behind what is still to be read",
        &[
            Opens,
            Stalls,
            Send("a"),
            Close(1000, ""),
            Is(Keep),
            Says(&[Frame(CLOSE, b"\x03\xE8")]),
            Heard("closed 1000"),
            Is(Keep),
            Flows,
            Took("text a"),
            Took("close 1000"),
            Is(Drop),
        ],
    ),
    (
        "the peer answers with another code: the first one counts",
        &[
            Opens,
            Close(4001, "enough"),
            Took("close 4001 enough"),
            Says(&[Frame(CLOSE, b"\x03\xE8all is well")]),
            Heard("closed 4001 enough"),
            Is(Drop),
        ],
    ),
    (
        "the peer answers without a code",
        &[
            Opens,
            Close(1011, ""),
            Took("close 1011"),
            Says(&[Frame(CLOSE, b"")]),
            Heard("closed 1011"),
            Is(Drop),
        ],
    ),
    (
        "and the peer breaks a rule: there is no second close frame",
        &[
            Opens,
            Close(1000, ""),
            Took("close 1000"),
            Says(&[Frame(TEXT, b"\xFF"), Frame(TEXT, b"a")]),
            Heard("closed 1000"),
            Waits(0),
            Is(EndWriting),
            Due(5_000),
            Ends,
            Is(Drop),
        ],
    ),
    ("before the request", &[Close(1000, ""), Settle, Send("a"), Waits(0), Due(10_000)]),
    (
        "before it has accepted",
        &[
            Says(&[Bytes(UPGRADE)]),
            Heard("request /chat"),
            Close(1000, ""),
            Settle,
            Send("a"),
            Waits(0),
            Accept,
            Took("101"),
            Reads,
        ],
    ),
    ("settling without need", &[Opens, Settle, Waits(0), Is(Keep), Send("a"), Took("text a")]),
];

/// A way into a phase, and what follows from the end of input and from a loss there.
type Phase = (&'static str, &'static [Step], &'static [Step], &'static [Step]);

const NO_CLOSE: &str = "closed 1006 the peer ended the connection without a close frame";
const NO_ANSWER: &str =
    "closed 1006 the peer ended the connection without a close frame (closing with 1000)";
const GONE: &str = "gone: the peer left before it was answered";

const PHASES: &[Phase] = &[
    (
        "connecting",
        &[Says(&[Bytes(b"GET / HTTP")])],
        &[Heard(GONE), Is(Drop), NeverDue],
        &[Heard("gone: reset"), Is(Drop), NeverDue],
    ),
    (
        "waiting for a service",
        &[Says(&[Bytes(UPGRADE)]), Heard("request /chat")],
        &[Heard(GONE), Is(Drop), Accept, Waits(0), NeverDue],
        &[Heard("gone: reset"), Is(Drop), Accept, Waits(0), NeverDue],
    ),
    (
        "waiting for a page",
        &[Says(&[Bytes(PAGE)]), Heard("request /page")],
        &[Is(Keep), Respond(200), Took("200 and 7 bytes"), Is(Drop)],
        &[Heard("gone: reset"), Is(Drop), Respond(200), Waits(0)],
    ),
    (
        "the body is coming",
        &[Says(&[Bytes(PAGE)]), Heard("request /page"), RespondHead, Took("200 and 0 bytes")],
        &[Is(Keep), RespondEnd, Is(Drop)],
        &[Is(Drop), RespondBody(5), RespondEnd, Waits(0), Is(Drop)],
    ),
    (
        "a refusal is not read yet",
        &[Stalls, Says(&[Bytes(b" ")]), Heard("refused 400")],
        &[Is(Keep), Flows, Took("400 and 48 bytes"), Is(Drop)],
        &[Is(Drop), Waits(0)],
    ),
    (
        "open",
        &[Opens, Says(&[Frame(TEXT_BEGINS, b"a")])],
        &[Heard(NO_CLOSE), Is(Drop), Send("a"), Waits(0), NeverDue],
        &[Heard("closed 1006 reset"), Is(Drop), Send("a"), Waits(0), NeverDue],
    ),
    (
        "open, with more to read",
        &[Opens, Stalls, Send("a")],
        &[Heard(NO_CLOSE), Is(Drop), Waits(0), NeverDue],
        &[Heard("closed 1006 reset"), Is(Drop), Waits(0), NeverDue],
    ),
    (
        "closing",
        &[Opens, Close(1000, ""), Took("close 1000")],
        &[Heard(NO_ANSWER), Is(Drop), NeverDue],
        &[Heard("closed 1006 reset (closing with 1000)"), Is(Drop), NeverDue],
    ),
    (
        "settling after a close frame",
        &[Opens, Says(&[Frame(CLOSE, b"\x03\xE8")]), Heard("closed 1000")],
        &[Is(Keep), Send("a"), Took("text a"), Settle, Took("close 1000"), Is(Drop)],
        &[Is(Drop), Send("a"), Settle, Waits(0), NeverDue],
    ),
    (
        "settling after a fault",
        &[Opens, Says(&[Frame(CLOSE, b"a")]), Heard(CLOSE_OF_ONE_BYTE)],
        &[
            Is(Keep),
            Settle,
            Took("close 1002 close payload of one byte (RFC 6455, 5.5.1)"),
            Is(Drop),
        ],
        &[Is(Drop), Settle, Waits(0), NeverDue],
    ),
    (
        "flushing",
        &[Opens, Stalls, Says(&[Frame(CLOSE, b"\x03\xE8")]), Heard("closed 1000"), Settle],
        &[Is(Keep), Flows, Took("close 1000"), Is(Drop)],
        &[Is(Drop), Waits(0), NeverDue],
    ),
    (
        "lingering",
        &[
            Opens,
            Says(&[Frame(CLOSE, b"a")]),
            Heard(CLOSE_OF_ONE_BYTE),
            Settle,
            Took("close 1002 close payload of one byte (RFC 6455, 5.5.1)"),
        ],
        &[Is(Drop)],
        &[Is(Drop), NeverDue],
    ),
    (
        "finished",
        &[Opens, Lost, Heard("closed 1006 reset")],
        &[Is(Drop), NeverDue],
        &[Is(Drop), NeverDue],
    ),
];

const CLOSE_OF_ONE_BYTE: &str = "closed 1002 close payload of one byte (RFC 6455, 5.5.1)";

#[test]
fn the_peer_closes() {
    play_all(&Limits::SERVER, PEER_CLOSES);
}

#[test]
fn the_service_closes() {
    play_all(&Limits::SERVER, SERVICE_CLOSES);
}

#[test]
fn the_end_of_input_in_each_phase() {
    for (name, way, after, _) in PHASES {
        join_and_play(name, &[way, &[Ends], after]);
        // A second report of an end changes nothing.
        let (heard, then) = after.split_at(heard(after));
        join_and_play(name, &[way, &[Ends], heard, &[Ends], then]);
    }
}

#[test]
fn a_loss_in_each_phase() {
    for (name, way, _, after) in PHASES {
        join_and_play(name, &[way, &[Lost], after]);
        // Whatever the peer, the hub and the service still do, nothing happens.
        join_and_play(name, &[way, &[Lost], after, IN_VAIN]);
    }
}

const IN_VAIN: &[Step] = &[
    Lost,
    Ends,
    Says(&[Frame(TEXT, b"a"), Bytes(UPGRADE)]),
    Accept,
    Respond(200),
    Close(1000, ""),
    Pause,
    Resume,
    Pass(1 << 40),
    Waits(0),
    ReadsNot,
    Is(Drop),
];

fn join_and_play(name: &str, parts: &[&[Step]]) {
    play(name, &Limits::SERVER, &parts.concat());
}

/// How many steps say what was heard.
fn heard(steps: &[Step]) -> usize {
    steps.iter().take_while(|step| matches!(step, Heard(_))).count()
}

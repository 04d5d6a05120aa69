//! Deadlines of writes and of endings: a peer that does not read, a close frame without an answer,
//! a service that does not settle, a body that stops.

use crate::limits::Limits;
use crate::session::Next::{Drop, EndWriting, Keep};
use crate::session::tests::Peer::{Bytes, Frame};
use crate::session::tests::script::Step::{self, *};
use crate::session::tests::script::play_all;
use crate::session::tests::{CLOSE, PAGE, PING, TEXT};

/// A name, and the steps.
type Script = (&'static str, &'static [Step]);

const WRITING: &[Script] = &[
    (
        "the peer takes nothing",
        &[
            Opens,
            Stalls,
            Send("abc"),
            Due(30_000),
            Pass(20_000),
            // More to take is no progress, and neither is what the peer says.
            Send("def"),
            Says(&[Frame(TEXT, b"a")]),
            Heard("text a"),
            Due(10_000),
            Takes(0),
            Due(10_000),
            Pass(9_999),
            Is(Keep),
            Pass(1),
            Heard("closed 1006 the peer reads too slowly (write-timeout)"),
            Is(Drop),
            Waits(0),
            NeverDue,
        ],
    ),
    (
        "the peer takes a byte now and then",
        &[
            Opens,
            Stalls,
            Send("abc"),
            Pass(29_999),
            Takes(1),
            Due(30_000),
            Pass(29_999),
            Takes(1),
            Due(30_000),
            Pass(29_999),
            // The last of it: a peer that reads is alive.
            Takes(3),
            Took("text abc"),
            Due(25_000),
        ],
    ),
    (
        "the time counts from the first byte that waits",
        &[Opens, Pass(20_000), Stalls, Send("a"), Due(30_000)],
    ),
    (
        "a refusal that is not read",
        &[
            Stalls,
            Says(&[Bytes(b" ")]),
            Heard("refused 400"),
            Due(30_000),
            Pass(30_000),
            Heard("late: the peer reads too slowly (write-timeout)"),
            Is(Drop),
            Waits(0),
            NeverDue,
        ],
    ),
    (
        "a page that is not read",
        &[
            Stalls,
            Says(&[Bytes(PAGE)]),
            Heard("request /page"),
            RespondHead,
            Due(30_000),
            Pass(30_000),
            Heard("late: the peer reads too slowly (write-timeout)"),
            Is(Drop),
            NeverDue,
        ],
    ),
    (
        "a short answer is no message",
        &[
            Stalls,
            Says(&[Bytes(PAGE)]),
            Heard("request /page"),
            Respond(404),
            Pass(29_000),
            Takes(1),
            Due(1_000),
            Pass(1_000),
            Heard("late: the peer reads too slowly (write-timeout)"),
            Is(Drop),
            NeverDue,
        ],
    ),
    (
        "a member that takes anything has its time",
        &[
            Opens,
            Stalls,
            Send("abc"),
            Pass(29_000),
            Takes(1),
            Due(30_000),
            Pass(29_000),
            Takes(1),
            Due(30_000),
        ],
    ),
];

const ENDS: &[Script] = &[
    (
        "our close frame is not answered",
        &[
            Opens,
            Close(1000, "bye"),
            Took("close 1000 bye"),
            Due(5_000),
            Pass(4_999),
            Is(Keep),
            Pass(1),
            Heard("closed 1006 the peer does not close (close-timeout) (closing with 1000 bye)"),
            Is(Drop),
            NeverDue,
        ],
    ),
    (
        "a peer that goes on talking is not waited for any longer",
        &[
            Opens,
            Close(1000, "bye"),
            Took("close 1000 bye"),
            Pass(3_000),
            Says(&[Frame(TEXT, b"a"), Frame(PING, b"b")]),
            Heard("text a"),
            Due(2_000),
            Takes(0),
            Due(2_000),
            Pass(2_000),
            Heard("closed 1006 the peer does not close (close-timeout) (closing with 1000 bye)"),
        ],
    ),
    (
        "the time to answer counts from when our close frame could be read",
        &[
            Opens,
            Stalls,
            Send("abc"),
            Close(1000, ""),
            Pass(10_000),
            Due(20_000),
            Flows,
            Took("text abc"),
            Took("close 1000"),
            Due(5_000),
        ],
    ),
    (
        "a service that does not settle",
        &[
            Opens,
            Says(&[Frame(CLOSE, b"\x03\xE8")]),
            Heard("closed 1000"),
            Due(5_000),
            Pass(3_000),
            // A service that sends now and then is not waited for any longer.
            Send("a"),
            Took("text a"),
            SendZerosToMany(1),
            Took("binary [00]"),
            Due(2_000),
            Pass(1_999),
            Is(Keep),
            Pass(1),
            Took("close 1000"),
            Is(Drop),
        ],
    ),
    (
        "a peer that broke a rule, and its service does not settle",
        &[
            Opens,
            Says(&[Bytes(b"\x83")]),
            Heard("closed 1002 reserved opcode (RFC 6455, 5.2)"),
            Pass(5_000),
            Took("close 1002 reserved opcode (RFC 6455, 5.2)"),
            Is(EndWriting),
            Due(5_000),
            Pass(3_000),
            // What it still sends is dropped, and puts nothing off.
            Says(&[Frame(TEXT, b"a")]),
            Takes(0),
            Due(2_000),
            Pass(2_000),
            Heard("late: the peer does not close (close-timeout)"),
            Is(Drop),
            NeverDue,
        ],
    ),
    (
        "a service that does not settle, of a peer that does not read",
        &[
            Opens,
            Stalls,
            Send("a"),
            Says(&[Frame(CLOSE, b"\x03\xE8")]),
            Heard("closed 1000"),
            Due(5_000),
            Waits(3),
            Pass(5_000),
            Waits(7),
            Due(25_000),
            Pass(25_000),
            Heard("late: the peer reads too slowly (write-timeout)"),
            Is(Drop),
        ],
    ),
    (
        "a peer that closes and does not read",
        &[
            Opens,
            Stalls,
            Send("a"),
            Pass(28_000),
            Says(&[Frame(CLOSE, b"\x03\xE8")]),
            Heard("closed 1000"),
            Due(2_000),
            Pass(2_000),
            Heard("late: the peer reads too slowly (write-timeout)"),
            Is(Drop),
            Waits(0),
            NeverDue,
        ],
    ),
    (
        "an answer whose body stops",
        &[
            Says(&[Bytes(PAGE)]),
            Heard("request /page"),
            RespondHead,
            Took("200 and 0 bytes"),
            Due(10_000),
            Pass(10_000),
            Heard("late: the body did not come in time (admission-timeout)"),
            Is(Drop),
            NeverDue,
        ],
    ),
    (
        "an answer that goes on in time",
        &[
            Says(&[Bytes(PAGE)]),
            Heard("request /page"),
            RespondHead,
            Took("200 and 0 bytes"),
            Stalls,
            Pass(9_999),
            RespondBody(5),
            Due(30_000),
            Pass(5_000),
            Takes(5),
            Due(10_000),
            Pass(9_999),
            RespondEnd,
            Due(5_000),
            Pass(5_000),
            Heard("late: the peer does not close (close-timeout)"),
            Is(Drop),
        ],
    ),
];

#[test]
fn writing() {
    play_all(&Limits::SERVER, WRITING);
}

#[test]
fn the_end() {
    play_all(&Limits::SERVER, ENDS);
}

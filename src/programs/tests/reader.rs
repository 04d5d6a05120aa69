//! Line by line: the output of a program and its result.

use super::{MESSAGE_BYTES_MAX, hear, ready};
use crate::programs::{
    CommandResult, FatalError, LineError, LineErrorKind, LogLevel, ProgramCommand,
};
use crate::service::{Admission, Audience, AudienceError, SocketId, Verdict};
use crate::ws::tests::cuttings;
use crate::ws::{Close, CloseCode, Message, Response, Status};

/// The bytes behind `READY 1` give `expected`, however they are cut.
fn check(bytes: &[u8], expected: &[CommandResult]) {
    let bytes = [b"READY 1\n", bytes].concat();
    let expected: Vec<_> = [ready()].into_iter().chain(expected.iter().cloned()).collect();
    for pieces in cuttings(bytes.len()) {
        let shown = bytes.escape_ascii();
        assert_eq!(hear(&bytes, &pieces), expected, "{shown} in pieces of {pieces:?}");
    }
}

#[test]
fn audiences() {
    let rows: [(&str, Audience); 16] = [
        ("17", id(17).into()),
        ("017", id(17).into()),
        ("0", id(0).into()),
        ("18446744073709551615", id(u64::MAX).into()),
        ("17,18", vec![id(17), id(18)].into()),
        // Each once, in whatever order.
        ("18,17,18", vec![id(17), id(18)].into()),
        ("17,17", id(17).into()),
        ("17,18,!18", Audience::from(vec![id(17), id(18)]).but(id(18))),
        ("*", Audience::all()),
        ("*,!17", Audience::all().but(id(17))),
        ("@news", Audience::topic("news")),
        ("*,~17", Audience::all().slowing(id(17))),
        ("@news,!17,~18", Audience::topic("news").but(id(17)).slowing(id(18))),
        ("17,18,~17", Audience::from(vec![id(17), id(18)]).slowing(id(17))),
        ("@news,!17", Audience::topic("news").but(id(17))),
        ("@@+*!\u{e9}", Audience::topic("@+*!\u{e9}")),
    ];
    for (word, to) in rows {
        let message = Message::from("hello");
        let said = ProgramCommand::Send { to: to.clone(), message };
        check(format!("TEXT {word} +5\nhello\n").as_bytes(), &[CommandResult::Command(said)]);
        let close = Close::new(CloseCode::NORMAL, "");
        let said = ProgramCommand::Close { to, close };
        check(format!("CLOSE {word} 1000\n").as_bytes(), &[CommandResult::Command(said)]);
    }
}

fn no_id(word: &str) -> LineErrorKind {
    AudienceError::Id(word.to_owned()).into()
}

fn no_topic(word: &str) -> LineErrorKind {
    AudienceError::Topic(word.to_owned()).into()
}

#[test]
fn words_that_are_no_audience() {
    let long = "x".repeat(257);
    let rows = [
        ("x", no_id("x")),
        ("-1", no_id("-1")),
        ("1,", no_id("")),
        (",1", no_id("")),
        ("18446744073709551616", no_id("18446744073709551616")),
        ("000000000000000000001", no_id("000000000000000000001")),
        ("*,17", no_id("*")),
        ("17,*", no_id("*")),
        ("17,@news", no_id("@news")),
        ("!17", no_id("!17")),
        ("17,!18,!19", no_id("!18")),
        ("*,!*", no_id("*")),
        ("@", no_topic("")),
        ("@a,b", no_topic("a,b")),
        ("@a,@b", no_topic("a,@b")),
        ("@+a", no_topic("+a")),
        (&format!("@{long}"), no_topic(&long)),
    ];
    for (word, wrong) in rows {
        let mistake =
            CommandResult::LineError(LineError { verb: "BIN".to_owned(), id: None, kind: wrong });
        let bytes = format!("BIN {word} +5\nhello\nPAUSE 1\n");
        check(
            bytes.as_bytes(),
            &[mistake, CommandResult::Command(ProgramCommand::Pause { ids: vec![id(1)] })],
        );
    }
}

#[test]
fn lines() {
    let ids = || vec![id(17), id(18)];
    let topic = || "news".to_owned();
    let set = |key: &str, value: &str| ProgramCommand::Set {
        id: id(17),
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let refused =
        |response| ProgramCommand::Admit { id: id(17), verdict: Verdict::Refuse(response) };
    let to_one = |message: Message| ProgramCommand::Send { to: id(17).into(), message };
    let rows: [(&[u8], ProgramCommand); 25] = [
        (b"TEXT 17 +5\nhello\n", to_one("hello".into())),
        (b"TEXT 17 +0\n\n", to_one("".into())),
        (b"TEXT 17 +00000005\r\nhello\n", to_one("hello".into())),
        (b"  TEXT   17  +5 \nhello\n", to_one("hello".into())),
        (b"TEXT 17 +11\nTEXT 1 +1\n\n\n", to_one("TEXT 1 +1\n\n".into())),
        (b"TEXT 17 +2\n\xC3\xA9\n", to_one("\u{e9}".into())),
        (b"BIN 17 +2\n\xC3\n\n", to_one(vec![0xC3, b'\n'].into())),
        (b"CLOSE 17 4999 +3\nbye\n", closed("bye")),
        (b"CLOSE 17 4999 +0\n\n", closed("")),
        (b"CLOSE 17 4999\n", closed("")),
        (b"SUB 17,18 news\n", ProgramCommand::Subscribe { ids: ids(), topic: topic() }),
        (b"UNSUB 18,17 news\n", ProgramCommand::Unsubscribe { ids: ids(), topic: topic() }),
        (b"PAUSE 17,18\n", ProgramCommand::Pause { ids: ids() }),
        (b"RESUME 17,18\n", ProgramCommand::Resume { ids: ids() }),
        (b"SET 17 user=+5\n", set("user", "+5")),
        (b"SET 17 user=a=b\n", set("user", "a=b")),
        (b"SET 17 user=\n", set("user", "")),
        (b"SET 17 user +12\nAda Lovelace\n", set("user", "Ada Lovelace")),
        (
            b"LOG warn +3\na\xFFb\n",
            ProgramCommand::Log { level: LogLevel::Warn, text: "a\u{FFFD}b".into() },
        ),
        (b"ACCEPT 17\n", ProgramCommand::Admit { id: id(17), verdict: Verdict::Accept }),
        (
            b"ACCEPT 17 protocol=chat.v2\n",
            ProgramCommand::Admit {
                id: id(17),
                verdict: Verdict::AcceptProtocol("chat.v2".into()),
            },
        ),
        (b"REJECT 17 403\n", refused(Response::empty(Status::FORBIDDEN))),
        (b"REJECT 17 403 +3\n\nno\n", refused(plain("no"))),
        (b"REJECT 17 403 +9\nA: b\r\n\r\nx\n", refused(plain("x").header("A", "b"))),
        (
            b"REJECT 17 403 +34\ncontent-type:  a/b \nX-A: b: c\n\n{}\n\n",
            refused(
                Response::new(Status::FORBIDDEN, "a/b", b"{}\n".to_vec()).header("X-A", "b: c"),
            ),
        ),
    ];
    for (bytes, said) in rows {
        check(bytes, &[CommandResult::Command(said)]);
    }
}

#[test]
fn levels() {
    let rows = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];
    for (word, level) in rows {
        let said = ProgramCommand::Log { level, text: "x".to_owned() };
        check(format!("LOG {word} +1\nx\n").as_bytes(), &[CommandResult::Command(said)]);
    }
}

/// Each error costs only its own line: the lines behind it are read.
#[test]
fn mistakes() {
    let rows: [(&str, &[u8], LineErrorKind); 40] = [
        ("", b"\n", LineErrorKind::Empty),
        ("", b"  \r\n", LineErrorKind::Empty),
        ("", b"+3\nabc\n", LineErrorKind::Empty),
        ("SHOUT", b"SHOUT x +3\nabc\n", LineErrorKind::Verb),
        ("text", b"text x\n", LineErrorKind::Verb),
        ("PUB", b"PUB news +1\nx\n", LineErrorKind::Reserved("PUB")),
        ("HIST", b"HIST news 10 a\n", LineErrorKind::Reserved("HIST")),
        ("WHO", b"WHO news a\n", LineErrorKind::Reserved("WHO")),
        ("SUB", b"SUB 1,2 news since=a:1\n", LineErrorKind::Reserved("since=")),
        ("SUB", b"SUB 1,2 news since=a:1 at=1,2,3 +1\nx\n", LineErrorKind::Reserved("since=")),
        ("SUB", b"SUB 1,2 news sinc=a:1\n", LineErrorKind::Form("SUB id[,id...] topic")),
        ("READY", b"READY 1\n", LineErrorKind::Again),
        ("TEXT", b"TEXT +3\nabc\n", LineErrorKind::Form("TEXT ids +n")),
        ("TEXT", b"TEXT @a b +3\nabc\n", LineErrorKind::Form("TEXT ids +n")),
        ("TEXT", b"TEXT * +3\na\xFFb\n", LineErrorKind::Utf8(1)),
        ("TEXT", b"TEXT * +2\na\xC3\n", LineErrorKind::Utf8(1)),
        ("CLOSE", b"CLOSE *\n", LineErrorKind::Form("CLOSE ids code [+n]")),
        ("CLOSE", b"CLOSE * 1000 bye\n", LineErrorKind::Form("CLOSE ids code [+n]")),
        ("CLOSE", b"CLOSE * 1005\n", LineErrorKind::Code("1005".into())),
        ("CLOSE", b"CLOSE * 1006\n", LineErrorKind::Code("1006".into())),
        ("CLOSE", b"CLOSE * 1015 +1\nx\n", LineErrorKind::Code("1015".into())),
        ("CLOSE", b"CLOSE * 66536\n", LineErrorKind::Code("66536".into())),
        ("CLOSE", b"CLOSE * 1000 +1\n\xFF\n", LineErrorKind::Utf8(0)),
        ("SUB", b"SUB * news\n", no_id("*")),
        ("SUB", b"SUB @a b\n", no_id("@a")),
        ("SUB", b"SUB 1,2 a,b\n", no_topic("a,b")),
        ("SUB", b"SUB 1,2 a +1\nx\n", LineErrorKind::Form("SUB id[,id...] topic")),
        ("UNSUB", b"UNSUB 1,2 a b\n", LineErrorKind::Form("UNSUB id[,id...] topic")),
        ("PAUSE", b"PAUSE *\n", no_id("*")),
        ("RESUME", b"RESUME\n", LineErrorKind::Form("RESUME id[,id...]")),
        ("SET", b"SET x user=ida\n", no_id("x")),
        ("SET", b"SET @ a b=c\n", LineErrorKind::Form("SET id key=value, or SET id key +n")),
        ("SET", b"SET @ user\n", LineErrorKind::Form("SET id key=value, or SET id key +n")),
        ("SET", b"SET @ user=x +1\ny\n", LineErrorKind::Form("SET id key=value, or SET id key +n")),
        ("LOG", b"LOG loud +1\nx\n", LineErrorKind::Level("loud".into())),
        ("ACCEPT", b"ACCEPT\n", LineErrorKind::Form("ACCEPT id [protocol=NAME]")),
        ("REJECT", b"REJECT x 403\n", no_id("x")),
        ("REJECT", b"REJECT\n", LineErrorKind::Form("REJECT id status [+n]")),
        ("REJECT", b"REJECT x 403 +1\n\n\n", no_id("x")),
        ("PAUSE", b"PAUSE 1,x\n", no_id("x")),
    ];
    for (verb, bytes, wrong) in rows {
        let bytes = [bytes, b"RESUME 1\n"].concat();
        let mistake =
            CommandResult::LineError(LineError { verb: verb.to_owned(), id: None, kind: wrong });
        check(
            &bytes,
            &[mistake, CommandResult::Command(ProgramCommand::Resume { ids: vec![id(1)] })],
        );
    }
}

#[test]
fn mistakes_of_one_socket_name_it() {
    let header = |line: &str| LineErrorKind::Header(line.to_owned());
    let rows: [(&str, &[u8], LineErrorKind); 21] = [
        ("SHOUT", b"SHOUT 17 +3\nabc\n", LineErrorKind::Verb),
        ("TEXT", b"TEXT 17 +1\n\xFF\n", LineErrorKind::Utf8(0)),
        ("ACCEPT", b"ACCEPT 17 a b\n", LineErrorKind::Form("ACCEPT id [protocol=NAME]")),
        ("ACCEPT", b"ACCEPT 17 proto=a\n", LineErrorKind::Form("ACCEPT id [protocol=NAME]")),
        ("ACCEPT", b"ACCEPT 17 protocol=a,b\n", LineErrorKind::Protocol("a,b".into())),
        ("REJECT", b"REJECT 17 101\n", LineErrorKind::Status("101".into())),
        ("REJECT", b"REJECT 17 600 +1\n\n\n", LineErrorKind::Status("600".into())),
        ("REJECT", b"REJECT 17 403 +2\nno\n", header("no")),
        ("REJECT", b"REJECT 17 403 +5\nA: b\n\n", header("")),
        ("REJECT", b"REJECT 17 403 +7\nA b: c\n\n", header("A b: c")),
        ("REJECT", b"REJECT 17 403 +8\nA: b\x01c\n\n\n", header("A: b\u{1}c")),
        ("REJECT", b"REJECT 17 403 +15\nConnection: x\n\n\n", header("Connection: x")),
        ("SET", b"SET 17 User=x\n", LineErrorKind::Key("User".into())),
        ("SET", b"SET 17 peer=x\n", LineErrorKind::Key("peer".into())),
        ("SET", b"SET 17 service=x\n", LineErrorKind::Key("service".into())),
        ("SET", b"SET 17 time=x\n", LineErrorKind::Key("time".into())),
        ("SET", b"SET 17 level=x\n", LineErrorKind::Key("level".into())),
        ("SET", b"SET 17 target=x\n", LineErrorKind::Key("target".into())),
        ("SET", b"SET 17 message=x\n", LineErrorKind::Key("message".into())),
        ("SET", b"SET 17 user +3\na\tb\n", LineErrorKind::Value),
        ("SET", b"SET 17 user +1\n\xFF\n", LineErrorKind::Utf8(0)),
    ];
    for (verb, bytes, wrong) in rows {
        let bytes = [bytes, b"RESUME 1\n"].concat();
        let mistake = LineError { verb: verb.to_owned(), id: Some(id(17)), kind: wrong };
        let resumed = ProgramCommand::Resume { ids: vec![id(1)] };
        check(&bytes, &[CommandResult::LineError(mistake), CommandResult::Command(resumed)]);
    }
}

#[test]
fn bodies_up_to_their_limits() {
    let rows = [
        ("TEXT", "TEXT 17", MESSAGE_BYTES_MAX),
        ("BIN", "BIN 17", MESSAGE_BYTES_MAX),
        ("CLOSE", "CLOSE 17 1000", 123),
        ("REJECT", "REJECT 17 403", 65_536),
        ("SET", "SET 17 user", 256),
    ];
    for (verb, words, max) in rows {
        let line = |len| [format!("{words} +{len}\n").into_bytes(), vec![b'\n'; len + 1]].concat();
        let ready = [b"READY 1\n", &line(max)[..]].concat();
        let heard = hear(&ready, &[ready.len()]);
        let long = |wrong: &LineErrorKind| matches!(wrong, LineErrorKind::Long { .. });
        assert!(
            !matches!(&heard[1], CommandResult::LineError(m) if long(&m.kind)),
            "{words} +{max}"
        );

        let wrong = LineErrorKind::Long { found: max as u64 + 1, max };
        let mistake = LineError { verb: verb.to_owned(), id: Some(id(17)), kind: wrong };
        let resumed = CommandResult::Command(ProgramCommand::Resume { ids: vec![id(1)] });
        let bytes = [&line(max + 1)[..], b"RESUME 1\n"].concat();
        if max <= MESSAGE_BYTES_MAX {
            check(&bytes, &[CommandResult::LineError(mistake), resumed]);
        }
    }
    let key = "k".repeat(32);
    let value = "v".repeat(256);
    let said = ProgramCommand::Set { id: id(17), key: key.clone(), value: value.clone() };
    check(format!("SET 17 {key}={value}\n").as_bytes(), &[CommandResult::Command(said)]);
}

#[test]
fn faults() {
    let longest = "x".repeat(1024);
    let line = |line: &str| line.to_owned();
    let unended = |header: &str, found: &str| FatalError::Unended {
        line: header.to_owned(),
        found: found.to_owned(),
    };
    let long = format!("{longest}x\n");
    let rows: [(&[u8], FatalError); 15] = [
        (long.as_bytes(), FatalError::LongHeader { line: "x".repeat(200) }),
        (&long.as_bytes()[..1025], FatalError::LongHeader { line: "x".repeat(200) }),
        (b"a\tb\n", FatalError::Characters { line: line("a\\tb") }),
        (b"a\xFF\n", FatalError::Characters { line: line("a\\xff") }),
        (b"a\rb\n", FatalError::Characters { line: line("a\\rb") }),
        (b"TEXT 17 +\n", FatalError::Length { line: line("TEXT 17 +") }),
        (b"TEXT 17 +5x\n", FatalError::Length { line: line("TEXT 17 +5x") }),
        (b"TEXT 17 ++5\n", FatalError::Length { line: line("TEXT 17 ++5") }),
        (b"SUB 17 +12345678901\n", FatalError::Length { line: line("SUB 17 +12345678901") }),
        (b"TEXT 17 +4\nhello\n", unended("TEXT 17 +4", "o")),
        (b"SHOUT +4\nhello\n", unended("SHOUT +4", "o")),
        (b"TEXT 17 hello\n", FatalError::Uncounted { line: line("TEXT 17 hello") }),
        (b"LOG info\n", FatalError::Uncounted { line: line("LOG info") }),
        (b"TEXT 17 +5\nhell", FatalError::CutBody { line: line("TEXT 17 +5"), left: 1 }),
        (b"PAUSE 1", FatalError::CutHeader { line: line("PAUSE 1") }),
    ];
    for (bytes, fault) in rows {
        let bytes = [b"READY 1\n", bytes].concat();
        for pieces in cuttings(bytes.len()) {
            let heard = hear(&bytes, &pieces);
            assert_eq!(
                heard.last(),
                Some(&CommandResult::FatalError(fault.clone())),
                "{}",
                bytes.escape_ascii()
            );
        }
    }
    check(
        format!("{longest}\n").as_bytes(),
        &[CommandResult::LineError(LineError {
            verb: "x".repeat(32),
            id: None,
            kind: LineErrorKind::Verb,
        })],
    );
}

#[test]
fn first_lines() {
    let names = |names: &[&str]| Admission::Everyone {
        protocols: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let right = [
        ("READY 1", names(&[])),
        ("READY 1 admission=ask", Admission::Asked),
        ("READY 1 protocols=a,b.c", names(&["a", "b.c"])),
    ];
    for (line, admission) in right {
        let bytes = format!("{line}\n").into_bytes();
        assert_eq!(
            hear(&bytes, &[bytes.len()]),
            [CommandResult::Command(ProgramCommand::Ready(admission))]
        );
    }
    let wrong = [
        "READY",
        "READY 2",
        "READY 1 admission=no",
        "READY 1 protocols=",
        "READY 1 protocols=a admission=ask",
        "READY 1 x",
        "READY 1 +0",
    ];
    for line in wrong {
        let bytes = format!("{line}\nLOG info +1\nx\n").into_bytes();
        let fault = FatalError::Ready { line: line.to_owned() };
        assert_eq!(hear(&bytes, &[bytes.len()]), [CommandResult::FatalError(fault)]);
    }
    let heard = hear(b"Listening...\nREADY 1\n", &[21]);
    assert_eq!(
        heard,
        [CommandResult::FatalError(FatalError::NotReady { line: "Listening...".to_owned() })]
    );
}

/// The log says what was found and what is allowed.
#[test]
fn texts_tell_what_is_allowed() {
    let rows = [
        (no_id("x").to_string(), "\"x\" is not a socket id"),
        (LineErrorKind::Long { found: 9, max: 5 }.to_string(), "a body of 9 bytes, 5 are allowed"),
        (LineErrorKind::Key("peer".into()).to_string(), "none of socket, peer, path"),
        (
            FatalError::NotReady { line: "hi".into() }.to_string(),
            "prints nothing before its import",
        ),
    ];
    for (text, part) in rows {
        assert!(text.contains(part), "{text}");
    }
}

fn id(number: u64) -> SocketId {
    SocketId::from_u64(number)
}

fn closed(reason: &str) -> ProgramCommand {
    let code = CloseCode::new(4999).expect("it may be sent");
    ProgramCommand::Close { to: id(17).into(), close: Close::new(code, reason) }
}

fn plain(content: &str) -> Response {
    let media_type = "text/plain; charset=utf-8";
    Response::new(Status::FORBIDDEN, media_type, content.as_bytes().to_vec())
}

//! Counted lines are heard alike in any cutting, and as a reader of all of them at once, which
//! shares no code with ours, finds them. What is recorded of them is read again, and plain lines
//! hold in any cutting, too.

use switchboard::programs::{
    CommandReader, CommandResult, Direction, Entry, LineErrorKind, Lines, ProgramCommand, Recorder,
    Transcript,
};

use super::cutting::Cutting;

/// The first bytes cut the rest, which is what a program writes behind its READY.
pub fn check(data: &[u8]) {
    let Some((cutting, input)) = Cutting::split(data) else { return };
    let output = [READY, input].concat();
    let whole = hear([&output[..]].into_iter());
    assert_eq!(hear(cutting.pieces(&output)), whole, "in pieces");
    assert_eq!(hear(Cutting::BYTEWISE.pieces(&output)), whole, "byte by byte");
    compare(input, &whole[1..]);
    // Without the READY, too.
    assert_eq!(hear(cutting.pieces(input)), hear([input].into_iter()), "from the beginning");
    transcripts(input, cutting);
    let lines = read_lines([input].into_iter());
    assert_eq!(read_lines(cutting.pieces(input)), lines, "plain lines");
}

/// All that is heard of these pieces.
fn hear<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<CommandResult> {
    let mut reader = CommandReader::new(MESSAGE_BYTES_MAX);
    let mut heard = Vec::new();
    for mut piece in pieces {
        loop {
            let (used, item) = reader.receive(piece);
            piece = &piece[used..];
            let Some(item) = item else { break };
            heard.push(item);
        }
        assert!(piece.is_empty(), "what is not heard is taken");
    }
    heard.extend(reader.finish().err().map(CommandResult::FatalError));
    let faults = heard.iter().filter(|heard| matches!(heard, CommandResult::FatalError(_))).count();
    assert!(faults <= 1, "after a fault nothing is heard");
    heard
}

/// Each whole frame is one thing heard; what is not whole ends in a fault, before which the
/// mistake may have been heard that its header is.
fn compare(input: &[u8], heard: &[CommandResult]) {
    let mut heard = heard.iter();
    let mut rest = input;
    while !rest.is_empty() {
        let Some(frame) = Frame::split(&mut rest) else {
            let mut last = heard.next();
            if let Some(CommandResult::LineError(_)) = last {
                last = heard.next();
            }
            assert!(matches!(last, Some(CommandResult::FatalError(_))), "{last:?}");
            break;
        };
        let found = heard.next().expect("each frame is heard");
        if frame.body.is_none() && ["TEXT", "BIN", "LOG"].contains(&frame.verb()) {
            assert!(matches!(found, CommandResult::FatalError(_)), "without a length: {found:?}");
            break;
        }
        frame.compare(found);
    }
    assert_eq!(heard.next(), None, "nothing else is heard");
}

struct Frame<'a> {
    words: Vec<&'a str>,
    body: Option<&'a [u8]>,
}

impl<'a> Frame<'a> {
    /// The first frame of `rest`; `None` if it is not whole, or none.
    fn split(rest: &mut &'a [u8]) -> Option<Self> {
        let newline = rest.iter().position(|&byte| byte == b'\n').filter(|&at| at <= 1024)?;
        let (line, behind) = (&rest[..newline], &rest[newline + 1..]);
        let line = std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)).ok()?;
        if line.contains(char::is_control) {
            return None;
        }
        let mut words: Vec<_> = line.split(' ').filter(|word| !word.is_empty()).collect();
        let length = words.last().and_then(|word| word.strip_prefix('+'));
        let Some(digits) = length else {
            *rest = behind;
            return Some(Self { words, body: None });
        };
        let is_length = digits.len() <= 10 && digits.bytes().all(|digit| digit.is_ascii_digit());
        let length: usize = digits.parse().ok().filter(|_| is_length)?;
        words.pop();
        if behind.get(length) != Some(&b'\n') {
            return None;
        }
        *rest = &behind[length + 1..];
        Some(Self { words, body: Some(&behind[..length]) })
    }

    fn verb(&self) -> &'a str {
        self.words.first().copied().unwrap_or_default()
    }

    fn compare(&self, found: &CommandResult) {
        let body = self.body.unwrap_or_default();
        match (&self.words[..], found) {
            (_, CommandResult::FatalError(fault)) => panic!("a whole frame is a fault: {fault}"),
            ([], CommandResult::LineError(mistake)) => {
                assert_eq!(mistake.kind, LineErrorKind::Empty);
            }
            (["BIN", "*"], CommandResult::Command(said)) => {
                let ProgramCommand::Send { message, .. } = said else { panic!("{said:?}") };
                assert!(message.as_text().is_none() && message.as_bytes() == body);
            }
            (["TEXT", "*"], CommandResult::Command(said)) => {
                let ProgramCommand::Send { message, .. } = said else { panic!("{said:?}") };
                assert_eq!(message.as_text(), std::str::from_utf8(body).ok());
            }
            (["BIN" | "TEXT", "*"], CommandResult::LineError(mistake)) => {
                let is_text = self.words[0] == "BIN" || std::str::from_utf8(body).is_ok();
                assert!(body.len() > MESSAGE_BYTES_MAX || !is_text, "{mistake}");
            }
            ([verb, ..], _) if !VERBS.contains(verb) => {
                let expected = match *verb {
                    "PUB" => LineErrorKind::Reserved("PUB"),
                    "HIST" => LineErrorKind::Reserved("HIST"),
                    "WHO" => LineErrorKind::Reserved("WHO"),
                    _ => LineErrorKind::Verb,
                };
                assert!(
                    matches!(found, CommandResult::LineError(m) if m.kind == expected),
                    "{found:?}"
                );
            }
            ([verb, ..], CommandResult::LineError(mistake)) => {
                assert!(
                    mistake.kind != LineErrorKind::Verb && *verb == mistake.verb,
                    "{mistake:?}"
                );
            }
            ([], CommandResult::Command(said)) => panic!("nothing is heard as {said:?}"),
            (_, CommandResult::Command(_)) => {}
        }
    }
}

/// What is recorded is a transcript, whose bytes are recorded as the same. Any text that is a
/// transcript is written so that it is the same again.
fn transcripts(input: &[u8], cutting: Cutting) {
    let text = record([input].into_iter());
    assert_eq!(record(cutting.pieces(input)), text, "recorded in pieces");
    let entries = parse(&text).expect("what is recorded is a transcript");
    let encode = |entry: &Entry| entry.encode().expect("what is recorded has no gaps");
    let bytes: Vec<u8> = entries.iter().flat_map(encode).collect();
    assert_eq!(parse(&record([&bytes[..]].into_iter())).as_ref(), Some(&entries), "recorded again");
    if let Some(entries) = std::str::from_utf8(input).ok().and_then(parse) {
        let mut text = String::new();
        entries.iter().for_each(|entry| entry.write(&mut text));
        assert_eq!(parse(&text), Some(entries), "{text}");
    }
}

fn record<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> String {
    let (mut recorder, mut text) =
        (Recorder::new(Direction::Said, MESSAGE_BYTES_MAX), String::new());
    pieces.for_each(|piece| recorder.receive(piece, &mut text));
    text
}

fn parse(text: &str) -> Option<Vec<Entry>> {
    Some(Transcript::parse(text).ok()?.entries().to_vec())
}

/// The messages of plain lines, and what ends them.
fn read_lines<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let mut lines = Lines::new(LINE_BYTES_MAX);
    let mut found = Vec::new();
    for mut piece in pieces {
        loop {
            let (used, message) = lines.receive(piece);
            piece = &piece[used..];
            let Some(message) = message else { break };
            found.push(format!("{message:?}"));
        }
    }
    found.extend(lines.finish().map(|message| format!("{message:?}")));
    found
}

const READY: &[u8] = b"READY 1\n";
const MESSAGE_BYTES_MAX: usize = 300;
const LINE_BYTES_MAX: usize = 40;
const VERBS: [&str; 12] = [
    "READY", "ACCEPT", "REJECT", "TEXT", "BIN", "CLOSE", "SUB", "UNSUB", "PAUSE", "RESUME", "SET",
    "LOG",
];

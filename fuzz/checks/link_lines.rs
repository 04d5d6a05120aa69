//! Lines between a parent process and its children are read alike in any cutting, and as a reader
//! of all of them at once, which shares no code with ours, finds them. What a service shares is
//! what comes.

use switchboard::hub::SharedEvent;
use switchboard::prefork::{LinkLine, LinkReader, event_of, from_word, publication, to_word};
use switchboard::{Message, prefork};

use super::cutting::Cutting;

/// The first bytes cut the rest.
pub fn check(data: &[u8]) {
    let Some((cutting, input)) = Cutting::split(data) else { return };
    let whole = read([input].into_iter());
    assert_eq!(read(cutting.pieces(input)), whole, "in pieces");
    assert_eq!(read(Cutting::BYTEWISE.pieces(input)), whole, "byte by byte");
    assert_eq!(whole, expected(input));
    // So much is seldom tried.
    if cutting.numbers()[0] == u8::MAX {
        check_behind_much(cutting, input);
    }
    whole.0.iter().for_each(check_event);
    check_publication(cutting, input);
}

/// As many bytes before it as a line may have, or more.
fn check_behind_much(cutting: Cutting<'_>, input: &[u8]) {
    let len = cutting.numbers().iter().map(|number| usize::from(*number)).sum::<usize>();
    let long = [&b"x".repeat(len * WORDS_BYTES_MAX / 512), input].concat();
    assert_eq!(read(long.chunks(30_000)), expected(&long), "{} bytes", long.len());
}

/// The lines of these pieces, and whether a fault follows.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<LinkLine>, bool) {
    let (mut reader, mut lines) = (LinkReader::default(), Vec::new());
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.next_line() {
                Ok(Some(line)) => lines.push(line),
                Ok(None) => break,
                Err(prefork::LinkFault) => return (lines, true),
            }
        }
    }
    (lines, false)
}

/// The same of all bytes at once.
fn expected(mut rest: &[u8]) -> (Vec<LinkLine>, bool) {
    let mut lines = Vec::new();
    loop {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return (lines, rest.len() >= WORDS_BYTES_MAX);
        };
        let text = String::from_utf8(rest[..end].to_vec());
        let Some((words, len)) = text.ok().filter(|_| end < WORDS_BYTES_MAX).and_then(head) else {
            return (lines, true);
        };
        let behind = &rest[end + 1..];
        match behind.get(len) {
            None => return (lines, false),
            Some(b'\n') => {}
            Some(_) => return (lines, true),
        }
        lines.push(LinkLine { words, content: behind[..len].to_vec() });
        rest = &behind[len + 1..];
    }
}

/// The words before the content, and its length, which has no more than ten digits beside zeros.
fn head(text: String) -> Option<(Vec<String>, usize)> {
    let at = (0..text.len()).rev().find(|at| text.as_bytes()[*at..].starts_with(b" +"))?;
    let digits = text[at + 2..].strip_prefix('+').unwrap_or(&text[at + 2..]);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let digits = digits.trim_start_matches('0');
    let fits = is_number && digits.len() <= 10;
    let len =
        digits.bytes().filter(|_| fits).fold(0, |len, byte| len * 10 + u64::from(byte - b'0'));
    let words = text[..at].split(' ').map(str::to_owned).collect();
    let len = usize::try_from(len).ok().filter(|_| fits && len <= CONTENT_BYTES_MAX)?;
    Some((words, len))
}

/// What a line says is written as a line that says the same.
fn check_event(line: &LinkLine) {
    for word in &line.words {
        let text = from_word(word);
        let again = text.as_ref().map(|text| from_word(&to_word(text)));
        assert_eq!(again, text.map(Some));
    }
    let event = event_of(line.clone());
    let Some(SharedEvent::Message { service, topic, message }) = event else { return };
    assert_eq!(message.as_bytes(), line.content);
    check_shared(&service, topic.as_deref(), &message, Cutting::BYTEWISE);
}

/// Any message for any topic of any service comes as it was.
fn check_publication(cutting: Cutting<'_>, input: &[u8]) {
    let mut numbers = cutting.lengths();
    let mut part = |of: &mut &[u8]| {
        let len = numbers.next().unwrap_or_default().min(of.len());
        let (part, rest) = of.split_at(len);
        *of = rest;
        String::from_utf8_lossy(part).into_owned()
    };
    let mut rest = input;
    let (service, topic) = (part(&mut rest), part(&mut rest));
    let text = String::from_utf8_lossy(rest).into_owned();
    for topic in [None, Some(&*topic)] {
        check_shared(&service, topic, &Message::from(rest.to_vec()), cutting);
        check_shared(&service, topic, &Message::from(text.clone()), cutting);
    }
}

fn check_shared(service: &str, topic: Option<&str>, message: &Message, cutting: Cutting<'_>) {
    let bytes = publication(service, topic, message);
    let (mut lines, has_fault) = read(cutting.pieces(&bytes));
    assert!(!has_fault && lines.len() == 1, "{service:?} {topic:?}: {lines:?}");
    let event = lines.pop().and_then(event_of);
    let Some(SharedEvent::Message { service: found, topic: of, message: told }) = event else {
        panic!("{event:?}")
    };
    assert_eq!((&*found, of.as_deref(), &told), (service, topic, message));
}

const WORDS_BYTES_MAX: usize = 256 << 10;
const CONTENT_BYTES_MAX: u64 = (1 << 30) + (1 << 20);

//! A head comes to the same however it is cut; and what is made of one that was accepted, as
//! the hub would, is as right as its types promise.

use switchboard::Origin;
use switchboard::session::{Session, SessionEvent};
use switchboard::time::Time;
use switchboard::ws::{Head, HeadError, HeadReader, Status, Target, Upgrade};

use super::cutting::Cutting;
use super::head::{INPUT_BYTES_MAX, LIMITS};

/// A cutting, then a head and what follows it.
pub fn check(data: &[u8]) {
    let Some((cutting, bytes)) = Cutting::split(data) else { return };
    if bytes.len() > INPUT_BYTES_MAX {
        return;
    }
    let whole = read([bytes]);
    assert_eq!(tell(&read(cutting.pieces(bytes))), tell(&whole), "in pieces");
    assert_eq!(tell(&read(Cutting::BYTEWISE.pieces(bytes))), tell(&whole), "byte by byte");

    let mut session = Session::new(Time::ZERO);
    let (used, event) = session.receive(&mut bytes.to_vec(), &LIMITS, Time::ZERO);
    let Ok(whole) = whole else {
        let Err(error) = whole else { return };
        let Some(SessionEvent::Refused(refused)) = &event else {
            panic!("the session says of {error:?} that {event:?}");
        };
        let is_content = matches!(error, HeadError::ContentLength | HeadError::TransferEncoding);
        let expected = match is_content && !METHODS.contains(&refused.method.as_str()) {
            true => Status::METHOD_NOT_ALLOWED,
            false => error.status(),
        };
        assert_eq!(refused.response.status(), expected, "{error:?}");
        return;
    };
    assert_eq!(used, whole.0, "the session uses as much");
    let Some(head) = whole.1 else {
        assert!(event.is_none(), "it is not whole, and the session says {event:?}");
        return;
    };
    check_target(head.target());
    for origin in head.values("Origin") {
        check_origin(origin, head.header("Host").unwrap_or_default());
    }
    match (Upgrade::parse(&head), event) {
        (Err(error), Some(SessionEvent::Refused(refused))) if head.method() == "GET" => {
            assert_eq!(refused.response.status(), error.status());
        }
        (upgrade, Some(SessionEvent::Refused(refused))) => {
            let known = METHODS.contains(&head.method());
            assert!(!known, "{refused:?} in spite of {upgrade:?}");
            assert_eq!(refused.response.status().number(), 405);
        }
        (_, Some(SessionEvent::Request(_))) if head.method() != "GET" => {
            assert!(["HEAD", "OPTIONS"].contains(&head.method()), "{}", head.method());
            assert_eq!(session.upgrade(), None, "only a GET is a handshake");
        }
        (Ok(upgrade), Some(SessionEvent::Request(_))) => {
            assert_eq!(session.upgrade(), upgrade.as_ref());
            upgrade.iter().for_each(check_upgrade);
        }
        (upgrade, event) => panic!("{upgrade:?}, and the session says {event:?}"),
    }
}

const METHODS: [&str; 3] = ["GET", "HEAD", "OPTIONS"];

/// The bytes used, and the head if it is whole.
type Read = Result<(usize, Option<Head>), HeadError>;

fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Read {
    let mut reader = HeadReader::default();
    let mut total = 0;
    for piece in pieces {
        let (used, head) = reader.receive(piece, &LIMITS)?;
        total += used;
        if head.is_some() {
            assert!(reader.is_empty(), "the reader is as new");
            return Ok((total, head));
        }
        assert_eq!(used, piece.len(), "what is not whole needs all");
    }
    Ok((total, None))
}

/// A head has its whole text and all its marks in its own words.
fn tell(read: &Read) -> String {
    let Ok((used, Some(head))) = read else { return format!("{read:?}") };
    let fields: Vec<_> = head.fields().collect();
    format!("{used} {} {} {fields:?}", head.method(), head.target())
}

fn check_target(text: &str) {
    let Ok(target) = Target::parse(text) else { return };
    let rest = target.path.strip_prefix('/').expect("a path begins with a slash");
    for (at, segment) in rest.split('/').enumerate() {
        let well_known = at == 0 && segment == ".well-known";
        let hidden = segment.starts_with('.') && !well_known;
        assert!(!hidden, "{text:?} leads to what is hidden or above");
        let is_last = rest.split('/').count() == at + 1;
        assert!(is_last || !segment.is_empty(), "{text:?} has an empty segment");
    }
    assert!(!target.path.contains(|c: char| c.is_control() || c == '\\'), "{text:?}");
    assert!(text.ends_with(&target.query), "the query stays as it came");
    // A path without signs that mean something in a target is the target of itself.
    if !target.path.contains(['%', '?', '#']) {
        let again = Target::parse(&target.path).map(|again| again.path);
        assert_eq!(again, Ok(target.path));
    }
}

fn check_origin(value: &[u8], host: &str) {
    let Ok(text) = std::str::from_utf8(value) else { return };
    let Ok(origin) = Origin::parse(text) else { return };
    let (lower, upper) = (text.to_ascii_lowercase(), text.to_ascii_uppercase());
    assert_eq!(Origin::parse(&lower), Ok(origin), "in any case");
    assert_eq!(Origin::parse(&upper), Ok(origin), "in any case");
    assert_eq!(origin.is_one_of(text, host), Some(true), "it is its own pattern");
    let Some((scheme, authority)) = lower.split_once("://") else {
        assert_eq!(lower, "null");
        return;
    };
    let is_web = ["http", "https", "ws", "wss"].contains(&scheme);
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    assert_eq!(origin.is_of(authority), is_web, "{text} is of its own host");
    assert_eq!(origin.is_of(host), origin.is_of(&host.to_ascii_uppercase()), "in any case");
}

fn check_upgrade(upgrade: &Upgrade) {
    let names = upgrade.protocols();
    for name in names {
        assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "each of them once");
    }
    let offered = names.first().map_or("chat", |name| name);
    for (protocol, echoed) in [(None, false), (Some(offered), !names.is_empty())] {
        let mut answer = Vec::new();
        upgrade.encode(protocol, &mut answer);
        let mut fields = [httparse::EMPTY_HEADER; 8];
        let mut theirs = httparse::Response::new(&mut fields);
        let end = theirs.parse(&answer).expect("it is an answer");
        assert_eq!(end, httparse::Status::Complete(answer.len()), "and nothing behind it");
        assert_eq!((theirs.version, theirs.code), (Some(1), Some(101)));
        let named = |name| theirs.headers.iter().find(|field| field.name == name);
        let accept = named("Sec-WebSocket-Accept").expect("it is there");
        assert_eq!(accept.value.len(), 28, "20 bytes in base64");
        let chosen = named("Sec-WebSocket-Protocol").map(|field| field.value);
        assert_eq!(chosen, echoed.then_some(offered.as_bytes()), "what was offered is chosen");
    }
}

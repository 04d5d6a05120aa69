//! Bytes of a client beside tungstenite's server: the same messages in the same order, the same
//! pongs, the same end. Where the two may differ stands here.

use switchboard::ws::ProtocolError;
use switchboard::{Close, CloseCode, Limits, Message};
use tungstenite::protocol::Role;
use tungstenite::{Error, Message as Theirs};

use super::talk::{Heard, Talk};
use super::theirs::connect;
use super::world::wire::{Said, read_frame};

/// The input is what a client sends once the conversation is open.
pub fn check(data: &[u8]) {
    if data.len() > INPUT_BYTES_MAX {
        return;
    }
    let bytes = completed(data);
    let (ours, theirs) = (read_ours(&bytes), read_theirs(&bytes));
    let difference = match (&ours.end, &theirs.end) {
        (End::Open, End::Open) => None,
        (End::Closed(one), End::Closed(other)) if one == other => None,
        (End::Fault(close), end) => Difference::of(close, end),
        (End::Closed(one), End::Closed(other)) if one.code.number() == 1014 => {
            assert_eq!(other.code, CloseCode::PROTOCOL, "what they answer to a code that is wrong");
            Some(Difference::Registered)
        }
        (End::Open | End::Closed(_), end) => panic!("we say {:?}, they say {end:?}", ours.end),
    };
    match difference {
        None | Some(Difference::SeveralRules) => {
            assert_eq!(ours.messages, theirs.messages);
            let pongs = if matches!(ours.end, End::Fault(_)) { ours.pongs() } else { &ours.output };
            assert_eq!(pongs, theirs.output, "what is sent");
        }
        Some(Difference::CloseCode | Difference::Registered) => {
            assert_eq!(ours.messages, theirs.messages);
            assert!(theirs.output.starts_with(ours.pongs()), "what is sent before the close frame");
        }
        // They go on.
        Some(Difference::LengthForm | Difference::Fragments) => {
            assert!(theirs.messages.starts_with(&ours.messages), "{ours:?} and {theirs:?}");
            assert!(theirs.output.starts_with(ours.pongs()), "{ours:?} and {theirs:?}");
        }
    }
}

/// Where tungstenite does otherwise.
#[derive(Debug)]
enum Difference {
    /// RFC 6455, 5.2: the minimal number of bytes encodes a length. They take any.
    LengthForm,
    /// The number of fragments has no limit there.
    Fragments,
    /// RFC 6455, 7.4.2: codes that no frame may have. They answer 1002, as we do, but call it
    /// a close and no fault.
    CloseCode,
    /// RFC 6455, 7.4.2: 1014 is registered with IANA by now. They do not know it.
    Registered,
    /// A frame breaks several rules, and they have an order of their own: its length first, and
    /// the reason in a close frame before the code.
    SeveralRules,
}

impl Difference {
    /// Why we fail with this, and they end like that; `None` if it is the same.
    fn of(ours: &Close, theirs: &End) -> Option<Self> {
        let is = |fault: ProtocolError| ours.reason.starts_with(&fault.to_string());
        Some(match theirs {
            // The length of a control frame is too long in any form but the shortest.
            _ if is(ProtocolError::LengthForm) || is(ProtocolError::LongControl) => {
                Self::LengthForm
            }
            _ if is(ProtocolError::TooManyFragments) => Self::Fragments,
            End::Fault(close) if close.code == ours.code => return None,
            End::Closed(close) if is(ProtocolError::CloseCode) => {
                assert_eq!(close.code, CloseCode::PROTOCOL, "the code that they answer");
                Self::CloseCode
            }
            End::Fault(close) if close.code == CloseCode::TOO_BIG => {
                assert_eq!(ours.code, CloseCode::PROTOCOL, "{ours} for a frame that is too long");
                Self::SeveralRules
            }
            End::Fault(close) if is(ProtocolError::CloseCode) => {
                assert_eq!(close.code, CloseCode::INVALID_PAYLOAD, "for the reason");
                Self::SeveralRules
            }
            end => panic!("we say {ours}, they say {end:?}"),
        })
    }
}

/// The result of the bytes.
#[derive(Debug)]
struct Story {
    messages: Vec<Message>,
    output: Vec<u8>,
    end: End,
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Open,
    Closed(Close),
    Fault(Close),
}

impl Story {
    /// What was sent before the close frame.
    fn pongs(&self) -> &[u8] {
        let mut end = 0;
        while let Some((len, said)) = read_frame(&self.output[end..])
            && !matches!(said, Said::Close(_))
        {
            end += len;
        }
        &self.output[..end]
    }
}

fn read_ours(bytes: &[u8]) -> Story {
    let mut talk = Talk::open(LIMITS);
    talk.receive(bytes);
    talk.finish();
    let (mut messages, mut end) = (Vec::new(), End::Open);
    for heard in talk.heard {
        match heard {
            Heard::Request => panic!("a request in an open conversation"),
            Heard::Message(message) => messages.push(message),
            // Both may have the same code; the section in its reason shows a fault.
            Heard::Closed(close) if close.reason.contains(" (RFC 6455, ") => {
                end = End::Fault(close);
            }
            Heard::Closed(close) => end = End::Closed(close),
        }
    }
    Story { messages, output: talk.output, end }
}

fn read_theirs(bytes: &[u8]) -> Story {
    let mut socket = connect(bytes, Role::Server, LIMITS.message_bytes_max);
    let (mut messages, mut end) = (Vec::new(), None);
    while end.is_none() {
        match socket.read() {
            Ok(Theirs::Text(text)) => messages.push(Message::from(text.as_str())),
            Ok(Theirs::Binary(bytes)) => messages.push(bytes.to_vec().into()),
            Ok(Theirs::Ping(_) | Theirs::Pong(_)) => {}
            Ok(Theirs::Close(None)) => end = Some(closed(1005, "")),
            Ok(Theirs::Close(Some(close))) => end = Some(closed(close.code.into(), &close.reason)),
            Ok(Theirs::Frame(frame)) => panic!("{frame} is not given to readers"),
            Err(error) => end = Some(their_end(&error)),
        }
    }
    // Their answer to a close frame leaves with the next call.
    if matches!(end, Some(End::Closed(_))) {
        let last = socket.read();
        assert!(matches!(last, Err(Error::ConnectionClosed)), "{last:?}");
    }
    let output = std::mem::take(&mut socket.get_mut().output);
    Story { messages, output, end: end.unwrap_or(End::Open) }
}

fn closed(code: u16, reason: &str) -> End {
    let code = CloseCode::new(code).unwrap_or(CloseCode::NONE);
    End::Closed(Close::new(code, reason))
}

fn their_end(error: &Error) -> End {
    let code = match error {
        Error::Io(_) => return End::Open,
        Error::Protocol(_) => CloseCode::PROTOCOL,
        Error::Capacity(_) => CloseCode::TOO_BIG,
        Error::Utf8(_) => CloseCode::INVALID_PAYLOAD,
        other => panic!("{other} while reading frames"),
    };
    End::Fault(Close::new(code, ""))
}

/// The bytes with zeros behind them up to the end of the last frame: they judge whole frames,
/// while we fail at the first byte that breaks a rule.
fn completed(bytes: &[u8]) -> Vec<u8> {
    let (mut bytes, mut start) = (bytes.to_vec(), 0);
    while start < bytes.len() {
        let Some(len) = frame_len(&bytes[start..]) else {
            bytes.push(0);
            continue;
        };
        if len > LIMITS.message_bytes_max + HEADER_BYTES_MAX {
            break;
        }
        start += len;
        bytes.resize(bytes.len().max(start), 0);
    }
    bytes
}

/// RFC 6455, 5.2: the length of the frame that begins here, if its header is there.
fn frame_len(bytes: &[u8]) -> Option<usize> {
    let second = *bytes.get(1)?;
    let (wide, payload) = match second & 0x7F {
        126 => (2, u64::from(u16::from_be_bytes(*bytes[2..].first_chunk()?))),
        127 => (8, u64::from_be_bytes(*bytes[2..].first_chunk()?)),
        short => (0, u64::from(short)),
    };
    let header = 2 + wide + if second & 0x80 == 0 { 0 } else { 4 };
    bytes.get(header - 1)?;
    Some(usize::try_from(payload).map_or(usize::MAX, |payload| payload.saturating_add(header)))
}

const LIMITS: Limits = Limits { message_bytes_max: 300, fragments_max: 4, ..Limits::SERVER };
const HEADER_BYTES_MAX: usize = 14;
const INPUT_BYTES_MAX: usize = 1_024;

//! What a session makes of frames is what a model of RFC 6455 makes of them: the messages, the
//! pongs, the end, and the close frame that says why.

use arbitrary::Unstructured;
use switchboard::{Close, CloseCode, Limits};

use super::frames::Sent;
use super::model::{End, Model};
use super::talk::{CLOSE, Heard, Talk};

/// The limits, when the server closes if it does, and frames.
pub fn check(data: &[u8]) {
    if data.len() > INPUT_BYTES_MAX {
        return;
    }
    let mut input = Unstructured::new(data);
    let Ok(wish) = input.arbitrary::<u8>() else { return };
    let limits = if wish & 1 == 0 { SHORT } else { LONG };
    let closes_at = usize::from(wish >> 1);
    let frames = Sent::all(&mut input);

    let (mut talk, mut model) = (Talk::open(limits), Model::new(limits));
    for (at, frame) in frames.iter().enumerate() {
        if at == closes_at {
            let close = Close::new(CloseCode::GOING_AWAY, "enough");
            talk.session.close(&close, talk.now);
            model.close(close.code, &close.reason);
        }
        talk.receive(&frame.encode());
        model.receive(frame);
    }
    talk.finish();
    compare(&talk, &model);
}

fn compare(talk: &Talk, model: &Model) {
    let (heard, end) = match talk.heard.split_last() {
        Some((Heard::Closed(close), before)) => (before, Some(close)),
        Some(_) | None => (&talk.heard[..], None),
    };
    let messages = heard.iter().map(|heard| match heard {
        Heard::Message(message) => message,
        Heard::Request | Heard::Closed(_) => panic!("{heard:?} among messages"),
    });
    assert!(messages.eq(&model.messages), "{heard:?}, and not {:?}", model.messages);
    let Some(rest) = talk.output.strip_prefix(&model.output[..]) else {
        panic!("the output is {:02x?}, and not {:02x?}", talk.output, model.output);
    };
    match (&model.end, end) {
        (None, None) => assert!(rest.is_empty(), "nothing more was owed: {rest:02x?}"),
        // The side that closes first says why, whatever the other one sends after that.
        (Some(_), Some(close)) if model.is_closing => {
            assert_eq!((close.code, close.reason.as_str()), (CloseCode::GOING_AWAY, "enough"));
            assert!(rest.is_empty(), "one close frame is enough: {rest:02x?}");
        }
        (Some(End::Close(code, reason)), Some(close)) => {
            assert_eq!(close.code.number(), code.unwrap_or(1005));
            assert_eq!(&close.reason, reason);
            assert!(rest.is_empty(), "nothing follows a close frame: {rest:02x?}");
        }
        (Some(End::Fault(codes)), Some(close)) => {
            assert!(codes.contains(&close.code.number()), "{close}, and not of {codes:?}");
            let [CLOSE, len, payload @ ..] = rest else { panic!("{rest:02x?} is no close frame") };
            assert_eq!(usize::from(*len), payload.len(), "it is the last frame");
            let (code, reason) = payload.split_first_chunk::<2>().expect("it has a code");
            assert_eq!(u16::from_be_bytes(*code), close.code.number(), "the one that we tell");
            assert!(std::str::from_utf8(reason).is_ok(), "its reason is text");
        }
        (expected, found) => panic!("the end is {found:?}, and not {expected:?}"),
    }
}

const SHORT: Limits = Limits { message_bytes_max: 200, fragments_max: 3, ..Limits::SERVER };
const LONG: Limits = Limits { message_bytes_max: 65_600, ..Limits::SERVER };
const INPUT_BYTES_MAX: usize = 512;

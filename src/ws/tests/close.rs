//! Close codes and close frames' payloads.

use crate::ws::{Close, CloseCode, ProtocolError};

/// Numbers, and whether a close frame may carry them.
const CODES: &[(u16, bool)] = &[
    (0, false),
    (1, false),
    (999, false),
    (1000, true),
    (1001, true),
    (1002, true),
    (1003, true),
    (1004, false),
    (1005, false),
    (1006, false),
    (1007, true),
    (1008, true),
    (1009, true),
    (1010, true),
    (1011, true),
    (1012, true),
    (1013, true),
    (1014, true),
    (1015, false),
    (1016, false),
    (1100, false),
    (2000, false),
    (2999, false),
    (3000, true),
    (3999, true),
    (4000, true),
    (4999, true),
    (5000, false),
    (65_535, false),
];

/// Payloads, and what they say.
type Row = (&'static [u8], Result<(u16, &'static str), ProtocolError>);

const PAYLOADS: &[Row] = &[
    (b"", Ok((1005, ""))),
    (b"\x03\xE8", Ok((1000, ""))),
    (b"\x03\xE8bye", Ok((1000, "bye"))),
    (b"\x03\xE9\xC3\xA9", Ok((1001, "é"))),
    (b"\x0F\xA0\0", Ok((4000, "\0"))),
    (b"\x03", Err(ProtocolError::CloseLength)),
    (b"\xFF", Err(ProtocolError::CloseLength)),
    (b"\x03\xED", Err(ProtocolError::CloseCode)),
    (b"\x00\x00", Err(ProtocolError::CloseCode)),
    (b"\x03\xE8\xC3", Err(ProtocolError::CloseReason)),
    (b"\x03\xE8\xED\xA0\x80", Err(ProtocolError::CloseReason)),
    (b"\x03\xE8\xFF", Err(ProtocolError::CloseReason)),
    // The code stands before the reason, and so is looked at before.
    (b"\x03\xED\xFF", Err(ProtocolError::CloseCode)),
];

#[test]
fn codes() {
    for &(number, allowed) in CODES {
        let code = CloseCode::new(number);
        assert_eq!(code.map(CloseCode::number), Some(number).filter(|_| allowed), "{number}");
        let decoded = Close::decode(&number.to_be_bytes()).map(|close| close.code.number());
        let expected = if allowed { Ok(number) } else { Err(ProtocolError::CloseCode) };
        assert_eq!(decoded, expected, "{number}");
    }
}

#[test]
fn named_codes_have_their_numbers() {
    let named = [
        (CloseCode::NORMAL, 1000),
        (CloseCode::GOING_AWAY, 1001),
        (CloseCode::PROTOCOL, 1002),
        (CloseCode::UNSUPPORTED, 1003),
        (CloseCode::NONE, 1005),
        (CloseCode::LOST, 1006),
        (CloseCode::INVALID_PAYLOAD, 1007),
        (CloseCode::POLICY, 1008),
        (CloseCode::TOO_BIG, 1009),
        (CloseCode::INTERNAL, 1011),
        (CloseCode::RESTART, 1012),
        (CloseCode::TRY_LATER, 1013),
    ];
    for (code, number) in named {
        assert_eq!(code.number(), number);
        assert_eq!(code.to_string(), number.to_string());
    }
}

#[test]
fn payloads() {
    for (payload, expected) in PAYLOADS {
        let close = Close::decode(payload);
        let read = close.as_ref().map(|close| (close.code.number(), &*close.reason));
        assert_eq!(read.map_err(|fault| *fault), *expected, "{payload:02x?}");
        // Law: encoding undoes decoding, also of the payload that is empty.
        if let Ok(close) = close {
            assert_eq!(encode(&close), *payload);
        }
    }
}

/// RFC 6455, 7.4.1: 1005 and 1006 are never sent.
#[test]
fn codes_that_must_not_be_sent_are_not() {
    for code in [CloseCode::NONE, CloseCode::LOST] {
        assert_eq!(encode(&Close::new(code, "why")), b"");
    }
}

/// RFC 6455, 5.5: with its code a reason has 125 bytes. Law: the reason that is sent is the
/// longest beginning in whole characters that fits.
#[test]
fn reasons_are_cut_at_a_character() {
    for unit in ["a", "é", "€", "😀"] {
        for before in 0..4 {
            for len in [0, 1, 30, 31, 60, 61, 62, 121, 122, 123, 124, 125, 500] {
                let reason = "x".repeat(before) + &unit.repeat(len);
                let payload = encode(&Close::new(CloseCode::NORMAL, &*reason));
                assert!(payload.len() <= 125, "{} bytes of payload", payload.len());
                let kept = core::str::from_utf8(&payload[2..]).expect("it is cut at a character");
                assert!(reason.starts_with(kept));
                let next = reason[kept.len()..].chars().next().map_or(0, char::len_utf8);
                assert!(next == 0 || kept.len() + next > 123, "{} bytes kept", kept.len());
            }
        }
    }
}

#[test]
fn a_close_shows_as_its_code_and_reason() {
    let rows = [
        (Close::new(CloseCode::NORMAL, ""), "1000"),
        (Close::new(CloseCode::NORMAL, "bye"), "1000 \"bye\""),
        // A peer's reason must not make lines of its own in a log.
        (Close::new(CloseCode::NORMAL, "a\nb"), "1000 \"a\\nb\""),
    ];
    for (close, text) in rows {
        assert_eq!(close.to_string(), text);
    }
}

fn encode(close: &Close) -> Vec<u8> {
    let mut out = b"before".to_vec();
    close.encode(&mut out);
    out.split_off(b"before".len())
}

//! The kinds of messages, and those that are held in place.

#[cfg(feature = "host")]
use crate::ws::mask;
#[cfg(feature = "host")]
use crate::ws::short_message::ShortMessage;
use crate::ws::{Message, Opcode};

#[test]
fn messages_are_text_or_binary() {
    let rows = [
        (Message::from("é"), Opcode::Text, Some("é"), "é".as_bytes()),
        (Message::from(String::new()), Opcode::Text, Some(""), b""),
        (Message::from(vec![0xFF]), Opcode::Binary, None, b"\xFF"),
        (Message::from(&b"a"[..]), Opcode::Binary, None, b"a"),
    ];
    for (message, opcode, text, bytes) in rows {
        assert_eq!((message.opcode(), message.as_text()), (opcode, text));
        assert_eq!((message.as_bytes(), message.len()), (bytes, bytes.len()));
        assert_eq!(message.is_empty(), bytes.is_empty());
        assert_eq!(message.into_bytes(), bytes);
    }
}

/// Of whatever length, and however it came to be: in place or not.
#[test]
fn messages_of_any_length() {
    for len in 0..=2 * Message::SHORT_BYTES_MAX {
        let text = "ab".repeat(len).split_off(len);
        let (short, long) = (Message::from(&text[..]), Message::from(text.clone()));
        assert_eq!((short.as_text(), short.len()), (Some(&text[..]), len));
        assert_eq!((&short, format!("{short:?}")), (&long, format!("{long:?}")));
        assert_eq!(short.capacity() == 0, len <= Message::SHORT_BYTES_MAX, "{len} bytes");
        let binary = Message::from(text.as_bytes());
        assert_eq!(binary, Message::from(text.clone().into_bytes()));
        assert_ne!(short, binary, "the same bytes of another kind");
        assert_ne!(short, Message::from("c".repeat(len + 1)));
        assert_eq!(binary.as_text(), None);
        assert_eq!(binary.into_bytes(), text.into_bytes());
    }
}

/// RFC 6455, 8.1: text is UTF-8; the same payloads are binary messages.
#[cfg(feature = "host")]
#[test]
fn short_messages_are_validated_as_they_are_unmasked() {
    let rows: [&[u8]; 7] = [
        b"",
        b"plain",
        "é".as_bytes(),
        "naïve €uro 😀".as_bytes(),
        b"the longest that is held so: 30",
        b"\xC3",
        b"a\xFFb",
    ];
    let key = [1, 0x80, 0xFE, 7];
    // Whatever follows the payload, if anything does, is no part of it.
    let unmask = |opcode, masked: &[u8], len| {
        ShortMessage::unmask(opcode, masked, len, key).map(Message::from)
    };
    for behind in [0, 1, 25, 60] {
        for plain in rows.map(|row| &row[..row.len().min(Message::SHORT_BYTES_MAX)]) {
            let mut masked = plain.to_vec();
            mask::apply(&mut masked, key);
            masked.resize(plain.len() + behind, 0xFF);
            let text = unmask(Opcode::Text, &masked, plain.len());
            let as_text = text.as_ref().and_then(Message::as_text);
            assert_eq!(as_text, std::str::from_utf8(plain).ok(), "{plain:?} and {behind}");
            let binary =
                unmask(Opcode::Binary, &masked, plain.len()).expect("it is short, and there");
            assert_eq!((binary.as_bytes(), binary.is_text()), (plain, false));
        }
    }
    let long = [b'a'; Message::SHORT_BYTES_MAX + 1];
    assert_eq!(unmask(Opcode::Text, &long, long.len()), None);
    assert_eq!(unmask(Opcode::Text, b"half of i", 10), None);
}

/// A short payload is read by two words, of which the second begins within the first.
#[cfg(feature = "host")]
#[test]
fn a_byte_that_is_no_text_at_each_place_of_a_short_message() {
    for len in 1..=Message::SHORT_BYTES_MAX {
        for at in 0..len {
            let mut bytes = [b'a'; 2 * Message::SHORT_BYTES_MAX];
            bytes[at] = 0xFF;
            for behind in [0, Message::SHORT_BYTES_MAX] {
                let bytes = &bytes[..len + behind];
                let text = ShortMessage::unmask(Opcode::Text, bytes, len, [0; 4]);
                assert!(text.is_none(), "at {at} of {len}, and {behind} behind");
            }
        }
    }
}

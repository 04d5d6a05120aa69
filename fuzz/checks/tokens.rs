//! The characters, tokens and lists of HTTP are what RFC 9110 says, read byte by byte.

use switchboard::ws::syntax::{is_token, is_token_byte, is_value_byte, list, trim};

/// The input is a field value.
pub fn check(data: &[u8]) {
    for &byte in data {
        assert_eq!(is_token_byte(byte), is_tchar(byte), "{byte:#04x} in a token");
        assert_eq!(is_value_byte(byte), is_field_byte(byte), "{byte:#04x} in a value");
    }
    assert_eq!(is_token(data), !data.is_empty() && data.iter().all(|&byte| is_tchar(byte)));

    let bare = trim(data);
    let start = data.iter().take_while(|&&byte| is_blank(byte)).count();
    let end = data.iter().rev().take_while(|&&byte| is_blank(byte)).count();
    let expected = if start == data.len() { &[][..] } else { &data[start..data.len() - end] };
    assert_eq!(bare, expected, "without white space around it");

    let members: Vec<_> = list(data).collect();
    assert_eq!(members, elements(data), "the members of {:?}", data.escape_ascii().to_string());
    let joined = members.join(&b", \t"[..]);
    assert_eq!(list(&joined).collect::<Vec<_>>(), members, "joined again it is the same list");
    for member in members {
        assert_eq!(list(member).collect::<Vec<_>>(), [member], "a member is a list of one");
    }
}

/// RFC 9110, 5.6.1.2: `#element` is `[ element ] *( OWS "," OWS [ element ] )`, read from left
/// to right.
fn elements(value: &[u8]) -> Vec<&[u8]> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < value.len() {
        if value[at] == b',' || is_blank(value[at]) {
            at += 1;
            continue;
        }
        // An element begins here; white space is part of it only if it does not end it.
        let (start, mut end) = (at, at);
        while at < value.len() && value[at] != b',' {
            at += 1;
            if !is_blank(value[at - 1]) {
                end = at;
            }
        }
        found.push(&value[start..end]);
    }
    found
}

/// RFC 9110, 5.6.2: any visible character but delimiters, which are `(),/:;<=>?@[\]{}` and the
/// double quote.
fn is_tchar(byte: u8) -> bool {
    is_visible(byte) && !b"(),/:;<=>?@[\\]{}\"".contains(&byte)
}

/// RFC 9110, 5.5: visible characters, obs-text, and white space.
fn is_field_byte(byte: u8) -> bool {
    is_visible(byte) || byte >= 0x80 || is_blank(byte)
}

/// RFC 9110, 5.6.3: SP and HTAB.
fn is_blank(byte: u8) -> bool {
    byte == 0x20 || byte == 0x09
}

/// RFC 5234, B.1: VCHAR.
fn is_visible(byte: u8) -> bool {
    (0x21..=0x7E).contains(&byte)
}

//! The characters of HTTP (RFC 9110, 5.5 and 5.6): tokens, field values, comma lists.

/// Whether `byte` may stand in a token, such as a method or a field name (RFC 9110, 5.6.2).
#[must_use]
#[inline]
pub const fn is_token_byte(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// Whether `bytes` are a token.
#[must_use]
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&byte| is_token_byte(byte))
}

/// Whether `byte` may stand in a field value: visible characters, blank, tab, and the bytes
/// above ASCII, which are passed on unread (RFC 9110, 5.5).
#[must_use]
#[inline]
pub const fn is_value_byte(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..=0xFF)
}

/// The members of a comma list, without the blanks around them (RFC 9110, 5.6.1.2: empty
/// members are skipped).
pub fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(trim).filter(|member| !member.is_empty())
}

/// The members of a list in a configuration, separated by commas or white space.
pub fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|item| !item.is_empty())
}

/// `bytes` without blanks and tabs at both ends (RFC 9110, 5.6.3: optional white space).
#[must_use]
pub fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// A decimal number of at most so many digits that fits 64 bits.
#[must_use]
pub fn number(digits: &str, digits_max: usize) -> Option<u64> {
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    // The library would also accept a sign.
    if all_digits && digits.len() <= digits_max { digits.parse().ok() } else { None }
}

/// A peer's text, cut to the 200 bytes that are quoted in answers and in the log.
#[must_use]
pub fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(QUOTED_BYTES_MAX)]
}

/// By the byte, since most of a head is looked at in this way.
static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = u8::MIN;
    loop {
        table[byte as usize] = matches!(byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_'
            | b'`' | b'|' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z');
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};

/// The longest quote of a peer's text.
const QUOTED_BYTES_MAX: usize = 200;

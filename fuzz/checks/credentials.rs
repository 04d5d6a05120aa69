//! Values of queries, cookies, and what an `Authorization` says, each against a reading of its
//! grammar byte by byte.

use switchboard::constant_time_eq;
use switchboard::ws::{cookie, credentials, form};

/// The first line of the input is a name, and each other line a query, a field of cookies and the
/// value of an `Authorization`.
pub fn check(data: &[u8]) {
    if data.len() > INPUT_BYTES_MAX {
        return;
    }
    let (name, rest) = data.split_at(data.iter().position(|&b| b == b'\n').unwrap_or(data.len()));
    let lines: Vec<&[u8]> = rest.split(|&byte| byte == b'\n').collect();
    let secret = lines.last().copied().unwrap_or_default();
    assert_eq!(constant_time_eq(secret, name), secret == name);
    assert_eq!(constant_time_eq(name, secret), secret == name);
    for line in &lines {
        check_authorization(line);
        // A request target is visible ASCII, and its query may be any text here.
        if let (Ok(name), Ok(query)) = (std::str::from_utf8(name), std::str::from_utf8(line)) {
            assert_eq!(form::value(query, name), first_of_form(line, name), "{query:?}");
        }
    }
    if let Ok(name) = std::str::from_utf8(name) {
        let found = cookie::value(lines.iter().copied(), name);
        assert_eq!(found, first_cookie(&lines, name.as_bytes()), "{lines:?}");
    }
}

/// URL, 5.1, as a machine with two states: in a name, and in a value.
fn first_of_form(query: &[u8], wanted: &str) -> Option<String> {
    let (mut name, mut value) = (Vec::new(), None::<Vec<u8>>);
    let mut at = 0;
    // The end of the query ends a pair as well.
    while at <= query.len() {
        let byte = query.get(at).copied().unwrap_or(b'&');
        at += 1;
        match byte {
            b'&' => {
                let is_pair = value.is_some() || !name.is_empty();
                if is_pair && lossy(&name) == wanted {
                    return Some(lossy(&value.unwrap_or_default()));
                }
                (name, value) = (Vec::new(), None);
            }
            b'=' if value.is_none() => value = Some(Vec::new()),
            byte => {
                let pair = query.get(at..at + 2).filter(|_| byte == b'%');
                let number = pair.and_then(|pair| Some((digit(pair[0])?, digit(pair[1])?)));
                let decoded = match number {
                    Some((high, low)) => {
                        at += 2;
                        16 * high + low
                    }
                    None if byte == b'+' => b' ',
                    None => byte,
                };
                value.as_mut().unwrap_or(&mut name).push(decoded);
            }
        }
    }
    None
}

fn digit(byte: u8) -> Option<u8> {
    let digits = b"0123456789abcdef";
    let place = digits.iter().position(|digit| *digit == byte.to_ascii_lowercase())?;
    u8::try_from(place).ok()
}

/// Encoding, 6: each part that could have begun a character is replaced once.
fn lossy(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push('\u{fffd}');
        }
    }
    text
}

/// RFC 6265, 4.2.1, from left to right: white space around names and values is none of them.
fn first_cookie<'a>(fields: &[&'a [u8]], wanted: &[u8]) -> Option<&'a [u8]> {
    for field in fields {
        let mut start = 0;
        for end in 0..=field.len() {
            if end < field.len() && field[end] != b';' {
                continue;
            }
            let pair = &field[start..end];
            start = end + 1;
            let Some(equals) = pair.iter().position(|&byte| byte == b'=') else { continue };
            if bare(&pair[..equals]) == wanted {
                return Some(bare(&pair[equals + 1..]));
            }
        }
    }
    None
}

fn bare(mut bytes: &[u8]) -> &[u8] {
    let is_blank = |byte: Option<&u8>| byte.is_some_and(|&byte| byte == b' ' || byte == b'\t');
    while is_blank(bytes.first()) {
        bytes = &bytes[1..];
    }
    while is_blank(bytes.last()) {
        bytes = &bytes[..bytes.len() - 1];
    }
    bytes
}

/// RFC 9110, 11.4: a scheme, blanks, and one word of visible characters.
fn check_authorization(value: &[u8]) {
    let blank = value.iter().position(|&byte| byte == b' ').unwrap_or(value.len());
    let (scheme, rest) = value.split_at(blank);
    let blanks = rest.iter().take_while(|&&byte| byte == b' ').count();
    let word = &rest[blanks..];
    let is_word = !word.is_empty() && word.iter().all(|byte| (0x21..=0x7E).contains(byte));
    let is_of = |name: &str| is_word && scheme.to_ascii_lowercase() == name.as_bytes();

    let expected = is_of("bearer").then(|| std::str::from_utf8(word).expect("it is ASCII"));
    assert_eq!(credentials::bearer(value), expected);

    let found = credentials::basic(value).map(|found| (found.user, found.password));
    let expected = if is_of("basic") { decoded(word).and_then(user_and_password) } else { None };
    assert_eq!(found, expected, "{:?}", value.escape_ascii().to_string());
}

/// RFC 7617, 2: the first colon divides, and there are no control characters.
fn user_and_password(bytes: Vec<u8>) -> Option<(String, String)> {
    let colon = bytes.iter().position(|&byte| byte == b':')?;
    if bytes.iter().any(|&byte| byte < 0x20 || byte == 0x7F) {
        return None;
    }
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    Some((text(&bytes[..colon])?, text(&bytes[colon + 1..])?))
}

/// RFC 4648, 4, bit by bit: a whole number of groups of four, padded, and what is cut is zero.
fn decoded(word: &[u8]) -> Option<Vec<u8>> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let padding = word.iter().rev().take_while(|&&byte| byte == b'=').count();
    if !word.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut bits = Vec::new();
    for byte in &word[..word.len() - padding] {
        let number = DIGITS.iter().position(|digit| digit == byte)?;
        bits.extend((0..6).rev().map(|place| number >> place & 1 == 1));
    }
    let len = bits.len() / 8 * 8;
    if bits[len..].contains(&true) {
        return None;
    }
    let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
    Some(bits[..len].chunks(8).map(byte).collect())
}

const INPUT_BYTES_MAX: usize = 512;

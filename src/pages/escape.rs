//! Escapes texts of peers and programs for the log and for JSON, so that they cannot forge or hide
//! a part of a line.

use std::fmt::Write;
use std::ops::RangeInclusive;

/// The text, with all characters escaped that could forge or hide a part of a line.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_deceptive(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// The text as a JSON string (RFC 8259, 7), quotes included.
/// # Panics
/// Never: a string takes every text.
#[must_use]
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // RFC 8259, 7: a character beyond four digits is a pair of surrogates.
            _ if is_deceptive(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}").expect("a string takes every text");
                }
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Control characters, line separators of Unicode, and invisible characters: those that change the
/// direction of writing and others of the category Cf, zero-width joiners and spaces, and fillers.
/// Variation selectors are not escaped, since many common characters are followed by one.
fn is_deceptive(c: char) -> bool {
    c.is_control() || UNSEEN.iter().any(|range| range.contains(&u32::from(c)))
}

/// The ranges of [`is_deceptive`], besides control characters.
const UNSEEN: [RangeInclusive<u32>; 24] = [
    0xAD..=0xAD,
    0x34F..=0x34F,
    0x600..=0x605,
    0x61C..=0x61C,
    0x6DD..=0x6DD,
    0x70F..=0x70F,
    0x890..=0x891,
    0x8E2..=0x8E2,
    0x115F..=0x1160,
    0x17B4..=0x17B5,
    0x180E..=0x180E,
    0x200B..=0x200F,
    0x2028..=0x202E,
    0x2060..=0x206F,
    0x3164..=0x3164,
    0xFEFF..=0xFEFF,
    0xFFA0..=0xFFA0,
    0xFFF0..=0xFFFB,
    0x1_10BD..=0x1_10BD,
    0x1_10CD..=0x1_10CD,
    0x1_3430..=0x1_343F,
    0x1_BCA0..=0x1_BCA3,
    0x1_D173..=0x1_D17A,
    0xE_0000..=0xE_007F,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_shown() {
        let rows = [
            ('\0', "\\u{0}", "\\u0000"),
            ('\u{ad}', "\\u{ad}", "\\u00ad"),
            ('\u{61c}', "\\u{61c}", "\\u061c"),
            ('\u{180e}', "\\u{180e}", "\\u180e"),
            ('\u{200b}', "\\u{200b}", "\\u200b"),
            ('\u{200f}', "\\u{200f}", "\\u200f"),
            ('\u{2028}', "\\u{2028}", "\\u2028"),
            ('\u{202e}', "\\u{202e}", "\\u202e"),
            ('\u{2060}', "\\u{2060}", "\\u2060"),
            ('\u{2066}', "\\u{2066}", "\\u2066"),
            ('\u{3164}', "\\u{3164}", "\\u3164"),
            ('\u{feff}', "\\u{feff}", "\\ufeff"),
            ('\u{fff9}', "\\u{fff9}", "\\ufff9"),
            ('\u{e0041}', "\\u{e0041}", "\\udb40\\udc41"),
            ('\u{fe0f}', "\u{fe0f}", "\u{fe0f}"),
            ('\u{e9}', "\u{e9}", "\u{e9}"),
            ('\u{1f600}', "\u{1f600}", "\u{1f600}"),
        ];
        for (c, text, object) in rows {
            assert_eq!(plain(&c.to_string()), text);
            assert_eq!(json(&c.to_string()), format!("\"{object}\""));
        }
    }
}

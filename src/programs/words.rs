//! The words of header lines: limits of length, those that are reserved, and how a log shows them.

/// `bytes` for a log: cut, and escaped.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(EXCERPT_BYTES_MAX)].escape_ascii().to_string()
}

/// The word of a line that is reserved for topics with a history, which there are none of yet: the
/// verb, or the third word of a SUB.
pub(super) fn reserved<'a>(
    verb: &str,
    mut words: impl Iterator<Item = &'a str>,
) -> Option<&'static str> {
    match verb {
        "PUB" => Some("PUB"),
        "HIST" => Some("HIST"),
        "WHO" => Some("WHO"),
        "SUB" => words.nth(2).filter(|word| word.starts_with("since=")).map(|_| "since="),
        _ => None,
    }
}

/// The longest header line, without its newline.
pub(super) const HEADER_BYTES_MAX: usize = 1024;
/// The longest key of a label.
pub(super) const KEY_BYTES_MAX: usize = 32;
const EXCERPT_BYTES_MAX: usize = 200;

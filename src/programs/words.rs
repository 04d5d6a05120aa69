//! The words of header lines: numbers, limits of length, and how a log shows them.

/// A decimal number of at most so many digits that fits 64 bits.
pub(super) fn number(digits: &str, digits_max: usize) -> Option<u64> {
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    // The library would also accept a sign.
    if all_digits && digits.len() <= digits_max { digits.parse().ok() } else { None }
}

/// `bytes` for a log: cut, and escaped.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(EXCERPT_BYTES_MAX)].escape_ascii().to_string()
}

/// The longest header line, without its newline.
pub(super) const HEADER_BYTES_MAX: usize = 1024;
/// The longest key of a label.
pub(super) const KEY_BYTES_MAX: usize = 32;
const EXCERPT_BYTES_MAX: usize = 200;

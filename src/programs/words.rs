//! The words of header lines: limits of length, and how a log shows them.

/// `bytes` for a log: cut, and escaped.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(EXCERPT_BYTES_MAX)].escape_ascii().to_string()
}

/// The longest header line, without its newline.
pub(super) const HEADER_BYTES_MAX: usize = 1024;
/// The longest key of a label.
pub(super) const KEY_BYTES_MAX: usize = 32;
const EXCERPT_BYTES_MAX: usize = 200;

//! The request target (RFC 9112, 3.2): the path, which names a service, and the query, which does
//! not. Each service has one spelling of its path; other spellings name nothing.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::ws::Status;

/// A request target whose path may name a service or a file: below the root, never above it, and
/// never hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The path, percent-decoded once. It begins with a slash, and only its last segment may be
    /// empty.
    pub path: String,
    /// The query as it came, without the question mark; empty when there is none.
    pub query: String,
    /// The host and port of a target in absolute form, which replace the `Host` header; `None` in
    /// origin form.
    pub authority: Option<String>,
}

impl Target {
    /// Parses a target in origin form or absolute form (RFC 9112, 3.2).
    ///
    /// # Errors
    /// It is malformed, or its path can name nothing.
    pub fn parse(target: &str) -> Result<Self, TargetError> {
        let (authority, rest) = split_authority(target)?;
        // RFC 9112, 3.2: a target has no fragment.
        if rest.contains('#') {
            return Err(TargetError::Malformed);
        }
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path = if path.is_empty() && authority.is_some() { "/" } else { path };
        if !path.starts_with('/') {
            return Err(TargetError::Malformed);
        }
        Ok(Self { path: decode_path(path)?, query: query.to_owned(), authority })
    }

    /// Whether `text` is a valid path that decoding does not change, without a query.
    #[must_use]
    pub fn is_path(text: &str) -> bool {
        Self::parse(text).is_ok_and(|target| target.path == text)
    }
}

/// Whether a target, as it came, spells the path that it means as [`encode_path`] does.
#[must_use]
pub fn is_canonical(target: &str, path: &str) -> bool {
    let rest = split_authority(target).map_or(target, |(_, rest)| rest);
    let spelled = rest.split('?').next().unwrap_or_default();
    // RFC 9110, 4.2.3: an empty path is the same as "/".
    spelled.is_empty() || spelled == encode_path(path)
}

/// The canonical spelling of a decoded path. RFC 3986, 3.3 and 6.2.2: what may stand in a path does
/// so, and each byte of all else is percent-encoded, with upper-case digits.
#[must_use]
pub fn encode_path(path: &str) -> String {
    let mut spelled = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte) {
            spelled.push(char::from(byte));
        } else {
            spelled.push_str(&format!("%{byte:02X}"));
        }
    }
    spelled
}

/// Why a target can name nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetError {
    /// It is no target, or its percent-encoding is malformed.
    Malformed,
    /// A name begins with a dot: it is hidden, or leads upwards.
    Hidden,
    /// It is well-formed, but no service can have such a path.
    Nowhere,
}

impl TargetError {
    /// The reason for the log. The answer to the peer does not say what is hidden.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Malformed => {
                "the request target is no path and no http:// URL, or it has a fragment, a user, \
                 or broken percent-encoding"
            }
            Self::Hidden => {
                "a name in the path begins with a dot, and such names are hidden, but for \
                 /.well-known"
            }
            Self::Nowhere => {
                "no path has empty names, backslashes, control characters, encoded slashes, or \
                 bytes that are no UTF-8"
            }
        }
    }

    /// The status that answers it.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Malformed => Status::BAD_REQUEST,
            Self::Hidden | Self::Nowhere => Status::NOT_FOUND,
        }
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the request target is malformed",
            Self::Hidden | Self::Nowhere => "nothing is at this path",
        })
    }
}

impl core::error::Error for TargetError {}

/// RFC 9112, 3.2.2: a server accepts the absolute form, and its host replaces the Host header.
fn split_authority(target: &str) -> Result<(Option<String>, &str), TargetError> {
    if target.starts_with('/') {
        return Ok((None, target));
    }
    let (scheme, rest) = target.split_once("://").ok_or(TargetError::Malformed)?;
    if !["http", "https", "ws", "wss"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
        return Err(TargetError::Malformed);
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    // RFC 9110, 4.2.1 and 4.2.4: an empty host and user information are invalid.
    if authority.is_empty() || authority.contains('@') {
        return Err(TargetError::Malformed);
    }
    Ok((Some(authority.to_owned()), rest))
}

/// Decodes percent-encoding once, then checks the result: a name that leads upwards, is hidden, or
/// is a second spelling names nothing.
fn decode_path(path: &str) -> Result<String, TargetError> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let byte = percent_byte(&mut bytes).ok_or(TargetError::Malformed)?;
        // A percent-encoded slash must not separate names.
        if byte == b'/' {
            return Err(TargetError::Nowhere);
        }
        decoded.push(byte);
    }
    let path = String::from_utf8(decoded).map_err(|_| TargetError::Nowhere)?;
    if path.contains(|c: char| c.is_control() || c == '\\') {
        return Err(TargetError::Nowhere);
    }
    // RFC 8615, 3: this name at the root is served although it begins with a dot.
    let known = path[1..].strip_prefix(WELL_KNOWN);
    let checked = known.filter(|rest| rest.is_empty() || rest.starts_with('/')).unwrap_or(&path);
    for pair in checked.as_bytes().windows(2) {
        match pair {
            b"/." => return Err(TargetError::Hidden),
            b"//" => return Err(TargetError::Nowhere),
            _ => {}
        }
    }
    Ok(path)
}

/// The one folder at the root that is served although its name begins with a dot.
pub(crate) const WELL_KNOWN: &str = ".well-known";

/// The byte that two digits stand for, behind a percent sign (RFC 3986, 2.1).
pub(crate) fn percent_byte(digits: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let mut digit = || char::from(digits.next()?).to_digit(16);
    let (high, low) = (digit()?, digit()?);
    u8::try_from(high << 4 | low).ok()
}

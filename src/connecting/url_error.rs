//! `UrlError`: why a URL cannot be used.

use std::fmt;

/// Why a URL names no database, or no server of Redis. The text says what is allowed. Of the
/// URL it has the name of an option at most, since all else may be a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlError(String);

impl UrlError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UrlError {}

//! `CloseError`: an error of a callback that says how its socket is closed.

use std::error::Error;
use std::fmt;

#[cfg(doc)]
use crate::service::SocketHandler;
use crate::ws::CloseCode;

/// An error that says how its socket is closed. A callback of a [`SocketHandler`] returns it, or an
/// error that has it among its [sources](Error::source). The peer gets this code and reason, where
/// other errors give it 1011 and no reason.
///
/// In an `anyhow::Error` it has to be a source: `Err(CloseError::new(...)).context("...")`.
///
/// ```
/// use switchboard::{CloseCode, CloseError};
///
/// fn parse(text: &str) -> Result<u8, CloseError> {
///     text.parse().map_err(|_| CloseError::new(CloseCode::POLICY, "a number from 0 to 255"))
/// }
///
/// assert_eq!(parse("42").ok(), Some(42));
/// assert!(parse("x").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseError {
    code: CloseCode,
    reason: String,
}

impl CloseError {
    /// An error that closes its socket with this code and reason. They may be what
    /// [`Context::close`](crate::Context::close) takes: a reason beyond 123 bytes is cut.
    #[must_use]
    pub fn new(code: CloseCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// The code for the peer.
    #[must_use]
    pub const fn code(&self) -> CloseCode {
        self.code
    }

    /// The reason for the peer.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The first one in the chain of an error and its sources.
    pub(crate) fn in_chain<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        chain(error).find_map(|error| error.downcast_ref())
    }
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code.number())?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, " {}", self.reason) }
    }
}

impl Error for CloseError {}

/// The texts of an error and of its sources, one after the other.
pub(crate) fn chain_text(error: &(dyn Error + 'static)) -> String {
    let mut texts = error.to_string();
    for source in chain(error).skip(1).map(ToString::to_string) {
        // Some errors have the text of their source in their own.
        if !texts.ends_with(&source) {
            texts += ": ";
            texts += &source;
        }
    }
    texts
}

/// An error and its sources. A chain that never ends is cut.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source()).take(SOURCES_MAX)
}

/// How many errors of a chain are looked at.
const SOURCES_MAX: usize = 16;

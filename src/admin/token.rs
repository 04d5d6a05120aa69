//! `AdminToken`: the secret that requests of operators over TCP have, and where it is kept.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::ws::constant_time_eq;

/// The secret that requests over TCP need, as `Authorization: Bearer TOKEN` (RFC 6750, 2.1). It has
/// 16 to 512 letters, digits and `-._~+/`, with `=` at the end. It is in no log and in no `Debug`.
///
/// ```
/// use switchboard::admin::AdminToken;
///
/// assert!(AdminToken::new("0b9f7c52ae81d4e6").is_ok());
/// assert!(AdminToken::new("secret").is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct AdminToken(Arc<str>);

/// The secret of a host that runs, to be replaced from any thread: [`Admin::token_slot`]. Clones
/// are for the same host.
///
/// [`Admin::token_slot`]: crate::admin::Admin::token_slot
#[derive(Clone, Debug, Default)]
pub struct TokenSlot(Arc<RwLock<Option<AdminToken>>>);

/// Why a text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// It has fewer than 16 or more than 512 characters.
    Length(usize),
    /// It has a character that a token cannot have.
    Character,
}

impl AdminToken {
    /// This secret.
    ///
    /// # Errors
    /// It is too short or too long, or has other characters.
    pub fn new(text: impl AsRef<str>) -> Result<Self, TokenError> {
        let text = text.as_ref();
        if !(BYTES_MIN..=BYTES_MAX).contains(&text.len()) {
            return Err(TokenError::Length(text.len()));
        }
        let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        let bare = text.trim_end_matches('=');
        if bare.is_empty() || !bare.bytes().all(is_of_token) {
            return Err(TokenError::Character);
        }
        Ok(Self(text.into()))
    }

    /// Whether this is the secret. How long that takes depends on the length of `found` alone.
    pub(super) fn is(&self, found: &str) -> bool {
        constant_time_eq(&*self.0, found)
    }
}

impl TokenSlot {
    /// Sets the secret of connections that come from now on. Without one, requests that need it are
    /// refused.
    pub fn set(&self, token: Option<AdminToken>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = token;
    }

    pub(super) fn get(&self) -> Option<AdminToken> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken")
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(found) => write!(
                f,
                "the token has {found} characters, and has to have {BYTES_MIN} to {BYTES_MAX}"
            ),
            Self::Character => f.write_str(
                "the token has a character other than letters, digits and -._~+/, and = at its end",
            ),
        }
    }
}

impl Error for TokenError {}

const BYTES_MIN: usize = 16;
const BYTES_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_only_itself() {
        let text = "0123456789abcdef";
        let token = AdminToken::new(text).expect("it is a token");
        assert!(token.is(text));
        let doubled = text.repeat(2);
        for other in ["", "0", "0123456789abcdeF", "0123456789abcde", &doubled, "x123456789abcdef"]
        {
            assert!(!token.is(other), "{other}");
        }
        let slot = TokenSlot::default();
        slot.set(Some(token));
        assert_eq!(format!("{slot:?}").matches("0123").count(), 0);
    }

    #[test]
    fn texts_that_are_no_tokens() {
        let error = |text: &str| AdminToken::new(text).err();
        assert_eq!(error(&"x".repeat(15)), Some(TokenError::Length(15)));
        assert_eq!(error(&"x".repeat(513)), Some(TokenError::Length(513)));
        for text in [
            "0123456789 abcdef",
            "0123456789abcdef\n",
            "=0123456789abcdef",
            "0123456789abcdé",
            "0123456789abcdef\0",
            "================",
        ] {
            assert_eq!(error(text), Some(TokenError::Character), "{text:?}");
        }
        assert_eq!(error("MDEyMzQ1Njc4OWFiY2RlZg=="), None);
    }
}

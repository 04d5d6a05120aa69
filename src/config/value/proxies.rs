//! `ProxyValue`: the kinds of values of the keys about proxies.

use crate::config::value::words::{FieldOf, word};
use crate::hub::ProxyProtocol;
use crate::ws::{Forwarded, TrustedProxies, TrustedProxiesError};

/// A kind of value about proxies, and its place in a `T`.
pub(crate) enum ProxyValue<T> {
    Trusted(FieldOf<T, TrustedProxies>),
    Forwarded(FieldOf<T, Forwarded>),
    Protocol(FieldOf<T, ProxyProtocol>),
}

impl<T> ProxyValue<T> {
    /// Reads the value and sets it; `None` if it is not allowed.
    pub(super) fn set(&self, target: &mut T, text: &str) -> Option<()> {
        match self {
            Self::Trusted(place) => *place(target) = text.parse().ok()?,
            Self::Forwarded(place) => {
                let words = [
                    ("x-forwarded-for", Forwarded::XForwardedFor),
                    ("forwarded", Forwarded::Forwarded),
                    ("off", Forwarded::Off),
                ];
                *place(target) = word(text, words)?;
            }
            Self::Protocol(place) => {
                let words = [("off", ProxyProtocol::Off), ("on", ProxyProtocol::On)];
                *place(target) = word(text, words)?;
            }
        }
        Some(())
    }

    /// Whether the values of two targets differ.
    pub(super) fn differs(&self, one: &mut T, other: &mut T) -> bool {
        match self {
            Self::Trusted(place) => place(one) != place(other),
            Self::Forwarded(place) => place(one) != place(other),
            Self::Protocol(place) => place(one) != place(other),
        }
    }

    /// The allowed values, as a text after "allowed is".
    pub(super) const fn allowed(&self) -> &'static str {
        match self {
            Self::Trusted(_) => TrustedProxiesError::ALLOWED,
            Self::Forwarded(_) => "x-forwarded-for, forwarded or off",
            Self::Protocol(_) => "off or on",
        }
    }
}

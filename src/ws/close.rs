//! Close codes and close frames' payloads (RFC 6455, 5.5.1 and 7.4).

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::ws::Fault;

/// A close code: the number that says why a conversation ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

impl CloseCode {
    /// The purpose is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// An endpoint goes away: the server stops, or a page is left.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// A kind of data that the endpoint does not take.
    pub const UNSUPPORTED: Self = Self(1003);
    /// The close frame had no code. Never sent.
    pub const NONE: Self = Self(1005);
    /// The connection ended without a close frame. Never sent.
    pub const LOST: Self = Self(1006);
    /// Text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// Against the endpoint's policy.
    pub const POLICY: Self = Self(1008);
    /// A message longer than the endpoint takes.
    pub const TOO_BIG: Self = Self(1009);
    /// An unexpected condition at the server.
    pub const INTERNAL: Self = Self(1011);
    /// The service restarts; the peer may connect again.
    pub const RESTART: Self = Self(1012);
    /// The server is overloaded, or the peer does not read what it is sent.
    pub const TRY_LATER: Self = Self(1013);

    /// The code with this number, if a close frame may carry it (RFC 6455, 7.4.1 and 7.4.2):
    /// 1000-1003, 1007-1014 as registered with IANA, and 3000-4999 for applications.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        match number {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(number)),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.0)
    }
}

/// Why a conversation ended: the code and reason of a close frame, [`CloseCode::NONE`] for
/// a close frame without a code, [`CloseCode::LOST`] when there was no close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code.
    pub code: CloseCode,
    /// The reason: words for a log, empty more often than not.
    pub reason: String,
}

impl Close {
    /// A close with this code and reason.
    #[must_use]
    pub fn new(code: CloseCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// Reads the payload of a close frame.
    ///
    /// # Errors
    /// The broken rule: one byte alone, a code that must not be sent, a reason not in UTF-8.
    pub fn decode(payload: &[u8]) -> Result<Self, Fault> {
        let Some((code, reason)) = payload.split_first_chunk::<2>() else {
            // RFC 6455, 5.5.1: if there is a body, its first two bytes are the code.
            let empty = payload.is_empty();
            return if empty {
                Ok(Self::new(CloseCode::NONE, ""))
            } else {
                Err(Fault::CloseLength)
            };
        };
        let code = CloseCode::new(u16::from_be_bytes(*code)).ok_or(Fault::CloseCode)?;
        let reason = core::str::from_utf8(reason).map_err(|_| Fault::CloseReason)?;
        Ok(Self { code, reason: reason.to_owned() })
    }

    /// Appends the payload of a close frame. A code that must not be sent gives an empty
    /// payload; a reason that does not fit is cut at a character.
    pub fn encode(&self, out: &mut Vec<u8>) {
        // RFC 6455, 7.4.1: 1005, 1006 and 1015 must not be set in a close frame.
        if CloseCode::new(self.code.0).is_none() {
            return;
        }
        out.extend_from_slice(&self.code.0.to_be_bytes());
        out.extend_from_slice(self.sent_reason().as_bytes());
    }

    /// As much of the reason as a close frame carries.
    #[must_use]
    pub fn sent_reason(&self) -> &str {
        &self.reason[..self.reason.floor_char_boundary(REASON_BYTES_MAX)]
    }
}

impl fmt::Display for Close {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reason.is_empty() {
            return self.code.fmt(f);
        }
        write!(f, "{} {:?}", self.code, self.reason)
    }
}

/// RFC 6455, 5.5: a control frame holds 125 bytes, two of them the code.
const REASON_BYTES_MAX: usize = 123;

//! The payloads of close frames (RFC 6455, 5.5.1).

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::ws::{CloseCode, ProtocolError};

/// Why a conversation ended: the code and reason of a close frame, [`CloseCode::NONE`] for
/// a close frame without a code, [`CloseCode::LOST`] when there was no close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code.
    pub code: CloseCode,
    /// The reason, for a log; often empty. A frame carries up to 123 bytes of it.
    pub reason: String,
}

impl Close {
    /// A close with this code and reason.
    #[must_use]
    pub fn new(code: CloseCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// Decodes the payload of a close frame. An empty one has the code [`CloseCode::NONE`].
    ///
    /// # Errors
    /// The broken rule: a payload of one byte, a code that must not be sent, or a reason that is
    /// not UTF-8.
    pub fn decode(payload: &[u8]) -> Result<Self, ProtocolError> {
        let Some((code, reason)) = payload.split_first_chunk::<2>() else {
            // RFC 6455, 5.5.1: if there is a body, its first two bytes are the code.
            let empty = payload.is_empty();
            return if empty {
                Ok(Self::new(CloseCode::NONE, ""))
            } else {
                Err(ProtocolError::CloseLength)
            };
        };
        let code = CloseCode::new(u16::from_be_bytes(*code)).ok_or(ProtocolError::CloseCode)?;
        let reason = core::str::from_utf8(reason).map_err(|_| ProtocolError::CloseReason)?;
        Ok(Self { code, reason: reason.to_owned() })
    }

    /// Appends the payload of a close frame. With a code that must not be sent, the payload is
    /// empty. A reason of more than 123 bytes is cut at a character.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if let Some((code, reason)) = self.payload() {
            out.extend_from_slice(&code);
            out.extend_from_slice(reason.as_bytes());
        }
    }

    /// The two parts of the payload; `None` if it is empty.
    pub(crate) fn payload(&self) -> Option<([u8; 2], &str)> {
        // RFC 6455, 7.4.1: 1005, 1006 and 1015 must not be set in a close frame.
        let code = CloseCode::new(self.code.number())?;
        Some((code.number().to_be_bytes(), self.sent_reason()))
    }

    /// The part of the reason that a close frame carries: up to 123 bytes, cut at a character.
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

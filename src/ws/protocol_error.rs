//! The rules of RFC 6455 that a peer can break once the conversation is open: one variant
//! each, with the close code that answers it and the section that states it.

use core::fmt;

use crate::ws::CloseCode;

/// A rule of RFC 6455 that a peer has broken. It is closed with [`ProtocolError::code`], and
/// nothing of it is read any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A reserved bit is set though no extension was agreed.
    ReservedBits,
    /// The opcode is one of 0x3-0x7 or 0xB-0xF.
    ReservedOpcode,
    /// A frame from a client is not masked.
    Unmasked,
    /// A control frame is fragmented.
    FragmentedControl,
    /// A control frame is longer than 125 bytes.
    LongControl,
    /// A length is not in its shortest form.
    LengthForm,
    /// The highest bit of a 64-bit length is set.
    LengthSign,
    /// A continuation frame without a message to continue.
    LoneContinuation,
    /// A new message begins before the last one has ended.
    UnfinishedMessage,
    /// A text message is not UTF-8.
    Utf8,
    /// A close frame with a payload of one byte.
    CloseLength,
    /// A close code that must not stand in a frame.
    CloseCode,
    /// The reason in a close frame is not UTF-8.
    CloseReason,
    /// A message is longer than the limit.
    MessageTooLong,
    /// A message comes in more frames than the limit.
    TooManyFragments,
    /// A compressed message cannot be inflated.
    #[cfg(feature = "deflate")]
    Deflate,
}

impl ProtocolError {
    /// The close code for the peer.
    #[must_use]
    pub const fn code(self) -> CloseCode {
        self.row().0
    }

    /// The section of RFC 6455 that states the rule.
    #[must_use]
    pub const fn section(self) -> &'static str {
        self.row().1
    }

    const fn row(self) -> (CloseCode, &'static str, &'static str) {
        use CloseCode as C;
        match self {
            Self::ReservedBits => (C::PROTOCOL, "5.2", "reserved bit set without an extension"),
            Self::ReservedOpcode => (C::PROTOCOL, "5.2", "reserved opcode"),
            Self::Unmasked => (C::PROTOCOL, "5.1", "frame from a client is not masked"),
            Self::FragmentedControl => (C::PROTOCOL, "5.5", "fragmented control frame"),
            Self::LongControl => (C::PROTOCOL, "5.5", "control frame above 125 bytes"),
            Self::LengthForm => (C::PROTOCOL, "5.2", "length not in its shortest form"),
            Self::LengthSign => (C::PROTOCOL, "5.2", "highest bit of a 64-bit length set"),
            Self::LoneContinuation => (C::PROTOCOL, "5.4", "continuation of no message"),
            Self::UnfinishedMessage => (C::PROTOCOL, "5.4", "new message within a message"),
            Self::Utf8 => (C::INVALID_PAYLOAD, "8.1", "text is not UTF-8"),
            Self::CloseLength => (C::PROTOCOL, "5.5.1", "close payload of one byte"),
            Self::CloseCode => (C::PROTOCOL, "7.4", "close code not allowed in a frame"),
            Self::CloseReason => (C::INVALID_PAYLOAD, "5.5.1", "close reason is not UTF-8"),
            Self::MessageTooLong => (C::TOO_BIG, "10.4", "message above the limit"),
            Self::TooManyFragments => (C::POLICY, "10.4", "more fragments than the limit"),
            // Like text that is not UTF-8: the frames are right, and what is in them is not
            // what they say.
            #[cfg(feature = "deflate")]
            Self::Deflate => (C::INVALID_PAYLOAD, "7.4.1", "compressed data is broken"),
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().2)
    }
}

impl core::error::Error for ProtocolError {}

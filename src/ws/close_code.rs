//! Close codes (RFC 6455, 7.4).

use core::fmt;

/// A close code: the number that says why a conversation ended (RFC 6455, 7.4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the conversation is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: an endpoint goes away. The server stops, or the user leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke a rule of the protocol.
    pub const PROTOCOL: Self = Self(1002);
    /// 1003: the endpoint does not accept this kind of data, such as binary.
    pub const UNSUPPORTED: Self = Self(1003);
    /// 1005: the close frame had no code. It is never sent.
    pub const NONE: Self = Self(1005);
    /// 1006: the connection ended without a close frame. It is never sent.
    pub const LOST: Self = Self(1006);
    /// 1007: text that is not UTF-8, or compressed data that is broken.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: the peer violates a policy, such as a limit of messages or fragments.
    pub const POLICY: Self = Self(1008);
    /// 1009: a message is longer than the endpoint accepts.
    pub const TOO_BIG: Self = Self(1009);
    /// 1011: an unexpected fault of the server.
    pub const INTERNAL: Self = Self(1011);
    /// 1012: the service restarts. The peer may connect again.
    pub const RESTART: Self = Self(1012);
    /// 1013: the server is overloaded, or the peer does not read what it is sent. It may try again
    /// later.
    pub const TRY_LATER: Self = Self(1013);

    /// The code with this number; `None` if a close frame must not carry it (RFC 6455, 7.4.1 and
    /// 7.4.2). Allowed are 1000 to 1003, 1007 to 1014 as registered with IANA, and 3000 to 4999 for
    /// libraries and applications.
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

//! Close codes (RFC 6455, 7.4).

use core::fmt;

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

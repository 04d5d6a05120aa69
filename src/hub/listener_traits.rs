//! `ListenerTraits`: what the connections of a listener have in common.

use crate::ws::Transport;

/// What the connections of a listener have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerTraits {
    /// Which machines can connect.
    pub reach: Reach,
    /// Whether they begin with a header of the PROXY protocol.
    pub protocol: ProxyProtocol,
    /// Whether they begin with a TLS handshake, so that TLS ends in this server.
    pub transport: Transport,
}

impl ListenerTraits {
    /// A listener without TLS and without the PROXY protocol.
    #[must_use]
    pub const fn plain(reach: Reach) -> Self {
        Self { reach, protocol: ProxyProtocol::Off, transport: Transport::Unknown }
    }

    /// The same, with or without the PROXY protocol.
    #[must_use]
    pub const fn with_protocol(self, protocol: ProxyProtocol) -> Self {
        Self { protocol, ..self }
    }

    /// Whether its connections begin with a TLS handshake; never in a build without TLS.
    pub(crate) const fn is_secure(self) -> bool {
        cfg!(feature = "tls") && matches!(self.transport, Transport::Secure)
    }
}

/// Whether connections have to begin with a header of the PROXY protocol, in version 1 or 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// None has one. This is the default.
    #[default]
    Off,
    /// Each has to come from a trusted proxy and has to have one; others are dropped.
    On,
}

/// From where a listener can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// From this machine only: its address is on loopback.
    Machine,
    /// From other machines as well.
    Network,
}

/// Whether the system has descriptors for the connections that come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Descriptors {
    /// It had one for the last connection.
    #[default]
    Enough,
    /// It had none, and a connection waits.
    Lacking,
}

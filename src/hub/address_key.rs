//! `AddressKey`: what counts as one address. `addresses` counts by it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::service::UNIX_NAME;

/// What counts as one address: an address of IPv4, or a /64 network of IPv6, in which a machine
/// chooses the other 64 bits as it likes (RFC 4291, 2.5.1). All peers of Unix sockets are one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct AddressKey(u64);

impl AddressKey {
    /// What an address counts as. One of IPv4 within IPv6 (RFC 4291, 2.5.5.2) counts as IPv4.
    pub(super) const fn of(peer: Option<SocketAddr>) -> Self {
        let Some(peer) = peer else { return Self(UNIX_BITS) };
        match peer.ip().to_canonical() {
            IpAddr::V4(ip) => Self(V4_BITS | ip.to_bits() as u64),
            IpAddr::V6(ip) => Self((ip.to_bits() >> 64) as u64),
        }
    }

    /// The same, but `None` for loopback and Unix sockets, which no limit of one address concerns.
    pub(super) fn counted(peer: Option<SocketAddr>) -> Option<Self> {
        (!peer?.ip().to_canonical().is_loopback()).then(|| Self::of(peer))
    }
}

impl fmt::Display for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bits) = *self;
        if bits == UNIX_BITS {
            return UNIX_NAME.fmt(f);
        }
        match u32::try_from(bits ^ V4_BITS) {
            Ok(bits) => Ipv4Addr::from_bits(bits).fmt(f),
            Err(_) => write!(f, "{}/64", Ipv6Addr::from_bits(u128::from(bits) << 64)),
        }
    }
}

/// The address of a peer, as the log has it.
pub(super) struct PeerName(pub(super) Option<SocketAddr>);

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => UNIX_NAME.fmt(f),
        }
    }
}

/// What an [`AddressKey`] of IPv4 begins with. No peer has such an address of IPv6, which is that
/// of a group (RFC 4291, 2.7).
const V4_BITS: u64 = 0xffff_ffff << 32;
/// The [`AddressKey`] of Unix sockets, likewise.
const UNIX_BITS: u64 = 0xffff_fffe << 32;

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer with this address.
    fn at(text: &str) -> Option<SocketAddr> {
        Some(SocketAddr::new(text.parse().expect("it is an address"), 1))
    }

    #[test]
    fn what_counts_as_one_address() {
        // An address, what it counts as, and whether it is counted.
        let rows = [
            ("1.2.3.4", "1.2.3.4", true),
            ("255.255.255.255", "255.255.255.255", true),
            ("0.0.0.0", "0.0.0.0", true),
            ("127.255.0.1", "127.255.0.1", false),
            ("::ffff:1.2.3.4", "1.2.3.4", true),
            ("::ffff:127.0.0.1", "127.0.0.1", false),
            ("2001:db8:1:2::", "2001:db8:1:2::/64", true),
            ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64", true),
            ("2001:db8:1:3::", "2001:db8:1:3::/64", true),
            ("fe80::1", "fe80::/64", true),
            ("::1", "::/64", false),
        ];
        for (text, expected, is_counted) in rows {
            assert_eq!(AddressKey::of(at(text)).to_string(), expected, "{text}");
            assert_eq!(
                AddressKey::counted(at(text)),
                is_counted.then(|| AddressKey::of(at(text))),
                "{text}"
            );
        }
        assert_eq!(
            (AddressKey::of(None).to_string(), AddressKey::counted(None)),
            ("unix".into(), None)
        );
        for (one, two, are_one) in [
            ("2001:db8:1:2::1", "2001:db8:1:2:8000::", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
            ("1.2.3.4", "::ffff:1.2.3.4", true),
            ("1.2.3.4", "::1.2.3.4", false),
            ("1.2.3.4", "1.2.3.5", false),
        ] {
            assert_eq!(AddressKey::of(at(one)) == AddressKey::of(at(two)), are_one, "{one} {two}");
        }
    }
}

//! `Addresses`: where sockets come from, and how many from each address. A socket keeps a
//! [`Peer`], which is short; what is too long for that stands here. What counts as one address is a
//! [`Key`].

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use slab::Slab;

/// The addresses of all sockets.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// How many sockets come from each address that is counted.
    counts: HashMap<Key, usize>,
    /// The IPv6 address of each socket that has one.
    long: Slab<Ipv6Addr>,
}

/// The address and port of one socket, in seven bytes that stand anywhere.
#[derive(Clone, Copy, Debug)]
pub(super) enum Peer {
    /// The address itself.
    V4(Ipv4Addr, [u8; 2]),
    /// The place of the address.
    V6([u8; 4], [u8; 2]),
}

/// What counts as one address: an address of IPv4, or a /64 network of IPv6, in which a machine
/// chooses the other 64 bits as it likes (RFC 4291, 2.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(u64);

impl Addresses {
    /// A socket comes.
    pub(super) fn join(&mut self, address: SocketAddr) -> Peer {
        if let Some(key) = Key::counted(address.ip()) {
            *self.counts.entry(key).or_default() += 1;
        }
        let port = address.port().to_ne_bytes();
        match address.ip() {
            IpAddr::V4(ip) => Peer::V4(ip, port),
            IpAddr::V6(ip) => {
                let place = u32::try_from(self.long.insert(ip));
                Peer::V6(place.expect("socket ids have room for 2^24 places").to_ne_bytes(), port)
            }
        }
    }

    /// A socket goes.
    pub(super) fn part(&mut self, peer: Peer) {
        let key = Key::of(self.of(peer).ip());
        if let Peer::V6(place, _) = peer {
            self.long.remove(index(place));
        }
        if let Some(count) = self.counts.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&key);
            }
        }
    }

    /// The address of a socket that is there.
    pub(super) fn of(&self, peer: Peer) -> SocketAddr {
        match peer {
            Peer::V4(ip, port) => (ip, u16::from_ne_bytes(port)).into(),
            Peer::V6(place, port) => (self.long[index(place)], u16::from_ne_bytes(port)).into(),
        }
    }

    /// How many sockets come from what counts as one address; none if it is not counted.
    pub(super) fn count(&self, key: Key) -> usize {
        self.counts.get(&key).copied().unwrap_or(0)
    }

    /// The name of each table, for how much there is room, and how much is in it.
    #[cfg(test)]
    pub(super) fn tables(&self) -> [(&'static str, usize, usize); 2] {
        let Self { counts, long } = self;
        [
            ("counts", counts.capacity(), counts.len()),
            ("long addresses", long.capacity(), long.len()),
        ]
    }

    /// Whether no socket has left anything behind.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.long.is_empty()
    }
}

impl Key {
    /// What an address counts as. One of IPv4 within IPv6 (RFC 4291, 2.5.5.2) counts as IPv4.
    pub(super) const fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self(V4_BITS | ip.to_bits() as u64),
            IpAddr::V6(ip) => Self((ip.to_bits() >> 64) as u64),
        }
    }

    /// The same, but `None` for loopback, which no limit of one address concerns.
    pub(super) fn counted(ip: IpAddr) -> Option<Self> {
        (!ip.to_canonical().is_loopback()).then(|| Self::of(ip))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bits) = *self;
        match u32::try_from(bits ^ V4_BITS) {
            Ok(bits) => Ipv4Addr::from_bits(bits).fmt(f),
            Err(_) => write!(f, "{}/64", Ipv6Addr::from_bits(u128::from(bits) << 64)),
        }
    }
}

const fn index(place: [u8; 4]) -> usize {
    u32::from_ne_bytes(place) as usize
}

/// What a [`Key`] of IPv4 begins with. No peer has such an address of IPv6, which is that of a
/// group (RFC 4291, 2.7).
const V4_BITS: u64 = 0xffff_ffff << 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("it is an address")
    }

    #[test]
    fn addresses_are_kept_and_counted() {
        let rows = ["1.2.3.4:5", "[2001:db8::1]:65535", "127.0.0.1:80", "[::1]:81", "1.2.3.4:6"];
        let rows = rows.map(|text| text.parse::<SocketAddr>().expect("it is one"));
        let mut addresses = Addresses::default();
        let peers = rows.map(|address| addresses.join(address));
        let counts = |addresses: &Addresses| rows.map(|row| addresses.count(Key::of(row.ip())));
        assert_eq!(peers.map(|peer| addresses.of(peer)), rows);
        assert_eq!(counts(&addresses), [2, 1, 0, 0, 2]);
        addresses.part(peers[0]);
        assert_eq!(counts(&addresses), [1, 1, 0, 0, 1]);
        peers[1..].iter().for_each(|peer| addresses.part(*peer));
        assert!(addresses.is_empty());
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
            assert_eq!(Key::of(ip(text)).to_string(), expected, "{text}");
            assert_eq!(Key::counted(ip(text)), is_counted.then(|| Key::of(ip(text))), "{text}");
        }
        for (one, two, are_one) in [
            ("2001:db8:1:2::1", "2001:db8:1:2:8000::", true),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
            ("1.2.3.4", "::ffff:1.2.3.4", true),
            ("1.2.3.4", "::1.2.3.4", false),
            ("1.2.3.4", "1.2.3.5", false),
        ] {
            assert_eq!(Key::of(ip(one)) == Key::of(ip(two)), are_one, "{one} {two}");
        }
    }
}

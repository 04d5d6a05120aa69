//! `Addresses`: where sockets come from, and how many from each address. A socket keeps a
//! [`Peer`], which is short; what is too long for that stands here.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use slab::Slab;

/// The addresses of all sockets.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// How many sockets come from each address that is counted.
    counts: HashMap<IpAddr, usize>,
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

impl Addresses {
    /// A socket comes.
    pub(super) fn join(&mut self, address: SocketAddr) -> Peer {
        // `Limits::sockets_per_ip_max` excepts loopback.
        if !address.ip().is_loopback() {
            *self.counts.entry(address.ip()).or_default() += 1;
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
        let ip = self.of(peer).ip();
        if let Peer::V6(place, _) = peer {
            self.long.remove(index(place));
        }
        if let Some(count) = self.counts.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&ip);
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

    /// How many sockets come from an address; none if it is not counted.
    pub(super) fn count(&self, ip: IpAddr) -> usize {
        self.counts.get(&ip).copied().unwrap_or(0)
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

const fn index(place: [u8; 4]) -> usize {
    u32::from_ne_bytes(place) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_and_counted() {
        let rows = ["1.2.3.4:5", "[2001:db8::1]:65535", "127.0.0.1:80", "[::1]:81", "1.2.3.4:6"];
        let rows = rows.map(|text| text.parse::<SocketAddr>().expect("it is one"));
        let mut addresses = Addresses::default();
        let peers = rows.map(|address| addresses.join(address));
        assert_eq!(peers.map(|peer| addresses.of(peer)), rows);
        assert_eq!(rows.map(|address| addresses.count(address.ip())), [2, 1, 0, 0, 2]);
        addresses.part(peers[0]);
        assert_eq!(rows.map(|address| addresses.count(address.ip())), [1, 1, 0, 0, 1]);
        peers[1..].iter().for_each(|peer| addresses.part(*peer));
        assert!(addresses.is_empty());
    }
}

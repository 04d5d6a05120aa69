//! `Addresses`: where sockets come from, how many from each address, and how often that connects. A
//! socket keeps a [`PeerAddress`], which is short; what is too long for that stands here.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use slab::Slab;

use crate::hub::address_key::AddressKey;
use crate::hub::meter::Meter;
use crate::limits::{Limits, Rate};
use crate::time::Time;

/// The addresses of all sockets.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// The index of each counted address in `sources`.
    places: HashMap<AddressKey, usize>,
    /// What is known of each.
    sources: Slab<AddressEntry>,
    idle: Idle,
    /// The entry that new addresses share when the maximum of idle addresses is reached.
    shared: AddressEntry,
    /// The IPv6 address of each socket that has one.
    long: Slab<Ipv6Addr>,
}

/// The state of one address. It is dropped with the last socket of the address, or later, when its
/// rate is unused.
#[derive(Debug, Default)]
struct AddressEntry {
    key: AddressKey,
    /// What it has used of the rate of new connections.
    meter: Meter,
    /// The place of the next idle one, if it is idle itself and not the last.
    next: usize,
    sockets_len: u32,
    /// How many connections were refused with an answer since the rate was unused.
    refused_len: u8,
    is_idle: bool,
}

/// The queue of entries that are checked again: all without sockets, and some with sockets.
#[derive(Debug, Default)]
struct Idle {
    first: usize,
    last: usize,
    len: usize,
}

/// What the rate of its address says of a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RateVerdict {
    /// The rate allows it.
    Allowed,
    /// It is refused with an answer.
    Refused,
    /// It is closed at once.
    Dropped,
}

/// The address and port of one socket, in seven bytes without alignment. It also says whether the
/// socket counts for its address: which proxies are trusted may change while the socket is open.
#[derive(Clone, Copy, Debug)]
pub(super) enum PeerAddress {
    /// The address itself.
    V4(Ipv4Addr, [u8; 2]),
    /// The place of the address.
    V6([u8; 4], [u8; 2]),
    /// The address of a socket that counts.
    CountedV4(Ipv4Addr, [u8; 2]),
    /// The place of the address of a socket that counts.
    CountedV6([u8; 4], [u8; 2]),
    /// None: it came through a Unix socket.
    Unix,
}

impl Addresses {
    /// Adds a socket, which counts for its address until [`Addresses::part`], unless that is one
    /// that does not count.
    pub(super) fn join(&mut self, address: Option<SocketAddr>) -> PeerAddress {
        let kept = self.keep(address);
        let Some(key) = AddressKey::counted(address) else { return kept };
        let place = self.place_of(key);
        self.source(place).sockets_len += 1;
        match kept {
            PeerAddress::V4(ip, port) => PeerAddress::CountedV4(ip, port),
            PeerAddress::V6(place, port) => PeerAddress::CountedV6(place, port),
            other @ (PeerAddress::CountedV4(..)
            | PeerAddress::CountedV6(..)
            | PeerAddress::Unix) => other,
        }
    }

    /// Keeps the address of a socket that does not count, until [`Addresses::part`].
    pub(super) fn keep(&mut self, address: Option<SocketAddr>) -> PeerAddress {
        let Some(address) = address else { return PeerAddress::Unix };
        let port = address.port().to_ne_bytes();
        match address.ip() {
            IpAddr::V4(ip) => PeerAddress::V4(ip, port),
            IpAddr::V6(ip) => {
                let place = u32::try_from(self.long.insert(ip));
                PeerAddress::V6(place.expect("socket ids have 2^24 places").to_ne_bytes(), port)
            }
        }
    }

    /// A connection comes from a counted address. Each call checks a few idle addresses, so that
    /// all are dropped in time and no call takes long.
    // Not inlined: it is large, and its caller is the turn.
    #[inline(never)]
    pub(super) fn connect(&mut self, key: AddressKey, rate: Rate, now: Time) -> RateVerdict {
        for _ in 0..LOOKS {
            if self.idle.len == 0 {
                break;
            }
            let place = self.idle.first;
            let source = self.source(place);
            source.is_idle = false;
            self.idle.first = source.next;
            self.idle.len -= 1;
            self.settle(place, Some(rate), now);
        }
        if self.idle.len >= Limits::IDLE_ADDRESSES_MAX && !self.places.contains_key(&key) {
            return self.shared.connect(rate, now);
        }
        let place = self.place_of(key);
        let turn = self.source(place).connect(rate, now);
        self.settle(place, Some(rate), now);
        turn
    }

    /// Removes a socket, whether it counts or not.
    pub(super) fn part(&mut self, peer: PeerAddress, rate: Option<Rate>, now: Time) {
        if matches!(peer, PeerAddress::CountedV4(..) | PeerAddress::CountedV6(..)) {
            let place = self.place_of(AddressKey::of(self.of(peer)));
            self.source(place).sockets_len -= 1;
            self.settle(place, rate, now);
        }
        if let PeerAddress::V6(place, _) | PeerAddress::CountedV6(place, _) = peer {
            self.long.remove(index(place));
        }
    }

    fn source(&mut self, place: usize) -> &mut AddressEntry {
        &mut self.sources[place]
    }

    fn place_of(&mut self, key: AddressKey) -> usize {
        let new = || self.sources.insert(AddressEntry { key, ..AddressEntry::default() });
        *self.places.entry(key).or_insert_with(new)
    }

    /// An address without sockets is forgotten, or idle for as long as it has used its rate.
    fn settle(&mut self, place: usize, rate: Option<Rate>, now: Time) {
        let source = &mut self.sources[place];
        if source.sockets_len > 0 || source.is_idle {
            return;
        }
        let is_unused = rate.is_none_or(|rate| source.meter.is_unused(rate, now));
        if is_unused || self.idle.len >= Limits::IDLE_ADDRESSES_MAX {
            self.places.remove(&source.key);
            self.sources.remove(place);
            return;
        }
        source.is_idle = true;
        if self.idle.len == 0 {
            self.idle.first = place;
        } else {
            self.source(self.idle.last).next = place;
        }
        self.idle.last = place;
        self.idle.len += 1;
    }

    /// The address of a socket that is there.
    pub(super) fn of(&self, peer: PeerAddress) -> Option<SocketAddr> {
        let (ip, port): (IpAddr, _) = match peer {
            PeerAddress::V4(ip, port) | PeerAddress::CountedV4(ip, port) => (ip.into(), port),
            PeerAddress::V6(place, port) | PeerAddress::CountedV6(place, port) => {
                (self.long[index(place)].into(), port)
            }
            PeerAddress::Unix => return None,
        };
        Some((ip, u16::from_ne_bytes(port)).into())
    }

    /// How many sockets come from what counts as one address; none if it is not counted.
    pub(super) fn count(&self, key: AddressKey) -> usize {
        self.places.get(&key).map_or(0, |place| self.sources[*place].sockets_len as usize)
    }

    /// The name of each table, its capacity, and its length.
    #[cfg(test)]
    pub(super) fn tables(&self) -> [(&'static str, usize, usize); 3] {
        let Self { places, sources, idle: _, long, shared: _ } = self;
        [
            ("places of addresses", places.capacity(), places.len()),
            ("addresses", sources.capacity(), sources.len()),
            ("long addresses", long.capacity(), long.len()),
        ]
    }

    /// Whether nothing is left behind: no socket, and no rate that is used.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty() && self.sources.is_empty() && self.long.is_empty()
    }
}

impl AddressEntry {
    /// A connection comes.
    fn connect(&mut self, rate: Rate, now: Time) -> RateVerdict {
        if self.meter.is_unused(rate, now) {
            self.refused_len = 0;
        }
        if self.meter.take(rate, now) {
            return RateVerdict::Allowed;
        }
        if self.refused_len >= REFUSED_LEN_MAX {
            return RateVerdict::Dropped;
        }
        self.refused_len += 1;
        RateVerdict::Refused
    }
}

const fn index(place: [u8; 4]) -> usize {
    u32::from_ne_bytes(place) as usize
}

/// More than are added by a connection, which is two: when it comes, and when it goes.
const LOOKS: usize = 4;
/// So many connections of an address are refused with an answer; others are closed at once.
const REFUSED_LEN_MAX: u8 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer with this address.
    fn at(text: &str) -> Option<SocketAddr> {
        Some(SocketAddr::new(text.parse().expect("it is an address"), 1))
    }

    #[test]
    fn addresses_are_kept_and_counted() {
        let rows =
            ["1.2.3.4:5", "[2001:db8::1]:65535", "127.0.0.1:80", "[::1]:81", "1.2.3.4:6", "unix"];
        let rows = rows.map(|text| text.parse::<SocketAddr>().ok());
        let mut addresses = Addresses::default();
        let peers = rows.map(|address| addresses.join(address));
        let counts = |addresses: &Addresses| rows.map(|row| addresses.count(AddressKey::of(row)));
        assert_eq!(peers.map(|peer| addresses.of(peer)), rows);
        assert_eq!(counts(&addresses), [2, 1, 0, 0, 2, 0]);
        addresses.part(peers[0], None, Time::ZERO);
        assert_eq!(counts(&addresses), [1, 1, 0, 0, 1, 0]);
        peers[1..].iter().for_each(|peer| addresses.part(*peer, None, Time::ZERO));
        assert!(addresses.is_empty());
    }

    /// What becomes of so many connections of an address at once.
    fn turns(addresses: &mut Addresses, key: AddressKey, ms: u64, len: usize) -> [usize; 3] {
        let mut counts = [0; 3];
        for _ in 0..len {
            counts[addresses.connect(key, RATE, Time::from_ms(ms)) as usize] += 1;
        }
        counts
    }

    #[test]
    fn each_address_has_its_own_rate() {
        let mut addresses = Addresses::default();
        let [one, two] = ["192.0.2.1", "2001:db8::1"].map(|text| AddressKey::of(at(text)));
        assert_eq!(turns(&mut addresses, one, 0, 200), [120, 16, 64]);
        assert_eq!(turns(&mut addresses, two, 0, 1), [1, 0, 0]);
        // A token comes in 33.3 ms. Connections in the meantime get no answer again.
        assert_eq!(turns(&mut addresses, one, 33, 9), [0, 0, 9]);
        assert_eq!(turns(&mut addresses, one, 34, 9), [1, 0, 8]);
        assert_eq!(turns(&mut addresses, one, 1_000, 50), [29, 0, 21]);
        // It has been silent for as long as its rate takes to be unused.
        assert_eq!(turns(&mut addresses, one, 5_000, 200), [120, 16, 64]);
        assert_eq!(addresses.sources.len(), 1, "the other one is forgotten");
    }

    #[test]
    fn an_address_is_known_until_its_rate_is_unused() {
        let mut addresses = Addresses::default();
        let peer = at("192.0.2.1");
        let (key, rate) = (AddressKey::of(peer), Some(RATE));
        assert_eq!(turns(&mut addresses, key, 0, 120), [120, 0, 0]);
        let peers = [peer; 120].map(|peer| addresses.join(peer));
        peers.iter().for_each(|peer| addresses.part(*peer, rate, Time::ZERO));
        assert_eq!((addresses.count(key), addresses.sources.len()), (0, 1));
        // It is not admitted because it has gone.
        assert_eq!(turns(&mut addresses, key, 0, 1), [0, 1, 0]);
        // One that goes when its rate is unused leaves nothing.
        let other = at("192.0.2.2");
        assert_eq!(turns(&mut addresses, AddressKey::of(other), 5_000, 1), [1, 0, 0]);
        let peer = addresses.join(other);
        addresses.connect(AddressKey::of(other), RATE, Time::from_ms(5_000));
        addresses.part(peer, rate, Time::from_ms(9_000));
        addresses.connect(AddressKey::of(other), RATE, Time::from_ms(9_000));
        assert_eq!(addresses.sources.len(), 1);
    }

    /// An attacker has any number of addresses.
    #[test]
    fn beyond_so_many_addresses_new_ones_share_a_rate() {
        let mut addresses = Addresses::default();
        let key = |number: usize| {
            let number = u32::try_from(number).expect("they are few");
            AddressKey::of(Some((Ipv4Addr::from_bits((1 << 24) + number), 1).into()))
        };
        for number in 0..Limits::IDLE_ADDRESSES_MAX {
            assert_eq!(addresses.connect(key(number), RATE, Time::ZERO), RateVerdict::Allowed);
        }
        let known = Limits::IDLE_ADDRESSES_MAX;
        let mut counts = [0; 3];
        for number in known..known + 200 {
            counts[addresses.connect(key(number), RATE, Time::ZERO) as usize] += 1;
        }
        assert_eq!((counts, addresses.sources.len()), ([120, 16, 64], known));
        // Those that are known have their own, and so has one that is admitted.
        assert_eq!(turns(&mut addresses, key(7), 0, 200), [119, 16, 65]);
        let peer = addresses.join(at("192.0.2.1"));
        assert_eq!(turns(&mut addresses, AddressKey::of(at("192.0.2.1")), 0, 1), [1, 0, 0]);
        addresses.part(peer, Some(RATE), Time::ZERO);
        assert_eq!(addresses.sources.len(), known);
        // Once their rates are unused, there is capacity at once, and all are dropped in time.
        assert_eq!(turns(&mut addresses, key(known), 5_000, 200), [120, 16, 64]);
        for _ in 0..known / LOOKS {
            addresses.connect(key(0), RATE, Time::from_ms(5_000));
        }
        assert_eq!(addresses.sources.len(), 2);
    }

    const RATE: Rate = Rate { per_s: 30, burst: 120 };
}

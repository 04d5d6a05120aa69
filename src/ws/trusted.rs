//! `TrustedProxies`: the peers whose word about the address of their clients counts.

use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::str::FromStr;

use crate::ws::syntax::items;

/// The proxies whose word about their clients counts: addresses, networks, and Unix sockets. By
/// default there are none.
///
/// It is parsed from a text, as in `server.conf`: `none`, or a list of addresses, networks and
/// `unix`. An IPv4 address is the same within IPv6.
///
/// ```
/// use switchboard::TrustedProxies;
///
/// let trusted: TrustedProxies = "10.0.0.0/8, ::1, unix".parse().expect("it is a list");
/// assert!(trusted.has("10.1.2.3".parse().expect("it is an address")));
/// assert!(!trusted.has("192.0.2.1".parse().expect("it is an address")));
/// assert!("10.0.0.1/8".parse::<TrustedProxies>().is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<Network>,
    has_unix: bool,
}

/// An address, of which so many of the first bits count. One of IPv4 is within IPv6 here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: u128,
    bits: u32,
}

impl TrustedProxies {
    /// None, which is the default.
    pub const NONE: Self = Self { networks: Vec::new(), has_unix: false };

    /// Whether none is trusted, as always without the feature `proxy`.
    #[must_use]
    #[inline]
    pub const fn is_none(&self) -> bool {
        !cfg!(feature = "proxy") || self.networks.is_empty() && !self.has_unix
    }

    /// Whether a proxy with this address is trusted.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        !self.is_none() && self.networks.iter().any(|network| network.has(number(address)))
    }

    /// Whether a peer is trusted; `None` is a peer on a Unix socket.
    #[must_use]
    #[inline]
    pub fn has_peer(&self, peer: Option<SocketAddr>) -> bool {
        !self.is_none() && peer.map_or(self.has_unix, |peer| self.has(peer.ip()))
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let before = if address.is_ipv4() { V4_AT } else { 0 };
        let bits = match bits {
            Some(bits) => {
                let is_number = bits.bytes().all(|byte| byte.is_ascii_digit());
                before + bits.parse::<u8>().ok().filter(|_| is_number).map(u32::from)?
            }
            None => WIDTH,
        };
        let network = Self { address: number(address), bits };
        let is_within = bits >= V4_AT || !is_v4(network.address);
        let is_right = bits <= WIDTH && network.address & !network.mask() == 0 && is_within;
        is_right.then_some(network)
    }

    const fn has(self, address: u128) -> bool {
        let is_of_family = self.bits >= V4_AT || !is_v4(address);
        is_of_family && (self.address ^ address) & self.mask() == 0
    }

    /// The bits that count.
    const fn mask(self) -> u128 {
        if self.bits == 0 { 0 } else { u128::MAX << WIDTH.saturating_sub(self.bits) }
    }
}

impl FromStr for TrustedProxies {
    type Err = TrustedProxiesError;

    /// Parses `none`, or a list separated by commas or blanks.
    ///
    /// # Errors
    /// The text is empty, or a member is no address, no network and not `unix`, or `none` is not
    /// alone. The bits of a network behind those that count have to be zero.
    fn from_str(text: &str) -> Result<Self, TrustedProxiesError> {
        if text.trim().eq_ignore_ascii_case("none") {
            return Ok(Self::NONE);
        }
        let mut trusted = Self::NONE;
        for item in items(text) {
            if item.eq_ignore_ascii_case("unix") {
                trusted.has_unix = true;
            } else {
                trusted.networks.push(Network::parse(item).ok_or(TrustedProxiesError)?);
            }
        }
        if trusted.is_none() { Err(TrustedProxiesError) } else { Ok(trusted) }
    }
}

/// The text is no list of proxies. The text of the error says what one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedProxiesError;

impl TrustedProxiesError {
    /// What a list of proxies is.
    pub(crate) const ALLOWED: &'static str = "none, or a list of IP addresses, networks such as \
        10.0.0.0/8 or 2001:db8::/32, and unix";
}

impl fmt::Display for TrustedProxiesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the trusted proxies are {}", Self::ALLOWED)
    }
}

impl core::error::Error for TrustedProxiesError {}

/// The bits of an address; one of IPv4 as within IPv6 (RFC 4291, 2.5.5.2).
const fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// Whether it is one of IPv4.
const fn is_v4(address: u128) -> bool {
    address >> (WIDTH - V4_AT) == 0xffff
}

/// The bits of an address of IPv6.
const WIDTH: u32 = 128;
/// Where an address of IPv4 begins in it.
const V4_AT: u32 = 96;

//! Hosts, as a `Host` header and an `Origin` name them (RFC 3986, 3.2.2), and patterns of hosts,
//! which are read once and then match without allocation. Which hosts a server answers for is
//! not decided here.

use alloc::string::{String, ToString as _};
use core::fmt::{self, Write as _};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

/// A host, where it stands. Names are equal in any case.
#[derive(Clone, Copy, Debug)]
pub enum Host<'a> {
    /// A name, without the dot that may end it: with and without, it is the same name.
    Name(&'a str),
    /// An address.
    Address(IpAddr),
    /// What stands in the place of a host behind schemes that are not of the web; may be empty.
    Opaque(&'a str),
}

impl<'a> Host<'a> {
    /// A name, or an address, which is in brackets if it is one of IPv6.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return Some(Self::Address(address.parse::<Ipv6Addr>().ok()?.into()));
        }
        let text = text.strip_suffix('.').unwrap_or(text);
        match text.parse::<Ipv4Addr>() {
            Ok(address) => Some(Self::Address(address.into())),
            Err(_) => is_host_name(text).then_some(Self::Name(text)),
        }
    }

    /// The host of an authority, which is what a `Host` header has, and its port if it has one.
    #[must_use]
    pub fn of(authority: &'a str) -> Option<(Self, Option<u16>)> {
        // RFC 3986, 3.2.3: an empty port is as good as none.
        let (host, port) = split_port(authority.strip_suffix(':').unwrap_or(authority));
        let port = match port {
            Some(digits) => Some(parse_port(digits)?),
            None => None,
        };
        Some((Self::parse(host)?, port))
    }

    /// Whether it always is the machine of the client itself (RFC 6761, 6.3), so that no answer of
    /// a name server can make it another one.
    #[must_use]
    pub fn is_loopback(self) -> bool {
        match self {
            Self::Name(name) => name.eq_ignore_ascii_case(LOCALHOST) || is_below(name, LOCALHOST),
            Self::Address(address) => address.to_canonical().is_loopback(),
            Self::Opaque(_) => false,
        }
    }
}

impl PartialEq for Host<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(a), Self::Name(b)) | (Self::Opaque(a), Self::Opaque(b)) => {
                a.eq_ignore_ascii_case(b)
            }
            (Self::Address(a), Self::Address(b)) => a == b,
            (Self::Name(_) | Self::Address(_) | Self::Opaque(_), _) => false,
        }
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) | Self::Opaque(name) => lower(f, name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// A host, or all names below one: `a.example`, `10.0.0.1`, `[::1]`, `*.a.example`, which is one
/// label or more in front of that name, and never the name itself.
///
/// ```
/// use switchboard::ws::HostPattern;
///
/// let pattern: HostPattern = "*.Example.org".parse().expect("it is a pattern");
/// assert_eq!(pattern.to_string(), "*.example.org");
/// assert!("*".parse::<HostPattern>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    extent: Extent,
    /// As [`Host`] shows it.
    text: String,
    address: Option<IpAddr>,
}

/// What a pattern is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    One,
    /// Those below it.
    Below,
}

impl HostPattern {
    /// Whether a host is one of these.
    #[must_use]
    pub fn matches(&self, host: Host<'_>) -> bool {
        match (self.extent, host) {
            (Extent::One, Host::Address(address)) => self.address == Some(address),
            (Extent::One, Host::Name(name) | Host::Opaque(name)) => {
                name.eq_ignore_ascii_case(&self.text)
            }
            (Extent::Below, Host::Name(name)) => is_below(name, &self.text),
            (Extent::Below, Host::Address(_) | Host::Opaque(_)) => false,
        }
    }

    /// A pattern for a single host.
    pub(crate) fn one(host: Host<'_>) -> Self {
        let address = match host {
            Host::Address(address) => Some(address),
            Host::Name(_) | Host::Opaque(_) => None,
        };
        Self { extent: Extent::One, text: host.to_string(), address }
    }
}

impl FromStr for HostPattern {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let below = text.strip_prefix("*.");
        // Brackets are for what has a port behind it, and here is none.
        let host = match text.parse::<Ipv6Addr>() {
            Ok(address) => Some(Host::Address(address.into())),
            Err(_) => Host::parse(below.unwrap_or(text)),
        };
        match (host, below) {
            (Some(host), None) => Ok(Self::one(host)),
            (Some(host @ Host::Name(_)), Some(_)) => {
                Ok(Self { extent: Extent::Below, ..Self::one(host) })
            }
            (_, _) => Err(HostError),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = match self.extent {
            Extent::One => "",
            Extent::Below => "*.",
        };
        write!(f, "{below}{}", self.text)
    }
}

/// A text is no pattern of hosts. The error says what one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostError;

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a host is a name such as a.example, all names below one such as *.a.example, \
                     or an IP address, without a port",
        )
    }
}

impl core::error::Error for HostError {}

/// Whether `text` may be the name of a host (RFC 1123, 2.1), with the underscore that many
/// names have. A last label of digits is an address gone wrong.
#[must_use]
pub fn is_host_name(text: &str) -> bool {
    let in_label = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(in_label);
    let last = text.rsplit('.').next().unwrap_or(text);
    text.len() <= 253 && text.split('.').all(is_label) && !last.chars().all(|c| c.is_ascii_digit())
}

/// A host, brackets included, and what stands behind the colon after it.
pub(super) fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        // A colon within brackets belongs to the address.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (authority, None),
    }
}

/// A port that can be connected to.
pub(super) fn parse_port(digits: &str) -> Option<u16> {
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| is_number && *port > 0)
}

/// Writes ASCII in lower case.
pub(super) fn lower(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|c| f.write_char(c.to_ascii_lowercase()))
}

/// Whether a name has at least one label in front of `parent`.
fn is_below(name: &str, parent: &str) -> bool {
    let (name, parent) = (name.as_bytes(), parent.as_bytes());
    let dot = name.len().checked_sub(parent.len() + 1);
    dot.is_some_and(|dot| name[dot] == b'.' && name[dot + 1..].eq_ignore_ascii_case(parent))
}

const LOCALHOST: &str = "localhost";

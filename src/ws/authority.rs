//! Hosts, as a `Host` header and an `Origin` name them (RFC 3986, 3.2.2), and patterns of hosts,
//! which match as they are written, without allocation. Which hosts a server answers for is not
//! decided here.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A host, borrowed from its text. Names are compared without regard to case.
#[derive(Clone, Copy, Debug)]
pub enum UriHost<'a> {
    /// A name, without the dot at its end, if it has one.
    Name(&'a str),
    /// An address.
    Address(IpAddr),
    /// The authority of a scheme that is not of the web; may be empty.
    Opaque(&'a str),
}

impl<'a> UriHost<'a> {
    /// Parses a name, or an address, which is in brackets if it is one of IPv6; `None` if it is
    /// neither.
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

    /// Parses an authority, such as the value of a `Host` header: the host, and the port if there
    /// is one. `None` if one of them is malformed.
    #[must_use]
    pub fn of(authority: &'a str) -> Option<(Self, Option<u16>)> {
        // RFC 3986, 3.2.3: an empty port is equivalent to none.
        let (host, port) = split_port(authority.strip_suffix(':').unwrap_or(authority));
        let port = match port {
            Some(digits) => Some(parse_port(digits)?),
            None => None,
        };
        Some((Self::parse(host)?, port))
    }

    /// Whether it is a loopback address, or a name that always resolves to one (RFC 6761, 6.3)
    /// independent of DNS.
    #[must_use]
    pub fn is_loopback(self) -> bool {
        match self {
            Self::Name(name) => name.eq_ignore_ascii_case(LOCALHOST) || is_below(name, LOCALHOST),
            Self::Address(address) => address.to_canonical().is_loopback(),
            Self::Opaque(_) => false,
        }
    }
}

impl PartialEq for UriHost<'_> {
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

/// Whether a host matches a pattern: `a.example`, `10.0.0.1`, `::1`, or `*.a.example`, which
/// matches names with one label or more in front of `a.example`, but not `a.example` itself. `None`
/// if it is no pattern.
///
/// ```
/// use switchboard::ws::authority::{UriHost, is_one_of};
///
/// let host = UriHost::parse("b.a.Example").expect("it is a host");
/// assert_eq!(is_one_of(host, "*.a.example"), Some(true));
/// assert_eq!(is_one_of(host, "a.example"), Some(false));
/// assert_eq!(is_one_of(host, "*"), None);
/// ```
#[must_use]
pub fn is_one_of(host: UriHost<'_>, pattern: &str) -> Option<bool> {
    if let Some(parent) = pattern.strip_prefix("*.") {
        let UriHost::Name(parent) = UriHost::parse(parent)? else { return None };
        return Some(matches!(host, UriHost::Name(name) if is_below(name, parent)));
    }
    // Without a port, an IPv6 address needs no brackets.
    if let Ok(address) = pattern.parse::<Ipv6Addr>() {
        return Some(host == UriHost::Address(address.into()));
    }
    Some(UriHost::parse(pattern)? == host)
}

/// Whether `text` may be the name of a host (RFC 1123, 2.1). The underscore is allowed, since many
/// names have it. A last label of digits is part of a malformed address.
#[must_use]
pub fn is_host_name(text: &str) -> bool {
    let in_label = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(in_label);
    let last = text.rsplit('.').next().unwrap_or(text);
    text.len() <= 253 && text.split('.').all(is_label) && !last.chars().all(|c| c.is_ascii_digit())
}

/// A host, brackets included, and the text after the colon behind it.
#[must_use]
pub fn split_port(authority: &str) -> (&str, Option<&str>) {
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

/// Whether a name has at least one label in front of `parent`.
fn is_below(name: &str, parent: &str) -> bool {
    let (name, parent) = (name.as_bytes(), parent.as_bytes());
    let dot = name.len().checked_sub(parent.len() + 1);
    dot.is_some_and(|dot| name[dot] == b'.' && name[dot + 1..].eq_ignore_ascii_case(parent))
}

const LOCALHOST: &str = "localhost";

//! `Origin`: whose page opens a socket (RFC 6454), as its browser says in the header of that
//! name, and patterns of origins. Which of them a service accepts is not decided here.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use crate::ws::authority::{Host, HostPattern, lower, parse_port, split_port};

/// An origin: scheme, host, and port (RFC 6454, 4), or `null`, which pages without an origin
/// send, such as those in a sandbox. Browsers send `http` and `https`, extensions and programs
/// with a page in them schemes of their own, and some clients `ws` and `wss`. The same origin is
/// an equal one, however it was written: in any case, with the port that the scheme has anyway,
/// with the dot that may end a name, or with the slash that ends a URL.
///
/// ```
/// use switchboard::ws::Origin;
///
/// let origin = Origin::parse("https://Example.org:443/").expect("it is an origin");
/// assert_eq!(origin.to_string(), "https://example.org");
/// assert!(origin.is_of("EXAMPLE.ORG"));
/// assert!(Origin::parse("example.org").is_err());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Empty for `null`.
    scheme: &'a str,
    host: Host<'a>,
    port: Option<u16>,
}

impl<'a> Origin<'a> {
    /// Reads the value of the header.
    ///
    /// # Errors
    /// It is no origin.
    pub fn parse(text: &'a str) -> Result<Self, OriginError> {
        if text.eq_ignore_ascii_case(NULL) {
            return Ok(Self { scheme: "", host: Host::Opaque(""), port: None });
        }
        Self::read(text).ok_or(OriginError)
    }

    /// Whether its pages are those of `host`, which is a host with or without a port as it
    /// stands in the Host header of a request; without one, it has that of the origin's scheme.
    /// Whether they came encrypted does not matter: a proxy may have taken the encryption off.
    #[must_use]
    pub fn is_of(&self, host: &str) -> bool {
        // Behind other schemes stands no host, though it may look like one.
        let Some(default) = default_port(self.scheme) else { return false };
        Host::of(host).is_some_and(|(host, port)| {
            self.host == host && self.port.unwrap_or(default) == port.unwrap_or(default)
        })
    }

    fn read(text: &'a str) -> Option<Self> {
        let (scheme, host, port) = split(text)?;
        Some(Self { scheme, host: read_host(scheme, host)?, port: read_port(scheme, port)? })
    }
}

impl PartialEq for Origin<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.scheme.eq_ignore_ascii_case(other.scheme)
            && (self.host, self.port) == (other.host, other.port)
    }
}

impl fmt::Display for Origin<'_> {
    /// As browsers send it (RFC 6454, 6.2).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme.is_empty() {
            return f.write_str(NULL);
        }
        lower(f, self.scheme)?;
        write!(f, "://{}", self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// An origin, or several: `https://*.example.org` are those of all hosts below that one, and not
/// its own; `http://localhost:*` has any port; `same` is the origin whose host and port are those
/// of the request. All others are as clients send them: `https://a.example`, `app://.`, `file://`,
/// `null`.
///
/// ```
/// use switchboard::ws::{Origin, OriginPattern};
///
/// let pattern: OriginPattern = "https://*.example.org".parse().expect("it is a pattern");
/// let of = |text| Origin::parse(text).expect("it is an origin");
/// assert!(pattern.matches(&of("https://a.example.org"), "b.example"));
/// assert!(!pattern.matches(&of("https://example.org"), "b.example"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginPattern(Pattern);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Same,
    Of { scheme: String, host: HostPattern, port: Port },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Any,
    /// Without one, it is that of the scheme.
    One(Option<u16>),
}

impl OriginPattern {
    /// Whether it is an origin of these, on a request whose Host header is `host`.
    #[must_use]
    pub fn matches(&self, origin: &Origin<'_>, host: &str) -> bool {
        match &self.0 {
            Pattern::Same => origin.is_of(host),
            Pattern::Of { scheme, host, port } => {
                let has_port = match port {
                    Port::Any => true,
                    Port::One(port) => *port == origin.port,
                };
                has_port && scheme.eq_ignore_ascii_case(origin.scheme) && host.matches(origin.host)
            }
        }
    }

    /// Whether it names that host, which is then one that pages may come from.
    #[must_use]
    pub fn names(&self, host: Host<'_>) -> bool {
        match &self.0 {
            Pattern::Same => false,
            Pattern::Of { host: pattern, .. } => pattern.matches(host),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (scheme, host, port) = split(text)?;
        let port = match port {
            Some("*") => Port::Any,
            _ => Port::One(read_port(scheme, port)?),
        };
        let host = match host.starts_with("*.") {
            true => host.parse().ok()?,
            false => HostPattern::one(read_host(scheme, host)?),
        };
        Some(Self(Pattern::Of { scheme: scheme.to_ascii_lowercase(), host, port }))
    }
}

impl FromStr for OriginPattern {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        if text.eq_ignore_ascii_case(SAME) {
            return Ok(Self(Pattern::Same));
        }
        if text.eq_ignore_ascii_case(NULL) {
            let host = HostPattern::one(Host::Opaque(""));
            return Ok(Self(Pattern::Of { scheme: String::new(), host, port: Port::One(None) }));
        }
        Self::read(text).ok_or(OriginError)
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Pattern::Same => f.write_str(SAME),
            Pattern::Of { scheme, .. } if scheme.is_empty() => f.write_str(NULL),
            Pattern::Of { scheme, host, port } => {
                write!(f, "{scheme}://{host}")?;
                match port {
                    Port::Any => f.write_str(":*"),
                    Port::One(Some(port)) => write!(f, ":{port}"),
                    Port::One(None) => Ok(()),
                }
            }
        }
    }
}

/// A text is no origin. The error says what one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OriginError;

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an origin is a scheme, a host, and a port unless it is the scheme's own, such as \
             https://a.example or http://b:8080, or else null; several are https://*.a.example, \
             http://localhost:* and same",
        )
    }
}

impl core::error::Error for OriginError {}

/// Scheme, host and port as they are written.
fn split(text: &str) -> Option<(&str, &str, Option<&str>)> {
    let (scheme, authority) = text.split_once("://")?;
    let in_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(in_scheme) {
        return None;
    }
    // RFC 6454, 6.2 has no slash here, but clients that are no browser send one.
    let (host, port) = split_port(authority.strip_suffix('/').unwrap_or(authority));
    Some((scheme, host, port))
}

fn read_host<'a>(scheme: &str, text: &'a str) -> Option<Host<'a>> {
    // RFC 3986, 3.2.2: what is registered behind other schemes is theirs to say, and may be empty.
    let is_opaque = |c: char| c.is_ascii_alphanumeric() || "-._~%!$&'()+;=".contains(c);
    let opaque = default_port(scheme).is_none() && text.chars().all(is_opaque);
    Host::parse(text).or_else(|| opaque.then_some(Host::Opaque(text)))
}

/// The port, unless it is that of the scheme.
fn read_port(scheme: &str, digits: Option<&str>) -> Option<Option<u16>> {
    let Some(digits) = digits else { return Some(None) };
    let port = parse_port(digits)?;
    Some(Some(port).filter(|_| default_port(scheme) != Some(port)))
}

/// RFC 9110, 4.2.1 and 4.2.2; RFC 6455, 3.
fn default_port(scheme: &str) -> Option<u16> {
    let ports = [("http", 80), ("https", 443), ("ws", 80), ("wss", 443)];
    let known = ports.iter().find(|(known, _)| known.eq_ignore_ascii_case(scheme));
    known.map(|(_, port)| *port)
}

const NULL: &str = "null";
const SAME: &str = "same";

//! `Origin`: the site of the page that opens a socket (RFC 6454), from the header of that name, and
//! patterns of origins. Which of them a service accepts is not decided here.

use core::fmt;

use crate::ws::authority::{UriHost, is_one_of, parse_port, split_port};

/// An origin: scheme, host, and port (RFC 6454, 4), or `null`, which pages without an origin
/// send, such as those in a sandbox. Browsers send `http` and `https`; extensions and apps with a
/// browser inside send schemes of their own, and some clients `ws` and `wss`. Two origins are equal
/// in any case, with or without the default port of the scheme, with or without a dot at the end of
/// the name, and with or without a slash at the end.
///
/// ```
/// use switchboard::ws::Origin;
///
/// let origin = Origin::parse("https://a.Example.org:443/").expect("it is an origin");
/// assert_eq!(Origin::parse("https://a.example.org"), Ok(origin));
/// assert!(origin.is_of("A.EXAMPLE.ORG"));
/// assert_eq!(origin.is_one_of("https://*.example.org", "b.example"), Some(true));
/// assert!(Origin::parse("example.org").is_err());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Empty for `null`.
    scheme: &'a str,
    host: UriHost<'a>,
    port: Option<u16>,
}

impl<'a> Origin<'a> {
    /// Parses the value of an `Origin` header.
    ///
    /// # Errors
    /// The text is not `null`, and not a scheme and a host with or without a port.
    pub fn parse(text: &'a str) -> Result<Self, OriginError> {
        if text.eq_ignore_ascii_case(NULL) {
            return Ok(Self { scheme: "", host: UriHost::Opaque(""), port: None });
        }
        Self::read(text).ok_or(OriginError)
    }

    /// Whether it is the origin of pages of `host`, which is the value of a `Host` header. Without
    /// a port there, the default port of the origin's scheme is meant. `http` and `https` are the
    /// same here, since a proxy may terminate TLS.
    #[must_use]
    pub fn is_of(&self, host: &str) -> bool {
        // Other schemes have no host, although the text may look like one.
        let Some(default) = default_port(self.scheme) else { return false };
        UriHost::of(host).is_some_and(|(host, port)| {
            self.host == host && self.port.unwrap_or(default) == port.unwrap_or(default)
        })
    }

    /// Whether it is another origin than that of a connection for its scheme alone: the client has
    /// connected over TLS, and the page has not.
    #[must_use]
    pub fn is_other_for(&self, transport: Transport) -> bool {
        transport == Transport::Secure && default_port(self.scheme) == Some(80)
    }

    /// Whether pages of any site can have it: `null` is the origin of each frame in a sandbox, and
    /// `file://` that of each file that is opened.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.scheme.is_empty() || self.scheme.eq_ignore_ascii_case("file")
    }

    /// Whether it matches a pattern, on a request whose `Host` header is `host`; `None` if that is
    /// no pattern. A pattern is one of these:
    ///
    /// - an origin, such as `https://a.example`;
    /// - `https://*.a.example`: all hosts below that one, but not that one itself;
    /// - `http://localhost:*`: any port;
    /// - `same`: see [`Origin::is_of`].
    #[must_use]
    pub fn is_one_of(&self, pattern: &str, host: &str) -> Option<bool> {
        if pattern.eq_ignore_ascii_case(SAME) {
            return Some(self.is_of(host));
        }
        if let Ok(one) = Origin::parse(pattern) {
            return Some(*self == one);
        }
        let (scheme, host, port) = split(pattern)?;
        let has_port = match port {
            Some("*") => true,
            _ => self.port == read_port(scheme, port)?,
        };
        let has_host = match host.starts_with("*.") {
            true => is_one_of(self.host, host)?,
            false => self.host == read_host(scheme, host)?,
        };
        Some(has_host && has_port && self.scheme.eq_ignore_ascii_case(scheme))
    }

    fn read(text: &'a str) -> Option<Self> {
        let (scheme, host, port) = split(text)?;
        Some(Self { scheme, host: read_host(scheme, host)?, port: read_port(scheme, port)? })
    }
}

/// What is known about the connection of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Nothing: a proxy may terminate TLS.
    Unknown,
    /// The client has connected over TLS.
    Secure,
}

impl PartialEq for Origin<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.scheme.eq_ignore_ascii_case(other.scheme)
            && (self.host, self.port) == (other.host, other.port)
    }
}

/// Whether a pattern of origins includes origins of this host.
#[must_use]
pub fn names(pattern: &str, host: UriHost<'_>) -> bool {
    split(pattern).and_then(|(_, pattern, _)| is_one_of(host, pattern)).unwrap_or(false)
}

/// The text is no origin, or no pattern of origins. The text of the error says what one is.
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
    // RFC 6454, 6.2 has no slash here, but some clients other than browsers send one.
    let (host, port) = split_port(authority.strip_suffix('/').unwrap_or(authority));
    Some((scheme, host, port))
}

fn read_host<'a>(scheme: &str, text: &'a str) -> Option<UriHost<'a>> {
    // RFC 3986, 3.2.2: other schemes define the syntax of their registered names, which may be
    // empty.
    let is_opaque = |c: char| c.is_ascii_alphanumeric() || "-._~%!$&'()+;=".contains(c);
    let opaque = default_port(scheme).is_none() && text.chars().all(is_opaque);
    UriHost::parse(text).or_else(|| opaque.then_some(UriHost::Opaque(text)))
}

/// The port, unless it is the default port of the scheme.
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

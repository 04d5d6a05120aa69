//! `Origin`: whose page opens a socket (RFC 6454), as its browser says in the header of that
//! name. Which origins a service accepts is not decided here.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

/// An origin: scheme, host, and port (RFC 6454, 4), or `null`, which pages without an origin
/// send, such as local files. However it was written, it is kept as browsers send it, in lower
/// case and without the port that the scheme has anyway; so the same origin is an equal one.
///
/// ```
/// use switchboard::ws::Origin;
///
/// let origin: Origin = "https://Example.org:443".parse().expect("it is an origin");
/// assert_eq!(origin.to_string(), "https://example.org");
/// assert!(origin.is_of("EXAMPLE.ORG"));
/// assert!("example.org".parse::<Origin>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

impl Origin {
    /// Whether its pages are those of `host`, which is a host with or without a port as it
    /// stands in the Host header of a request. Whether they came encrypted does not matter:
    /// a proxy may have taken the encryption off.
    #[must_use]
    pub fn is_of(&self, host: &str) -> bool {
        let Some((scheme, _)) = self.0.split_once("://") else { return false };
        // Behind other schemes stands no host, though it may look like one.
        ["http", "https"].contains(&scheme)
            && format!("{scheme}://{host}").parse::<Self>().is_ok_and(|other| other == *self)
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        normal(text).map(Self).ok_or(OriginError)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is no origin. The error says what one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OriginError;

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an origin is a scheme, a host, and a port unless it is the scheme's own, such as \
             https://a.example or http://b:8080, or else null",
        )
    }
}

impl core::error::Error for OriginError {}

/// Whether `text` may be the name of a host (RFC 1123, 2.1), with the underscore that many
/// names have. A last label of digits is an address gone wrong.
#[must_use]
pub fn is_host_name(text: &str) -> bool {
    let in_label = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(in_label);
    let last = text.rsplit('.').next().unwrap_or(text);
    text.len() <= 253 && text.split('.').all(is_label) && !last.chars().all(|c| c.is_ascii_digit())
}

/// The origin as browsers send it (RFC 6454, 6.2).
fn normal(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    if text == "null" {
        return Some(text);
    }
    let (scheme, authority) = text.split_once("://")?;
    let in_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(in_scheme) {
        return None;
    }
    let (host, port) = split_port(authority)?;
    let host = normal_host(host)?;
    Some(match (scheme, port) {
        (_, None) | ("http", Some(80)) | ("https", Some(443)) => format!("{scheme}://{host}"),
        (_, Some(port)) => format!("{scheme}://{host}:{port}"),
    })
}

/// A host, brackets included, and the port behind it if there is one.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    match authority.rsplit_once(':') {
        // A colon within brackets belongs to the address.
        Some((host, digits)) if !digits.ends_with(']') => {
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            let port = digits.parse().ok().filter(|port| is_number && *port > 0)?;
            Some((host, Some(port)))
        }
        Some(_) | None => Some((authority, None)),
    }
}

fn normal_host(host: &str) -> Option<String> {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return Some(format!("[{}]", address.parse::<Ipv6Addr>().ok()?));
    }
    // A dot at the end is allowed, and to browsers such a host is another one.
    let is_name = is_host_name(host.strip_suffix('.').unwrap_or(host));
    (is_name || host.parse::<Ipv4Addr>().is_ok()).then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn origins_have_one_form() {
        let rows = [
            ("null", "null"),
            ("NULL", "null"),
            ("https://Example.org", "https://example.org"),
            ("HTTPS://a.example:443", "https://a.example"),
            ("http://a.example:80", "http://a.example"),
            ("http://a.example:443", "http://a.example:443"),
            ("https://a:80", "https://a:80"),
            ("https://a:00443", "https://a"),
            ("https://a.example.", "https://a.example."),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]", "http://[::1]"),
            ("http://[0:0::1]:81", "http://[::1]:81"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ];
        for (text, expected) in rows {
            let origin: Origin = text.parse().expect(text);
            assert_eq!(origin.to_string(), expected);
            assert_eq!(expected.parse(), Ok(origin), "the form is the one of itself");
        }
        let wrong = [
            "",
            "*",
            "example.org",
            "https://",
            "https://.",
            "https://a..",
            "https://a/",
            "https://a:0",
            "https://a:65536",
            "https://a:",
            "https://a:+1",
            "https://a:x",
            "https://::1",
            "https://u@a",
            "1x://a",
            "://a",
            "https://*.a",
            "https://300.1.1.1",
            "file:///",
            "https://[::1",
            "https://[127.0.0.1]",
            "https://a https://b",
            " https://a",
            "https://ä.example",
        ];
        for text in wrong {
            assert_eq!(text.parse::<Origin>(), Err(OriginError), "{text:?}");
        }
    }

    #[test]
    fn origins_have_hosts() {
        let rows = [
            ("http://a.example", "a.example", true),
            ("http://a.example", "A.Example:80", true),
            ("https://a.example", "a.example:443", true),
            ("https://a.example", "a.example", true),
            ("http://a:8080", "a:8080", true),
            ("http://[::1]:81", "[0:0::1]:81", true),
            ("http://a.example", "a.example:443", false),
            ("http://a.example", "b.example", false),
            ("http://a.example", "a.example:81", false),
            ("http://a.example", "", false),
            ("http://a.example", "x@a.example", false),
            ("chrome-extension://a", "a", false),
            ("null", "null", false),
        ];
        for (origin, host, expected) in rows {
            let origin: Origin = origin.parse().expect("it is an origin");
            assert_eq!(origin.is_of(host), expected, "{origin} of {host:?}");
        }
    }
}

//! What proxies say in a request head about the client: `X-Forwarded-For` with
//! `X-Forwarded-Proto`, or `Forwarded` (RFC 7239). Each proxy adds its peer at the end. So only
//! what trusted proxies have added is read: from the right, up to the first address that is not
//! that of a trusted proxy. Whether the peer that has sent the head is trusted is not decided here.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::str;

use crate::ws::head::Head;
use crate::ws::syntax::{list, trim};
use crate::ws::trusted::TrustedProxies;
use crate::ws::work;

/// The header in which trusted proxies name their clients. One is believed, and no other: a proxy
/// passes headers on that it does not know, which its client may have made up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Forwarded {
    /// `X-Forwarded-For`, and `X-Forwarded-Proto` for the scheme. This is the default.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// None.
    Off,
}

/// What trusted proxies say about the client of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForwardedPeer {
    /// Its address; port 0 if they do not name one. `None` if they name no address.
    pub address: Option<SocketAddr>,
    /// Whether it has connected over TLS. `None` if they do not say it.
    pub is_secure: Option<bool>,
}

impl Forwarded {
    /// Reads the header of a request that a trusted proxy has sent.
    ///
    /// All lines are one list. It is read from the right, at most 32 elements, and those of
    /// `trusted` proxies are skipped. If an element has no address, the last one before it counts.
    // Not inlined: it is large, and its caller is not.
    #[inline(never)]
    #[must_use]
    pub fn read(self, head: &Head, trusted: &TrustedProxies) -> ForwardedPeer {
        let mut found = ForwardedPeer::default();
        let name = match self {
            Self::XForwardedFor => "X-Forwarded-For",
            Self::Forwarded => "Forwarded",
            Self::Off => return found,
        };
        let mut left = ELEMENTS_MAX;
        for line in head.values(name).rev() {
            let mut rest = line;
            while let Some((others, element)) = self.split_last(rest) {
                rest = others;
                if element.is_empty() {
                    // RFC 9110, 5.6.1.2: empty members are skipped.
                    continue;
                }
                let (node, scheme) = self.parts(element);
                let Some(address) = node.and_then(parse_node).filter(|_| left > 0) else {
                    return self.with_scheme(found, head);
                };
                left -= 1;
                found = ForwardedPeer { address: Some(address), is_secure: scheme.map(is_tls) };
                if !trusted.has(address.ip()) {
                    return self.with_scheme(found, head);
                }
            }
        }
        self.with_scheme(found, head)
    }

    /// `X-Forwarded-Proto` is a header of its own; the last proxy that has set it is right.
    fn with_scheme(self, found: ForwardedPeer, head: &Head) -> ForwardedPeer {
        if self != Self::XForwardedFor {
            return found;
        }
        let scheme = head.values("X-Forwarded-Proto").last().and_then(|line| list(line).last());
        ForwardedPeer { is_secure: scheme.map(is_tls), ..found }
    }

    /// The last element of a list, and what is before it.
    fn split_last(self, line: &[u8]) -> Option<(&[u8], &[u8])> {
        if line.is_empty() {
            return None;
        }
        let mut is_quoted = false;
        let mut at = line.len();
        while at > 0 && (is_quoted || line[at - 1] != b',') {
            at -= 1;
            // RFC 7239, 4: a comma within quotes ends no element. It is read from the right, since
            // a quote that a client has left open is to its left.
            if self == Self::Forwarded && line[at] == b'"' {
                let escapes = line[..at].iter().rev().take_while(|&&byte| byte == b'\\').count();
                is_quoted = !is_quoted || escapes % 2 == 1;
            }
        }
        work::did(line.len() - at);
        let element = if is_quoted { MALFORMED } else { trim(&line[at..]) };
        Some((&line[..at.saturating_sub(1)], element))
    }

    /// The node and the scheme in an element.
    fn parts(self, element: &[u8]) -> (Option<&[u8]>, Option<&[u8]>) {
        if self != Self::Forwarded {
            return (Some(element), None);
        }
        let (mut node, mut scheme) = (None, None);
        // RFC 7239, 4: pairs, separated by semicolons, whose names have any case.
        let mut rest = element;
        while !rest.is_empty() {
            let pair;
            (pair, rest) = split_pair(rest);
            let at = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(at);
            let place = match trim(name) {
                name if name.eq_ignore_ascii_case(b"for") => &mut node,
                name if name.eq_ignore_ascii_case(b"proto") => &mut scheme,
                _ => continue,
            };
            // RFC 7239, 4: each parameter once.
            let is_first = place.is_none();
            let value = value.get(1..).filter(|_| is_first).unwrap_or_default();
            *place = Some(unquote(trim(value)));
        }
        (node, scheme)
    }
}

/// An address with a port or without (RFC 7239, 6). In `X-Forwarded-For`, an IPv6 address also
/// stands without brackets.
fn parse_node(node: &[u8]) -> Option<SocketAddr> {
    let text = str::from_utf8(unquote(node)).ok()?;
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(SocketAddr::new(address.to_canonical(), 0));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (IpAddr::V6(host.parse::<Ipv6Addr>().ok()?), port)
        }
        None => {
            let (host, port) = text.split_at(text.find(':')?);
            (IpAddr::V4(host.parse::<Ipv4Addr>().ok()?), port)
        }
    };
    // RFC 7239, 6: a port may be obfuscated, too.
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => 0,
        Some(hidden) if hidden.starts_with('_') => 0,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) | None => return None,
    };
    Some(SocketAddr::new(host.to_canonical(), port))
}

/// The first pair of an element, and what follows its semicolon, which is not within quotes: a host
/// that a client has named may have some.
fn split_pair(element: &[u8]) -> (&[u8], &[u8]) {
    let (mut is_quoted, mut at) = (false, 0);
    while let Some(byte) = element.get(at) {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\\' if is_quoted => at += 1,
            b';' if !is_quoted => return (&element[..at], &element[at + 1..]),
            _ => {}
        }
        at += 1;
    }
    (element, &[])
}

/// A value without the quotes around it. An address needs no escapes in them.
fn unquote(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    }
}

/// Whether a scheme is one over TLS. Some proxies write that of WebSocket.
fn is_tls(scheme: &[u8]) -> bool {
    [&b"https"[..], b"wss"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

/// An element whose quotes are not closed has no address.
const MALFORMED: &[u8] = b"\"";
/// More proxies than any chain has.
const ELEMENTS_MAX: u32 = 32;

//! How addresses to listen on and origins of pages are read. Each function gives `None` for a
//! text that is not what it reads; what to tell the user then is said in `kind`.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::config::values::port;
use crate::hub::OriginRule;

/// Addresses to listen on, separated by commas or blanks, IPv6 with or without brackets.
pub(super) fn hosts(text: &str) -> Option<Vec<String>> {
    let hosts: Option<Vec<String>> =
        items(text).map(|item| host(item).map(str::to_owned)).collect();
    hosts.filter(|hosts| !hosts.is_empty())
}

/// `same`, `any`, or a list of origins, separated by commas or blanks.
pub(super) fn origin_rule(text: &str) -> Option<OriginRule> {
    if text.eq_ignore_ascii_case("same") {
        return Some(OriginRule::Same);
    }
    if text.eq_ignore_ascii_case("any") {
        return Some(OriginRule::Any);
    }
    let list: Option<Vec<String>> = items(text).map(origin).collect();
    list.filter(|list| !list.is_empty()).map(OriginRule::List)
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|item| !item.is_empty())
}

/// One address without brackets.
fn host(item: &str) -> Option<&str> {
    if let Some(inner) = item.strip_prefix('[') {
        return inner.strip_suffix(']').filter(|address| is_ipv6(address));
    }
    (is_ipv6(item) || item.parse::<Ipv4Addr>().is_ok() || is_name(item)).then_some(item)
}

/// RFC 4007, 11: an address that means something on one link only names the link.
fn is_ipv6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, "0"));
    let in_zone = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    address.parse::<Ipv6Addr>().is_ok() && !zone.is_empty() && zone.chars().all(in_zone)
}

/// RFC 1123, 2.1, with the underscore that many names have. A last label of digits is an
/// address gone wrong.
fn is_name(text: &str) -> bool {
    let in_label = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(in_label);
    let last = text.rsplit('.').next().unwrap_or(text);
    text.len() <= 253 && text.split('.').all(is_label) && !last.chars().all(|c| c.is_ascii_digit())
}

/// One origin as browsers send it (RFC 6454, 6.2): in lower case, without the port that the
/// scheme has anyway. `null` is what pages without an origin send, such as local files.
fn origin(item: &str) -> Option<String> {
    let item = item.to_ascii_lowercase();
    if item == "null" {
        return Some(item);
    }
    let (scheme, authority) = item.split_once("://")?;
    let in_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(in_scheme) {
        return None;
    }
    let (host, port) = split_port(authority)?;
    let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => format!("[{}]", address.parse::<Ipv6Addr>().ok()?),
        None if is_name(host) => host.to_owned(),
        None => host.parse::<Ipv4Addr>().ok()?.to_string(),
    };
    match (scheme, port) {
        (_, None) | ("http", Some(80)) | ("https", Some(443)) => Some(format!("{scheme}://{host}")),
        (_, Some(port)) => Some(format!("{scheme}://{host}:{port}")),
    }
}

/// A host, brackets included, and the port behind it if there is one.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    match authority.rsplit_once(':') {
        // A colon within brackets belongs to the address.
        Some((host, digits)) if !digits.ends_with(']') => {
            port(digits).filter(|port| *port > 0).map(|port| (host, Some(port)))
        }
        Some(_) | None => Some((authority, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let rows = [
            ("127.0.0.1", "127.0.0.1"),
            ("0.0.0.0, ::", "0.0.0.0 ::"),
            ("[::1],[fe80::1%eth0]", "::1 fe80::1%eth0"),
            ("localhost a-b.Example_1.org", "localhost a-b.Example_1.org"),
            ("4.example", "4.example"),
        ];
        for (text, expected) in rows {
            let expected = expected.split(' ').map(str::to_owned).collect();
            assert_eq!(hosts(text), Some(expected), "{text:?}");
        }
        let wrong = [
            "",
            ",",
            "127.0.0.1:80",
            "[::1]:80",
            "[127.0.0.1]",
            "[::1",
            "::1]",
            "300.1.1.1",
            "1.2.3",
            "80",
            "a..b",
            ".a",
            "a.",
            "*",
            "http://a",
            "a/b",
            "::g",
            "::1%",
            "ä.example",
        ];
        for text in wrong {
            assert_eq!(hosts(text), None, "{text:?}");
        }
    }

    #[test]
    fn origins() {
        assert_eq!(origin_rule("Same"), Some(OriginRule::Same));
        assert_eq!(origin_rule("ANY"), Some(OriginRule::Any));
        let rows = [
            ("null", "null"),
            ("https://Example.org", "https://example.org"),
            ("https://a.example:443,http://a.example:80", "https://a.example http://a.example"),
            ("http://a.example:443 https://a:80", "http://a.example:443 https://a:80"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1] http://[0:0::1]:81", "http://[::1] http://[::1]:81"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ];
        for (text, expected) in rows {
            let expected = expected.split(' ').map(str::to_owned).collect();
            assert_eq!(origin_rule(text), Some(OriginRule::List(expected)), "{text:?}");
        }
        let wrong = [
            "",
            ",",
            "*",
            "example.org",
            "https://",
            "https://a/",
            "https://a:0",
            "https://a:65536",
            "https://a:",
            "https://a:x",
            "https://::1",
            "https://u@a",
            "1x://a",
            "://a",
            "same any",
            "any, https://a",
            "https://*.a",
            "https://300.1.1.1",
            "file:///",
            "https://[::1",
        ];
        for text in wrong {
            assert_eq!(origin_rule(text), None, "{text:?}");
        }
    }
}

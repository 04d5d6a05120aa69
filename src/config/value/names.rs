//! Values that are names, or lists of them: addresses, and paths of Unix sockets.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::ws::authority::is_host_name;
use crate::ws::syntax::items;

/// Addresses to listen on, separated by commas or blanks, IPv6 with or without brackets.
fn hosts(text: &str) -> Option<Vec<String>> {
    let hosts: Option<Vec<String>> =
        items(text).map(|item| host(item).map(str::to_owned)).collect();
    hosts.filter(|hosts| !hosts.is_empty())
}

/// The same, added to others. A value that is not allowed changes nothing.
pub(super) fn add_hosts(all: &mut Vec<String>, text: &str) -> Option<()> {
    for host in hosts(text)? {
        // An address can be listened on only once.
        if !all.contains(&host) {
            all.push(host);
        }
    }
    Some(())
}

/// `none`, or paths of Unix sockets, separated by commas or blanks, none of them twice.
#[cfg(feature = "unix")]
pub(super) fn sockets(text: &str) -> Option<Vec<String>> {
    let mut paths: Vec<String> = Vec::new();
    if text.eq_ignore_ascii_case("none") {
        return Some(paths);
    }
    for item in items(text) {
        // An @ is usual for abstract names, which have no permissions.
        if item.len() > PATH_BYTES_MAX || item.starts_with('@') || item.contains('\0') {
            return None;
        }
        if paths.iter().all(|path| path != item) {
            paths.push(item.to_owned());
        }
    }
    (!paths.is_empty()).then_some(paths)
}

/// One address without brackets.
fn host(item: &str) -> Option<&str> {
    if let Some(inner) = item.strip_prefix('[') {
        return inner.strip_suffix(']').filter(|address| is_ipv6(address));
    }
    (is_ipv6(item) || item.parse::<Ipv4Addr>().is_ok() || is_host_name(item)).then_some(item)
}

/// RFC 4007, 11: an address that is valid on one link only has the name of the link.
fn is_ipv6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, "0"));
    let in_zone = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    address.parse::<Ipv6Addr>().is_ok() && !zone.is_empty() && zone.chars().all(in_zone)
}

/// The longest path of a Unix socket (unix(7)): a zero follows it.
#[cfg(feature = "unix")]
const PATH_BYTES_MAX: usize = 107;

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "unix")]
    #[test]
    fn paths_of_sockets() {
        let longest = "x".repeat(107);
        let rows: [(&str, &[&str]); 5] = [
            ("None", &[]),
            ("/run/a.sock", &["/run/a.sock"]),
            ("a, ./@b a,c", &["a", "./@b", "c"]),
            (&longest, &[&longest]),
            ("a, none", &["a", "none"]),
        ];
        for (text, expected) in rows {
            let expected = expected.iter().map(|path| (*path).to_owned()).collect();
            assert_eq!(sockets(text), Some(expected), "{text}");
        }
        let too_long = "x".repeat(108);
        for text in ["", ",", "@a", "a, @b", "a\0b", &too_long] {
            assert_eq!(sockets(text), None, "{text:?}");
        }
    }

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
}

//! Values that are names, or lists of them: addresses.

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
}

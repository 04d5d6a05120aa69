//! Values that are names, or lists of them: addresses and origins.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::hub::OriginRule;
use crate::ws::Origin;
use crate::ws::origin::is_host_name;

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
    let list: Option<Vec<Origin>> = items(text).map(|item| item.parse().ok()).collect();
    list.filter(|list| !list.is_empty()).map(OriginRule::List)
}

/// What stands between commas or blanks.
pub(in crate::config) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|item| !item.is_empty())
}

/// One address without brackets.
fn host(item: &str) -> Option<&str> {
    if let Some(inner) = item.strip_prefix('[') {
        return inner.strip_suffix(']').filter(|address| is_ipv6(address));
    }
    (is_ipv6(item) || item.parse::<Ipv4Addr>().is_ok() || is_host_name(item)).then_some(item)
}

/// RFC 4007, 11: an address that means something on one link only names the link.
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

    #[test]
    fn origin_rules() {
        assert_eq!(origin_rule("Same"), Some(OriginRule::Same));
        assert_eq!(origin_rule("ANY"), Some(OriginRule::Any));
        let list = ["https://a", "http://b:81", "null"].map(|text| text.parse().expect(text));
        let list = Some(OriginRule::List(list.to_vec()));
        assert_eq!(origin_rule("https://A:443,http://b:81 null"), list);
        for text in ["", ",", "*", "same any", "any, https://a", "https://a; null"] {
            assert_eq!(origin_rule(text), None, "{text:?}");
        }
    }
}

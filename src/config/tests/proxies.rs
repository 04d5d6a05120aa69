//! The keys of proxies.

use super::*;
use crate::hub::ProxyProtocol;
use crate::ws::Forwarded;

#[test]
fn keys_of_proxies() {
    let names = keys::all().map(|key| key.name).filter(|name| keys::OF_PROXIES.contains(name));
    assert_eq!(names.collect::<Vec<_>>(), keys::OF_PROXIES);
    let text = "[server]\ntrusted-proxy: 10.0.0.0/8, unix\nproxy-protocol: on\nforwarded: off";
    let config = parse(text).expect("it is right");
    assert_eq!(config.trusted_proxies, "unix 10.0.0.0/8".parse().expect("it is a list"));
    assert_eq!(config.proxy_protocol, ProxyProtocol::On);
    assert_eq!(config.forwarded, Forwarded::Off);
}

#[test]
fn what_is_wrong_with_a_list_of_proxies() {
    let allowed = "allowed is none, or a list of IP addresses, networks such as 10.0.0.0/8 or \
                   2001:db8::/32, and unix";
    for (value, wrong) in [
        ("10.0.0.1/8", "10.0.0.1/8"),
        ("10.0.0.0/8, localhost", "localhost"),
        ("10.0.0.1, none", "none"),
        ("all", "all"),
    ] {
        let found = parse(&format!("[server]\ntrusted-proxy: {value}")).expect_err(value);
        // In a list with none, each word is right by itself.
        let wrong = if wrong == "none" { value } else { wrong };
        assert_eq!(found, format!("server.conf:2: trusted-proxy is {wrong:?}, {allowed}"));
    }
}

/// Each connection would be dropped.
#[test]
fn the_proxy_protocol_needs_a_proxy() {
    let cure = "name the proxies, or no connection is accepted";
    for (rest, given) in
        [("", "\"none\" by default"), ("trusted-proxy: none", "\"none\" in line 3")]
    {
        let found = parse(&format!("[server]\nproxy-protocol: on\n{rest}"));
        let expected = format!(
            "server.conf:2: proxy-protocol is \"on\" in line 2, trusted-proxy is {given}; {cure}"
        );
        assert_eq!(found, Err(expected), "{rest}");
    }
    let found = parse("[server]\nproxy-protocol: on\ntrusted-proxy: x").expect_err("it is wrong");
    assert_eq!(found.lines().count(), 1, "{found}");
}

//! Who may ask for what.

use std::net::SocketAddr;

use super::*;
use crate::host::ListenAddress;
use crate::ws::DateField;

/// What a request has, beside its line.
#[derive(Clone, Copy, Debug)]
struct Given {
    way: AdminWay,
    has_token: bool,
    authorization: &'static str,
    origin: &'static str,
    site: &'static str,
    host: Option<&'static str>,
}

const PROBE: &str = "GET /healthz";
const LOOK: &str = "GET /status";
const CHANGE: &str = "POST /drain";
const RIGHT: &str = "Bearer 0123456789abcdef";
const TWICE: &str = "Bearer 0123456789abcdef\r\nAuthorization: Bearer 0123456789abcdef";
const AUTHORIZATIONS: [&str; 8] = [
    "",
    RIGHT,
    "bEARER   0123456789abcdef",
    "Bearer 0123456789abcdeF",
    "Bearer 0123456789abcdef0",
    "Bearer",
    "Basic 0123456789abcdef",
    TWICE,
];
const LOOPBACK_HOSTS: [&str; 10] = [
    "localhost",
    "localhost.:80",
    "127.0.0.1.",
    "LocalHost:80",
    "a.localhost",
    "127.0.0.1:9345",
    "127.9.9.9",
    "[::1]",
    "[::1]:9345",
    "[::ffff:127.0.0.1]:1",
];
const OTHER_HOSTS: [&str; 13] = [
    "localhost..",
    "127.1",
    "2130706433",
    "%6cocalhost",
    "",
    "example.com",
    "localhost.example.com",
    "notlocalhost",
    "127.0.0.1.example.com",
    "10.0.0.1",
    "0.0.0.0:9345",
    "[::]",
    "localhost:99999",
];

/// The status of the refusal, 0 if there is none: the table of the documentation.
fn expected(line: &str, given: Given) -> u16 {
    let is_page = !given.origin.is_empty() || !["", "none"].contains(&given.site);
    if is_page {
        return 403;
    }
    let is_other = |host| !LOOPBACK_HOSTS.contains(&host);
    if given.way == AdminWay::Loopback && given.host.is_some_and(is_other) {
        return 421;
    }
    if given.way == AdminWay::Unix || line == PROBE {
        return 0;
    }
    let is_open = given.way == AdminWay::Loopback && line == LOOK;
    let is_right = [RIGHT, AUTHORIZATIONS[2]].contains(&given.authorization);
    match (given.has_token, given.authorization) {
        (false, _) => {
            if is_open {
                0
            } else {
                403
            }
        }
        (true, "") => {
            if is_open {
                0
            } else {
                401
            }
        }
        (true, _) => {
            if is_right {
                0
            } else {
                401
            }
        }
    }
}

fn found(line: &str, given: Given) -> u16 {
    let version = if given.host.is_some() { "1.1" } else { "1.0" };
    let mut head = format!("{line} HTTP/{version}\r\n");
    for (name, value) in [
        ("Authorization", given.authorization),
        ("Origin", given.origin),
        ("Sec-Fetch-Site", given.site),
    ] {
        if !value.is_empty() {
            head += &format!("{name}: {value}\r\n");
        }
    }
    if let Some(host) = given.host {
        head += &format!("Host: {host}\r\n");
    }
    head += "\r\n";
    let token = given.has_token.then(secret);
    let mut exchange = AdminExchange::new(AdminAccess { way: given.way, token });
    match exchange.receive(head.as_bytes()) {
        Some(ExchangeStep::Do(_)) => 0,
        Some(ExchangeStep::Answer(answer)) => {
            let status = answer.status().number();
            let text = exchange.encode(&answer, &DateField::at(0));
            let text = String::from_utf8(text).expect("it is text");
            // RFC 9110, 11.6.1: a 401 says how.
            assert_eq!(text.contains("\r\nWWW-Authenticate: Bearer"), status == 401, "{text}");
            assert!(!text.contains(SECRET), "{text}");
            status
        }
        other => panic!("{given:?}: {other:?}"),
    }
}

#[test]
fn the_rule_is_that_of_the_table() {
    let hosts = LOOPBACK_HOSTS.into_iter().chain(OTHER_HOSTS).map(Some).chain([None]);
    let mut seen = Vec::new();
    for host in hosts {
        for way in [AdminWay::Unix, AdminWay::Loopback, AdminWay::Network] {
            for (has_token, authorization) in
                [false, true].into_iter().flat_map(|is| AUTHORIZATIONS.map(|of| (is, of)))
            {
                for origin in ["", "null", "http://localhost"] {
                    for site in ["", "none", "same-origin", "same-site", "cross-site", "None"] {
                        let given = Given { way, has_token, authorization, origin, site, host };
                        for line in [PROBE, LOOK, CHANGE] {
                            let expected = expected(line, given);
                            assert_eq!(found(line, given), expected, "{line} {given:?}");
                            seen.push(expected);
                        }
                    }
                }
            }
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, [0, 401, 403, 421]);
}

/// The refusal of a request does not depend on what there is, so that nobody finds out without a
/// token.
#[test]
fn what_is_not_there_is_refused_alike() {
    let access = AdminAccess { way: AdminWay::Network, token: Some(secret()) };
    for line in ["GET /", "POST /nothing", "GET /drain", "POST /status", "GET /../x", "OPTIONS *"] {
        let bytes = format!("{line} HTTP/1.1\r\nHost: h\r\n\r\n");
        let told = steps(access.clone(), [bytes.as_bytes()], 10);
        assert!(told.len() == 1 && told[0].starts_with("401 "), "{line}: {told:?}");
    }
    // Nothing is asked of the loop before.
    let bytes = "POST /send?service=/a&to=* HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx";
    let told = steps(access, [bytes.as_bytes()], 10);
    assert!(told.len() == 1 && told[0].starts_with("401 "), "{told:?}");
}

/// RFC 9112, 3.2.2: an absolute target has a host that replaces that of the field.
#[test]
fn the_host_of_a_target_is_checked_as_well() {
    let access = AdminAccess { way: AdminWay::Loopback, token: None };
    for (target, host, expected) in [
        ("http://localhost/status", "localhost", "Status"),
        ("http://example.com/status", "localhost", "421 "),
        ("http://localhost/status", "example.com", "421 "),
    ] {
        let bytes = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let told = steps(access.clone(), [bytes.as_bytes()], 10);
        assert!(told.len() == 1 && told[0].starts_with(expected), "{target} {host}: {told:?}");
    }
}

#[test]
fn a_token_that_is_replaced_holds_for_the_next_connection() {
    let slot = TokenSlot::default();
    let bytes = format!("{CHANGE} HTTP/1.1\r\nHost: h\r\nAuthorization: {RIGHT}\r\n\r\n");
    let told = || {
        let access = AdminAccess { way: AdminWay::Network, token: slot.get() };
        steps(access, [bytes.as_bytes()], 10).remove(0)
    };
    assert!(told().starts_with("403 "));
    slot.set(Some(secret()));
    assert_eq!(told(), "Drain");
    slot.set(Some(AdminToken::new("another-secret-of-it").expect("it is one")));
    assert!(told().starts_with("401 "));
}

#[test]
fn ways_follow_from_addresses() {
    let tcp = |text: &str| ListenAddress::Tcp(text.parse::<SocketAddr>().expect("it is one"));
    for (address, way) in [
        (ListenAddress::Unix("/run/admin.sock".into()), AdminWay::Unix),
        (ListenAddress::Unix("admin@x".into()), AdminWay::Unix),
        // unix(7): an abstract name has no permissions.
        (ListenAddress::Unix("@admin".into()), AdminWay::Loopback),
        (ListenAddress::Unix("".into()), AdminWay::Loopback),
        // Every user may write it.
        (ListenAddress::Unix("/dev/null".into()), AdminWay::Loopback),
        (tcp("127.0.0.1:1"), AdminWay::Loopback),
        (tcp("127.3.2.1:1"), AdminWay::Loopback),
        (tcp("[::1]:1"), AdminWay::Loopback),
        (tcp("[::ffff:127.0.0.1]:1"), AdminWay::Loopback),
        (tcp("0.0.0.0:1"), AdminWay::Network),
        (tcp("[::]:1"), AdminWay::Network),
        (tcp("10.0.0.1:1"), AdminWay::Network),
        (tcp("[::ffff:10.0.0.1]:1"), AdminWay::Network),
    ] {
        assert_eq!(AdminWay::of(&address), way, "{address}");
    }
}

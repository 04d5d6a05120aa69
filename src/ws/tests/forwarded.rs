//! What trusted proxies say about their clients, and what clients say of themselves.

use std::net::SocketAddr;

use crate::ws::tests::head;
use crate::ws::{Forwarded, ForwardedPeer, TrustedProxies, work};

fn address(text: &str) -> SocketAddr {
    text.parse().expect("it is an address")
}

/// The result of header lines, where the networks 10.0.0.0/8 and fd00::/8 are those of proxies.
fn read(rule: Forwarded, lines: &[&str]) -> ForwardedPeer {
    let trusted: TrustedProxies = "10.0.0.0/8, fd00::/8".parse().expect("it is a list");
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    rule.read(&head(&format!("GET / HTTP/1.1\r\nHost: h\r\n{lines}\r\n")), &trusted)
}

#[test]
fn the_first_that_is_not_trusted_is_the_peer() {
    let rows: [(&[&str], Option<&str>); 45] = [
        (&[], None),
        (&["192.0.2.1"], Some("192.0.2.1:0")),
        (&["  192.0.2.1\t"], Some("192.0.2.1:0")),
        // What the client has written stands to the left.
        (&["203.0.113.9, 192.0.2.1"], Some("192.0.2.1:0")),
        (&["203.0.113.9,192.0.2.1"], Some("192.0.2.1:0")),
        (&["10.6.6.6, 192.0.2.1"], Some("192.0.2.1:0")),
        (&["unknown, 192.0.2.1"], Some("192.0.2.1:0")),
        (&["\", 192.0.2.1"], Some("192.0.2.1:0")),
        (&["\"192.0.2.6, \", 192.0.2.1"], Some("192.0.2.1:0")),
        // Two lines are one list.
        (&["203.0.113.9", "192.0.2.1"], Some("192.0.2.1:0")),
        (&["192.0.2.1", "10.0.0.2"], Some("192.0.2.1:0")),
        (&["203.0.113.9, 192.0.2.1", "10.0.0.2, 10.0.0.3"], Some("192.0.2.1:0")),
        // Trusted ones are skipped; if all are, it is the first of them.
        (&["192.0.2.1, 10.0.0.2"], Some("192.0.2.1:0")),
        (&["192.0.2.1, fd00::1, 10.0.0.2"], Some("192.0.2.1:0")),
        (&["10.0.0.1, 10.0.0.2"], Some("10.0.0.1:0")),
        (&["192.0.2.1, ::ffff:10.0.0.2"], Some("192.0.2.1:0")),
        // Empty elements are skipped.
        (&["192.0.2.1,", ""], Some("192.0.2.1:0")),
        (&[", ,192.0.2.1 , ,10.0.0.2,,"], Some("192.0.2.1:0")),
        (&["", ",", " "], None),
        // Ports, brackets and quotes.
        (&["192.0.2.1:5000"], Some("192.0.2.1:5000")),
        (&["192.0.2.1:0"], Some("192.0.2.1:0")),
        (&["[2001:db8::1]:5000"], Some("[2001:db8::1]:5000")),
        (&["[2001:db8::1]"], Some("[2001:db8::1]:0")),
        (&["2001:db8::1"], Some("[2001:db8::1]:0")),
        (&["\"[2001:db8::1]:5000\""], Some("[2001:db8::1]:5000")),
        (&["\"192.0.2.1\""], Some("192.0.2.1:0")),
        (&["::ffff:192.0.2.1"], Some("192.0.2.1:0")),
        (&["[::ffff:192.0.2.1]:7"], Some("192.0.2.1:7")),
        (&["192.0.2.1:_a.b-c"], Some("192.0.2.1:0")),
        // An element that is no address ends the walk at the last one that is.
        (&["unknown"], None),
        (&["192.0.2.1, unknown"], None),
        (&["192.0.2.1, unknown, 10.0.0.2"], Some("10.0.0.2:0")),
        (&["192.0.2.1, _hidden, 10.0.0.2"], Some("10.0.0.2:0")),
        (&["192.0.2.1", "_hidden", "10.0.0.2:9"], Some("10.0.0.2:9")),
        (&["192.0.2.256"], None),
        (&["192.0.2.01"], None),
        (&["192.0.2"], None),
        (&["a.example"], None),
        (&["192.0.2.1:65536"], None),
        (&["192.0.2.1:"], None),
        (&["192.0.2.1:+1"], None),
        (&["[192.0.2.1]:1"], None),
        (&["[2001:db8::1"], None),
        (&["[2001:db8::1]5"], None),
        (&["192.0.2.1 203.0.113.9"], None),
    ];
    for (values, expected) in rows {
        let lines: Vec<_> =
            values.iter().map(|value| format!("X-FORWARDED-FOR: {value}")).collect();
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let found = read(Forwarded::XForwardedFor, &lines);
        assert_eq!(
            found,
            ForwardedPeer { address: expected.map(address), is_secure: None },
            "{values:?}"
        );
        assert_eq!(read(Forwarded::Forwarded, &lines), ForwardedPeer::default(), "{values:?}");
        assert_eq!(read(Forwarded::Off, &lines), ForwardedPeer::default(), "{values:?}");
    }
}

#[test]
fn the_standard_header_has_pairs() {
    let rows: [(&[&str], Option<&str>, Option<bool>); 31] = [
        (&["for=192.0.2.1"], Some("192.0.2.1:0"), None),
        (&["For=192.0.2.1;Proto=HTTPS"], Some("192.0.2.1:0"), Some(true)),
        (&["proto=http; by=10.0.0.1 ;for=192.0.2.1"], Some("192.0.2.1:0"), Some(false)),
        (&["for=\"192.0.2.1:5000\";proto=wss"], Some("192.0.2.1:5000"), Some(true)),
        (&["for=\"[2001:db8::1]:5000\""], Some("[2001:db8::1]:5000"), None),
        (&["for=\"[2001:db8::1]\""], Some("[2001:db8::1]:0"), None),
        (&["for=\"192.0.2.1:_p\""], Some("192.0.2.1:0"), None),
        // The scheme is that of the element of the peer.
        (&["for=192.0.2.1;proto=https, for=10.0.0.2;proto=http"], Some("192.0.2.1:0"), Some(true)),
        (&["for=192.0.2.1;proto=http, for=10.0.0.2;proto=https"], Some("192.0.2.1:0"), Some(false)),
        (&["for=192.0.2.1, for=10.0.0.2;proto=https"], Some("192.0.2.1:0"), None),
        (&["for=192.0.2.1;proto=https", "for=10.0.0.2"], Some("192.0.2.1:0"), Some(true)),
        // What the client has written stands to the left, whatever it is.
        (&["for=203.0.113.9;proto=https, for=192.0.2.1"], Some("192.0.2.1:0"), None),
        (&["for=\", for=192.0.2.1"], Some("192.0.2.1:0"), None),
        (&["for=\"a, for=\"192.0.2.1\""], Some("192.0.2.1:0"), None),
        (&["a=\"\\, for=192.0.2.1"], Some("192.0.2.1:0"), None),
        (&["for=\"", "for=192.0.2.1"], Some("192.0.2.1:0"), None),
        // A comma or a semicolon within quotes belongs to the value.
        (&["for=203.0.113.9, a=\"b, for=10.0.0.9\";for=192.0.2.1"], Some("192.0.2.1:0"), None),
        (&["host=\"a;for=203.0.113.9\";for=192.0.2.1"], Some("192.0.2.1:0"), None),
        (&["host=\"a\\\";for=203.0.113.9\";for=192.0.2.1"], Some("192.0.2.1:0"), None),
        (&["host=\"a\\\", for=203.0.113.9\\\\\";for=192.0.2.1"], Some("192.0.2.1:0"), None),
        // Nodes without an address, and none at all.
        (&["for=192.0.2.1, for=unknown"], None, None),
        (&["for=192.0.2.1, for=_hidden, for=10.0.0.2"], Some("10.0.0.2:0"), None),
        (&["for=192.0.2.1, by=10.0.0.1, for=10.0.0.2"], Some("10.0.0.2:0"), None),
        (&["192.0.2.1"], None, None),
        (&["for"], None, None),
        (&["for="], None, None),
        (&["for=\""], None, None),
        (&["for=192.0.2.1;a=\"b"], None, None),
        // Each parameter once.
        (&["for=203.0.113.9;for=192.0.2.1"], None, None),
        (&["for=192.0.2.1;proto=https;proto=http"], Some("192.0.2.1:0"), Some(false)),
        (&["for =192.0.2.1; proto= https"], Some("192.0.2.1:0"), Some(true)),
    ];
    for (values, expected, is_secure) in rows {
        let lines: Vec<_> = values.iter().map(|value| format!("forwarded: {value}")).collect();
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let found = read(Forwarded::Forwarded, &lines);
        assert_eq!(
            found,
            ForwardedPeer { address: expected.map(address), is_secure },
            "{values:?}"
        );
        assert_eq!(read(Forwarded::XForwardedFor, &lines), ForwardedPeer::default(), "{values:?}");
    }
}

#[test]
fn the_last_proxy_names_the_scheme() {
    let rows: [(&[&str], Option<bool>); 9] = [
        (&["https"], Some(true)),
        (&["HTTPS"], Some(true)),
        (&["wss"], Some(true)),
        (&["http"], Some(false)),
        (&["ws"], Some(false)),
        (&["https, http"], Some(false)),
        (&["https", "http"], Some(false)),
        (&["http", "https"], Some(true)),
        (&["", ","], None),
    ];
    for (values, is_secure) in rows {
        let lines = values.iter().map(|value| format!("X-Forwarded-Proto: {value}"));
        let lines: Vec<_> = lines.chain(["X-Forwarded-For: 192.0.2.1".to_owned()]).collect();
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let found = read(Forwarded::XForwardedFor, &lines);
        let expected = ForwardedPeer { address: Some(address("192.0.2.1:0")), is_secure };
        assert_eq!(found, expected, "{values:?}");
        assert_eq!(read(Forwarded::Forwarded, &lines), ForwardedPeer::default());
    }
}

/// Further elements are not read, so that the last one before them counts.
#[test]
fn so_many_elements_are_read() {
    let many = |len: usize| format!("X-Forwarded-For: 192.0.2.1{}", ", 10.0.0.2".repeat(len));
    for (len, expected) in [(31, "192.0.2.1:0"), (32, "10.0.0.2:0"), (300, "10.0.0.2:0")] {
        let found = read(Forwarded::XForwardedFor, &[&many(len)]);
        assert_eq!(found.address, Some(address(expected)), "{len}");
    }
}

/// However the quotes of a client are, each byte is read a few times.
#[test]
fn a_header_costs_in_proportion_to_its_length() {
    for part in ["\"", "\\", "\\\"", ",", ";", "\",", "a=\"\\\",", "for=10.0.0.1,", "for=10.0.0.1;"]
    {
        for len in [3_000, 6_000, 12_000] {
            let line = format!("Forwarded: {}for=10.0.0.1", part.repeat(len / part.len()));
            let cost = work::of(|| {
                read(Forwarded::Forwarded, &[&line]);
            });
            assert!(cost <= 8 * (line.len() + 100), "{part}: {cost} for {}", line.len());
        }
    }
}

//! Hosts, and patterns of them.

use core::net::IpAddr;

use crate::ws::authority::{UriHost, is_one_of};

#[test]
fn hosts_have_ports_or_none() {
    let rows = [
        ("a.example", Some(("a.example", None))),
        ("A.Example:80", Some(("a.example", Some(80)))),
        ("a.example.:8080", Some(("a.example", Some(8_080)))),
        ("a.example:", Some(("a.example", None))),
        ("my_box", Some(("my_box", None))),
        ("127.0.0.1:1", Some(("127.0.0.1", Some(1)))),
        ("127.0.0.1.", Some(("127.0.0.1", None))),
        ("[::1]", Some(("[::1]", None))),
        ("[0:0::1]:81", Some(("[::1]", Some(81)))),
        ("[::]:", Some(("[::]", None))),
        ("", None),
        (".", None),
        (":", None),
        (":80", None),
        ("a..", None),
        ("a:0", None),
        ("a:65536", None),
        ("a:+1", None),
        ("a::", None),
        ("::1", None),
        ("[::1", None),
        ("[127.0.0.1]", None),
        ("[fe80::1%25eth0]", None),
        ("127.1", None),
        ("0x7f.1", None),
        ("u@a", None),
        ("*.a", None),
        ("a b", None),
    ];
    for (text, expected) in rows {
        let read = UriHost::of(text);
        let is_right = match (read, expected) {
            (Some((host, port)), Some((name, other))) => {
                UriHost::parse(name) == Some(host) && port == other
            }
            (None, None) => true,
            (_, _) => false,
        };
        assert!(is_right, "{text:?} is {read:?}");
    }
    let loopback = UriHost::parse("[0:0::1]");
    assert_eq!(loopback, Some(UriHost::Address(IpAddr::V6(core::net::Ipv6Addr::LOCALHOST))));
    assert_ne!(loopback, UriHost::parse("127.0.0.1"));
    assert_ne!(UriHost::parse("a"), UriHost::parse("b"));
    assert_ne!(UriHost::parse("a"), Some(UriHost::Opaque("a")));
}

#[test]
fn some_hosts_are_the_machine_itself() {
    let loopback = [
        "localhost",
        "LocalHost.",
        "a.localhost",
        "a.b.LOCALHOST",
        "127.0.0.1",
        "127.255.255.254",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ];
    let others = [
        "localhost.example",
        "xlocalhost",
        "notlocalhost",
        "local",
        "128.0.0.1",
        "0.0.0.0",
        "[::]",
        "[::2]",
        "[::ffff:10.0.0.1]",
    ];
    let rows = loopback.map(|text| (text, true)).into_iter();
    for (text, expected) in rows.chain(others.map(|text| (text, false))) {
        assert_eq!(UriHost::parse(text).map(UriHost::is_loopback), Some(expected), "{text}");
    }
    assert!(!UriHost::Opaque("localhost").is_loopback(), "it is no host of the web");
}

#[test]
fn patterns_match_hosts() {
    let rows = [
        ("a.example", "A.Example", true),
        ("A.example.", "a.example", true),
        ("a.example", "b.a.example", false),
        ("a.example", "example", false),
        ("*.a.example", "b.a.example", true),
        ("*.A.example.", "c.B.a.EXAMPLE.", true),
        ("*.a.example", "a.example", false),
        ("*.a.example", "xa.example", false),
        ("*.a.example", "b.a.example.org", false),
        ("*.a.example", "127.0.0.1", false),
        ("*.com", "a.com", true),
        ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "127.0.0.2", false),
        ("::1", "[0::1]", true),
        ("[::1]", "[::1]", true),
        ("[::1]", "127.0.0.1", false),
    ];
    for (text, host, expected) in rows {
        let host = UriHost::parse(host).expect(host);
        assert_eq!(is_one_of(host, text), Some(expected), "{text} and {host:?}");
    }
    assert_eq!(is_one_of(UriHost::Opaque("b.a"), "*.a"), Some(false));
    let wrong = [
        "",
        "*",
        "*.",
        "*a",
        "a.*.b",
        "*.*.a",
        "*.1.2.3.4",
        "*.[::1]",
        "*.::1",
        "a:80",
        "[::1]:80",
        "http://a",
        "a/",
        "a..b",
        ".a",
        "300.1.1.1",
        "ä.example",
        "a b",
    ];
    for text in wrong {
        assert_eq!(is_one_of(UriHost::Name("a"), text), None, "{text:?}");
    }
}

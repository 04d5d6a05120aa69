//! Lists of trusted proxies.

use std::net::IpAddr;

use crate::ws::{TrustedProxies, TrustedProxiesError};

#[test]
fn who_is_trusted() {
    let rows = [
        ("10.0.0.1", "10.0.0.1", true),
        ("10.0.0.1", "10.0.0.2", false),
        ("10.0.0.1", "::ffff:10.0.0.1", true),
        ("::ffff:10.0.0.1", "10.0.0.1", true),
        ("10.0.0.0/8", "10.255.255.255", true),
        ("10.0.0.0/8", "11.0.0.0", false),
        ("10.0.0.0/8", "::ffff:10.1.2.3", true),
        ("::ffff:10.0.0.0/104", "10.1.2.3", true),
        ("::ffff:10.0.0.0/104", "11.1.2.3", false),
        ("192.0.2.128/25", "192.0.2.127", false),
        ("192.0.2.128/25", "192.0.2.128", true),
        ("192.0.2.1/32", "192.0.2.1", true),
        ("192.0.2.1/32", "192.0.2.0", false),
        ("0.0.0.0/0", "255.1.2.3", true),
        ("0.0.0.0/0", "::1", false),
        ("::/0", "2001:db8::1", true),
        // IPv4 is no part of it, however it is written.
        ("::/0", "10.0.0.1", false),
        ("::/0", "::ffff:10.0.0.1", false),
        ("::1", "::1", true),
        ("::1", "127.0.0.1", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::", false),
        ("2001:db8::1/128", "2001:db8::1", true),
        ("192.0.2.1, unix 10.0.0.0/8,::1", "10.1.1.1", true),
        ("192.0.2.1, unix 10.0.0.0/8,::1", "::1", true),
        ("192.0.2.1, unix 10.0.0.0/8,::1", "192.0.2.2", false),
        ("none", "10.0.0.1", false),
        ("unix", "10.0.0.1", false),
    ];
    for (list, address, expected) in rows {
        let trusted: TrustedProxies = list.parse().expect(list);
        let address: IpAddr = address.parse().expect(address);
        assert_eq!(trusted.has(address), expected, "{list} {address}");
        assert_eq!(trusted.has_peer(Some((address, 5).into())), expected, "{list} {address}");
        assert_eq!(trusted.has_peer(None), list.contains("unix"), "{list}");
        assert_eq!(trusted.is_none(), list == "none", "{list}");
    }
    assert_eq!(" None ".parse(), Ok(TrustedProxies::NONE));
}

#[test]
fn other_texts_are_no_lists() {
    let rows = [
        "",
        " , ",
        "none, 10.0.0.1",
        "10.0.0.1, none",
        "any",
        "all",
        "localhost",
        "10.0.0.1:80",
        "10.0.0.1/33",
        "10.0.0.1/8",
        "10.0.0.0/+8",
        "10.0.0.0/",
        "10.0.0.0/x",
        "10.0.0.0/8/8",
        "10.0.0.0/4294967304",
        "10.0.0.0/255.0.0.0",
        "10.0/8",
        "10.0.0.1-10.0.0.9",
        "2001:db8::1/32",
        "2001:db8::/129",
        "::ffff:10.0.0.1/104",
        "::ffff:0.0.0.0/95",
        "::ffff:0:0/0",
        "[::1]",
        "*",
    ];
    for text in rows {
        assert_eq!(text.parse::<TrustedProxies>(), Err(TrustedProxiesError), "{text:?}");
    }
}

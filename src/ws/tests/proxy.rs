//! Headers of the PROXY protocol, and what is none.

use std::net::SocketAddr;

use crate::ws::proxy::{ProxiedPeer, ProxyHeader, ProxyHeaderError};
use crate::ws::tests::cuttings;

/// The result of a header: its peer, and whether it is secure.
type Expected = Option<(ProxiedPeer, bool)>;

/// The bytes of the client, which no header changes.
const REST: &[u8] = b"GET / HTTP/1.1\r\nPROXY \r\n";

fn from(text: &str) -> ProxiedPeer {
    ProxiedPeer::Address(text.parse::<SocketAddr>().expect("it is an address"))
}

/// Whole or in any pieces, the bytes are the same header, or the same fault.
fn check(bytes: &[u8], expected: Expected) {
    let shown = bytes.escape_ascii().to_string();
    let whole = ProxyHeader::parse(bytes);
    match expected {
        Some((peer, is_secure)) => {
            let header = ProxyHeader { len: bytes.len(), peer, is_secure };
            assert_eq!(whole, Ok(Some(header)), "{shown}");
            assert_eq!(ProxyHeader::parse(&[bytes, REST].concat()), Ok(Some(header)), "{shown}");
        }
        None => assert_eq!(whole, Err(ProxyHeaderError), "{shown}"),
    }
    for pieces in cuttings(bytes.len()) {
        let mut len = 0;
        let mut found = Ok(None);
        for piece in pieces {
            len += piece;
            found = ProxyHeader::parse(&bytes[..len]);
            if found != Ok(None) {
                break;
            }
        }
        assert_eq!(found, whole, "{shown}");
        assert!(len == bytes.len() || found.is_err(), "it is whole too early: {shown}");
    }
}

#[test]
fn lines_of_version_1() {
    let long = format!("PROXY UNKNOWN {}\r\n", "f".repeat(91));
    assert_eq!(long.len(), 107);
    let rows = [
        ("PROXY TCP4 192.0.2.1 198.51.100.1 5000 443\r\n", from("192.0.2.1:5000")),
        (
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            from("255.255.255.255:65535"),
        ),
        ("PROXY TCP4 192.0.2.1 192.0.2.1 0 0\r\n", from("192.0.2.1:0")),
        ("PROXY TCP6 2001:DB8::1 ::1 1 2\r\n", from("[2001:db8::1]:1")),
        // The peer of a socket for both families.
        ("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", from("192.0.2.1:1")),
        ("PROXY UNKNOWN\r\n", ProxiedPeer::Unknown),
        ("PROXY UNKNOWN 192.0.2.1 what ever\t\0\r\n", ProxiedPeer::Unknown),
        (long.as_str(), ProxiedPeer::Unknown),
    ];
    for (line, peer) in rows {
        check(line.as_bytes(), Some((peer, false)));
    }
    check(b"PROXY UNKNOWN \xff\r\n", Some((ProxiedPeer::Unknown, false)));
}

#[test]
fn other_lines_are_no_headers() {
    let rows = [
        "GET / HTTP/1.1\r\n",
        "PROXY\r\n",
        "PROXX",
        "proxy TCP4 192.0.2.1 192.0.2.1 1 2\r\n",
        " PROXY TCP4 192.0.2.1 192.0.2.1 1 2\r\n",
        "PROXY  TCP4 192.0.2.1 192.0.2.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1  192.0.2.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.1 1 2 \r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.1 1 2 3\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.1 1\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.1\r\n",
        "PROXY TCP4\r\n",
        "PROXY \r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY unknown\r\n",
        "PROXY TCP5 192.0.2.1 192.0.2.1 1 2\r\n",
        "PROXY UDP4 192.0.2.1 192.0.2.1 1 2\r\n",
        // Of the other family.
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.1 192.0.2.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 ::1 1 2\r\n",
        "PROXY TCP4 192.0.2.01 192.0.2.1 1 2\r\n",
        "PROXY TCP4 192.0.2 192.0.2.1 1 2\r\n",
        "PROXY TCP4 192.0.2.256 192.0.2.1 1 2\r\n",
        "PROXY TCP4 host 192.0.2.1 1 2\r\n",
        "PROXY TCP6 [::1] ::1 1 2\r\n",
        "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.1 01 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.1 00 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.1 +1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.1 65536 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.1 1 x\r\n",
        // The end of a line is both characters.
        "PROXY TCP4 192.0.2.1 192.0.2.1 1 2\n",
        "PROXY TCP4 192.0.2.1 192.0.2.1 1 2\rG",
        "PROXY TCP4 192.0.2.1 192.0.2.1 1 2\r\r\n",
        "PROXY UNKNOWN\n",
    ];
    for line in rows {
        check(line.as_bytes(), None);
    }
    check(b"PROXY TCP4 192.0.2.1 192.0.2.1 1 \xff\r\n", None);
    for end in ["", "\r\n", "\r"] {
        check(format!("PROXY UNKNOWN {}{end}", "f".repeat(93)).as_bytes(), None);
    }
}

/// A header of version 2, whose block has any length.
fn binary(command: u8, family: u8, block: &[&[u8]]) -> Vec<u8> {
    let block = block.concat();
    let len = u16::try_from(block.len()).expect("it fits").to_be_bytes();
    [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, family], &len, &block].concat()
}

fn field(kind: u8, value: &[u8]) -> Vec<u8> {
    let len = u16::try_from(value.len()).expect("it fits").to_be_bytes();
    [&[kind], &len[..], value].concat()
}

const V4: &[u8] = &[192, 0, 2, 1, 198, 51, 100, 1, 0x13, 0x88, 0x01, 0xbb];
const V6: &[u8] = b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\
    \x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x13\x88\x01\xbb";

#[test]
fn headers_of_version_2() {
    let mapped = [&[0; 10][..], &[0xff, 0xff, 192, 0, 2, 1], &V6[16..]].concat();
    let rows: [(u8, u8, &[&[u8]], ProxiedPeer); 14] = [
        (0x21, 0x11, &[V4], from("192.0.2.1:5000")),
        (0x21, 0x21, &[V6], from("[2001:db8::1]:5000")),
        (0x21, 0x21, &[&mapped], from("192.0.2.1:5000")),
        (0x21, 0x31, &[&[0x61; 216]], ProxiedPeer::Unknown),
        (0x21, 0x00, &[], ProxiedPeer::Unknown),
        (0x21, 0x00, &[V4], ProxiedPeer::Unknown),
        (0x21, 0x01, &[V4], ProxiedPeer::Unknown),
        (0x21, 0x10, &[V4], ProxiedPeer::Unknown),
        // A datagram has not become a connection.
        (0x21, 0x12, &[V4], ProxiedPeer::Unknown),
        (0x21, 0x22, &[V6], ProxiedPeer::Unknown),
        // The block of a LOCAL header is ignored.
        (0x20, 0x00, &[], ProxiedPeer::Own),
        (0x20, 0x11, &[V4], ProxiedPeer::Own),
        (0x20, 0x21, &[V4], ProxiedPeer::Own),
        (0x20, 0xff, &[b"what ever", &[0xff; 7]], ProxiedPeer::Own),
    ];
    for (command, family, block, peer) in rows {
        check(&binary(command, family, block), Some((peer, false)));
    }
}

#[test]
fn fields_behind_the_addresses() {
    let tls = field(0x20, &[&[0x01, 0, 0, 0, 0][..], &field(0x21, b"TLSv1.3")].concat());
    let others = [field(0x02, b"a.example"), field(0x04, &[0; 64]), field(0xe0, b"")].concat();
    let long = field(0x04, &vec![0x55; 4_096 - V4.len() - 3 - tls.len()]);
    let rows: [(&[&[u8]], bool); 9] = [
        (&[&tls], true),
        (&[&others], false),
        (&[&others, &tls], true),
        (&[&tls, &others], true),
        (&[&long, &tls], true),
        // A client that came without TLS.
        (&[&field(0x20, &[0x00, 0, 0, 0, 1])], false),
        (&[&field(0x20, &[0x06, 0, 0, 0, 1])], false),
        (&[&field(0x20, b"")], false),
        // The same bytes in another field.
        (&[&field(0x30, &tls)], false),
    ];
    for (fields, is_secure) in rows {
        for (family, addresses, peer) in [
            (0x11, V4, from("192.0.2.1:5000")),
            (0x12, V4, ProxiedPeer::Unknown),
            (0x21, V6, from("[2001:db8::1]:5000")),
        ] {
            let block = [&[addresses], fields].concat();
            if block.concat().len() <= 4_096 {
                check(&binary(0x21, family, &block), Some((peer, is_secure)));
            }
        }
        // For itself, a proxy names no client.
        if fields.concat().len() <= 4_096 - V4.len() {
            let block = [&[V4], fields].concat();
            check(&binary(0x20, 0x11, &block), Some((ProxiedPeer::Own, false)));
        }
    }
    for wrong in [&b"\x20"[..], b"\x20\0", b"\x20\0\x02\x01", &[0; 1], &[0xff; 9]] {
        check(&binary(0x21, 0x11, &[V4, &others, wrong]), None);
    }
}

#[test]
fn other_bytes_are_no_headers() {
    let rows: [(u8, u8, &[&[u8]]); 14] = [
        // Other versions and commands.
        (0x11, 0x11, &[V4]),
        (0x31, 0x11, &[V4]),
        (0x01, 0x11, &[V4]),
        (0x22, 0x11, &[V4]),
        (0x2f, 0x11, &[V4]),
        // Other families and protocols.
        (0x21, 0x13, &[V4]),
        (0x21, 0x41, &[V4]),
        (0x21, 0x0f, &[V4]),
        (0x21, 0xf0, &[V4]),
        // Blocks without capacity for the addresses.
        (0x21, 0x11, &[&[0; 11]]),
        (0x21, 0x21, &[&[0; 35]]),
        (0x21, 0x31, &[&[0; 215]]),
        (0x21, 0x11, &[]),
        // Longer than any that is read.
        (0x20, 0x00, &[&[0; 4_097]]),
    ];
    for (command, family, block) in rows {
        check(&binary(command, family, block), None);
    }
    for place in 0..12 {
        let mut bytes = binary(0x20, 0, &[]);
        bytes[place] ^= 0x20;
        check(&bytes, None);
    }
    check(&binary(0x20, 0, &[&[0; 4_096]]), Some((ProxiedPeer::Own, false)));
    assert_eq!(binary(0x20, 0, &[&[0; 4_096]]).len(), ProxyHeader::BYTES_MAX);
    assert_eq!(ProxyHeader::parse(b""), Ok(None));
}

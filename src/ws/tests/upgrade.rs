//! The opening handshake: every rule of RFC 6455, 4.2.1, kept and broken.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tungstenite::handshake::derive_accept_key;

use crate::ws::Status;
use crate::ws::tests::random::Random;
use crate::ws::upgrade::{Upgrade, UpgradeError};

/// The request of RFC 6455, 1.3, field by field.
const REQUEST: [(&str, &str); 5] = [
    ("Host", "Host: server.example.com\r\n"),
    ("Upgrade", "Upgrade: websocket\r\n"),
    ("Connection", "Connection: Upgrade\r\n"),
    ("Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"),
    ("Version", "Sec-WebSocket-Version: 13\r\n"),
];

/// One field of the request, what stands in its place, and the result: the names of
/// protocols, or nothing for a request that asks for no upgrade.
type Row = (&'static str, &'static str, Result<Option<&'static [&'static str]>, UpgradeError>);

const ROWS: &[Row] = &[
    ("", "", Ok(Some(&[]))),
    // Upgrade.
    ("Upgrade", "UPGRADE: WebSocket\r\n", Ok(Some(&[]))),
    ("Upgrade", "Upgrade: h2c, websocket\r\n", Ok(Some(&[]))),
    ("Upgrade", "Upgrade: ,, websocket ,\r\n", Ok(Some(&[]))),
    ("Upgrade", "Upgrade: h2c\r\nUpgrade: websocket\r\n", Ok(Some(&[]))),
    ("Upgrade", "", Err(UpgradeError::Upgrade)),
    ("Upgrade", "Upgrade: h2c\r\n", Err(UpgradeError::Upgrade)),
    ("Upgrade", "Upgrade:\r\n", Err(UpgradeError::Upgrade)),
    ("Upgrade", "Upgrade: websockets\r\n", Err(UpgradeError::Upgrade)),
    ("Upgrade", "Upgrade: web socket\r\n", Err(UpgradeError::Upgrade)),
    // Connection.
    ("Connection", "connection: keep-alive, uPGRADE\r\n", Ok(Some(&[]))),
    ("Connection", "Connection: keep-alive\r\nConnection: Upgrade\r\n", Ok(Some(&[]))),
    ("Connection", "Connection:Upgrade,close\r\n", Ok(Some(&[]))),
    ("Connection", "Connection: \tUpgrade\t\r\n", Ok(Some(&[]))),
    ("Connection", "", Err(UpgradeError::Connection)),
    ("Connection", "Connection: close\r\n", Err(UpgradeError::Connection)),
    ("Connection", "Connection: Upgrade-Insecure\r\n", Err(UpgradeError::Connection)),
    ("Connection", "Connection: keep-alive Upgrade\r\n", Err(UpgradeError::Connection)),
    // Version.
    ("Version", "sec-websocket-version:13\r\n", Ok(Some(&[]))),
    ("Version", "", Err(UpgradeError::NoVersion)),
    ("Version", "Sec-WebSocket-Version: 8\r\n", Err(UpgradeError::Version)),
    ("Version", "Sec-WebSocket-Version: 14\r\n", Err(UpgradeError::Version)),
    ("Version", "Sec-WebSocket-Version: 013\r\n", Err(UpgradeError::Version)),
    ("Version", "Sec-WebSocket-Version: 8, 13\r\n", Err(UpgradeError::Version)),
    ("Version", "Sec-WebSocket-Version:\r\n", Err(UpgradeError::Version)),
    (
        "Version",
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\n",
        Err(UpgradeError::NoVersion),
    ),
    // Key.
    ("Key", "sec-websocket-key:AAAAAAAAAAAAAAAAAAAAAA==\r\n", Ok(Some(&[]))),
    ("Key", "", Err(UpgradeError::Key)),
    ("Key", "Sec-WebSocket-Key:\r\n", Err(UpgradeError::Key)),
    ("Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n", Err(UpgradeError::Key)),
    ("Key", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n", Err(UpgradeError::Key)),
    // 15, 17 and 18 bytes, the last two in as many characters as 16 bytes.
    ("Key", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA\r\n", Err(UpgradeError::Key)),
    ("Key", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAA=\r\n", Err(UpgradeError::Key)),
    ("Key", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA\r\n", Err(UpgradeError::Key)),
    ("Key", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAA===\r\n", Err(UpgradeError::Key)),
    ("Key", "Sec-WebSocket-Key: A-AAAAAAAAAAAAAAAAAAAA==\r\n", Err(UpgradeError::Key)),
    ("Key", "Sec-WebSocket-Key: AAAAAAAAAA AAAAAAAAAAA==\r\n", Err(UpgradeError::Key)),
    (
        "Key",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        Err(UpgradeError::Key),
    ),
    // Protocols, which are an addition to the request.
    ("", "Sec-WebSocket-Protocol: chat\r\n", Ok(Some(&["chat"]))),
    ("", "Sec-WebSocket-Protocol: b, a ,,c\r\n", Ok(Some(&["b", "a", "c"]))),
    (
        "",
        "Sec-WebSocket-Protocol: b\r\nsec-websocket-protocol: a, B\r\n",
        Ok(Some(&["b", "a", "B"])),
    ),
    ("", "Sec-WebSocket-Protocol:\r\n", Ok(Some(&[]))),
    ("", "Sec-WebSocket-Protocol: a, b, a\r\n", Err(UpgradeError::Protocol)),
    ("", "Sec-WebSocket-Protocol: a b\r\n", Err(UpgradeError::Protocol)),
    ("", "Sec-WebSocket-Protocol: a/b\r\n", Err(UpgradeError::Protocol)),
    ("", "Sec-WebSocket-Protocol: é\r\n", Err(UpgradeError::Protocol)),
    // Extensions are offers, and offers may be declined.
    ("", "Sec-WebSocket-Extensions: permessage-deflate\r\n", Ok(Some(&[]))),
    // An offer that cannot be parsed is ignored, in each build.
    ("", "Sec-WebSocket-Extensions: bbf-usp-protocol; eid=\"os::x\"\r\n", Ok(Some(&[]))),
    ("", "Sec-WebSocket-Extensions: ***;,=\"\r\n", Ok(Some(&[]))),
    ("", "Sec-WebSocket-Extensions:\r\n", Ok(Some(&[]))),
];

/// RFC 9110, 7.8: an Upgrade in HTTP/1.0 is ignored; a key says that a handshake was meant.
#[test]
fn http_1_0_is_never_upgraded() {
    let whole = request("", "").replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(Upgrade::parse(&super::head(&whole)), Err(UpgradeError::HttpVersion));
    let without = request("Key", "").replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(Upgrade::parse(&super::head(&without)), Ok(None));
    let later = request("", "").replace("HTTP/1.1", "HTTP/1.2");
    assert!(matches!(Upgrade::parse(&super::head(&later)), Ok(Some(_))));
}

#[test]
fn rows() {
    for (field, instead, expected) in ROWS {
        let text = request(field, instead);
        let outcome = Upgrade::parse(&super::head(&text));
        let names = |upgrade: &Upgrade| upgrade.protocols().to_vec();
        let outcome = outcome.map(|upgrade| upgrade.as_ref().map(names));
        let expected = expected.map(|names| names.map(|names| names.iter().copied()));
        let expected = expected.map(|names| names.map(|names| names.map(String::from).collect()));
        assert_eq!(outcome, expected, "{field} is {instead:?}");
    }
}

/// RFC 6455, 4.2.1: fields come in any order, and those that are not known are ignored.
#[test]
fn order_and_unknown_fields_make_no_difference() {
    let mut lines: Vec<&str> = REQUEST.iter().map(|(_, line)| *line).collect();
    lines.extend(["Cookie: a=b\r\n", "Sec-WebSocket-Unknown: ?\r\n"]);
    for turn in 0..lines.len() {
        for step in [1, 2, 3, 6] {
            let order = (0..lines.len()).map(|at| lines[(turn + at * step) % lines.len()]);
            let text = format!("GET /chat HTTP/1.1\r\n{}\r\n", order.collect::<String>());
            let outcome = Upgrade::parse(&super::head(&text));
            assert!(matches!(outcome, Ok(Some(_))), "{text:?}: {outcome:?}");
        }
    }
}

#[test]
fn a_request_for_a_page_is_no_handshake() {
    let text = "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n";
    assert_eq!(Upgrade::parse(&super::head(text)), Ok(None));
    // RFC 9110, 7.8: an upgrade to something else may be ignored.
    let text = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    assert_eq!(Upgrade::parse(&super::head(text)), Ok(None));
}

/// RFC 6455, 1.3: the answer to the key of its example.
#[test]
fn the_example_of_the_standard() {
    let text = request("", "Sec-WebSocket-Protocol: chat, superchat\r\n");
    let upgrade = Upgrade::parse(&super::head(&text)).ok().flatten().expect("it is right");
    let answer = |protocol: &str| {
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{protocol}\r\n"
        )
    };
    let rows = [
        (None, ""),
        (Some("chat"), "Sec-WebSocket-Protocol: chat\r\n"),
        (Some("superchat"), "Sec-WebSocket-Protocol: superchat\r\n"),
        // What was not offered is left out.
        (Some("Chat"), ""),
        (Some("other"), ""),
        (Some("a\r\nB: c"), ""),
        (Some(""), ""),
    ];
    for (protocol, line) in rows {
        let mut out = b"before".to_vec();
        upgrade.encode(protocol, &mut out);
        let expected = format!("before{}", answer(line));
        assert_eq!(String::from_utf8_lossy(&out), expected, "{protocol:?}");
    }
}

/// Law: for every key the answer is the one that another implementation awaits.
#[test]
fn answers_agree_with_another_implementation() {
    let mut random = Random::new(0x6455);
    for _ in 0..200 {
        let mut key = [0; 24];
        let written = STANDARD.encode_slice(random.bytes(16), &mut key);
        assert_eq!(written, Ok(24));
        let key = String::from_utf8_lossy(&key);
        let text = request("Key", &format!("Sec-WebSocket-Key: {key}\r\n"));
        let upgrade = Upgrade::parse(&super::head(&text)).ok().flatten().expect("it is right");
        let mut out = Vec::new();
        upgrade.encode(None, &mut out);
        let accept = format!("Sec-WebSocket-Accept: {}\r\n", derive_accept_key(key.as_bytes()));
        assert!(String::from_utf8_lossy(&out).contains(&accept), "{key}");
    }
}

/// Each name is compared with each other, so their number has a bound.
#[test]
fn protocols_have_a_bound() {
    let outcome = |count: usize| {
        let names: Vec<_> = (0..count).map(|n| format!("p{n}")).collect();
        let field = format!("Sec-WebSocket-Protocol: {}\r\n", names.join(","));
        Upgrade::parse(&super::head(&request("", &field))).err()
    };
    assert_eq!(outcome(64), None);
    assert_eq!(outcome(65), Some(UpgradeError::Protocol));
}

#[test]
fn every_error_has_its_status() {
    let rows = [
        (UpgradeError::HttpVersion, Status::UPGRADE_REQUIRED),
        (UpgradeError::Upgrade, Status::BAD_REQUEST),
        (UpgradeError::Connection, Status::BAD_REQUEST),
        (UpgradeError::Version, Status::UPGRADE_REQUIRED),
        (UpgradeError::NoVersion, Status::BAD_REQUEST),
        (UpgradeError::Key, Status::BAD_REQUEST),
        (UpgradeError::Protocol, Status::BAD_REQUEST),
    ];
    for (error, status) in rows {
        assert_eq!(error.status(), status, "{error:?}");
        assert!(!error.to_string().is_empty() && !error.to_string().ends_with('.'));
    }
}

/// The example's request with another text in place of one field, or behind them all.
fn request(field: &str, instead: &str) -> String {
    let kept = REQUEST.iter().filter(|(name, _)| *name != field).map(|(_, line)| *line);
    let lines: String = kept.chain([instead]).collect();
    format!("GET /chat HTTP/1.1\r\n{lines}\r\n")
}

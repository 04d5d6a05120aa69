//! Libraries that cannot run here: Starscream, of apps for iOS, and two of devices (ESP8266 and
//! ESP32). What is tested is what they send, byte for byte, and how the server answers that.

#![cfg(feature = "host")]

mod support;

use log::LevelFilter;
use switchboard::Server;

use support::logged::{keep, line_with};
#[cfg(feature = "deflate")]
use support::raw::{PONG, piece};
use support::raw::{TEXT, close};
use support::services::mount_echo;
use support::{LIMITS, Raw, Running};

/// The origins and hosts that Starscream 4.0.8 sends. The origin has the scheme of the URL, and the
/// host always has a port.
const STARSCREAM: [(&str, &str); 7] = [
    ("ws://127.0.0.1:12345", "127.0.0.1:12345"),
    ("wss://127.0.0.1:12345", "127.0.0.1:12345"),
    ("http://127.0.0.1:12345", "127.0.0.1:12345"),
    ("https://127.0.0.1:12345", "127.0.0.1:12345"),
    ("ws://localhost", "localhost:80"),
    ("wss://localhost", "localhost:443"),
    ("https://localhost", "localhost:443"),
];

/// What it offers, if the app wants compression.
const STARSCREAM_EXTENSIONS: &str = "Sec-WebSocket-Extensions: \
    permessage-deflate; client_max_window_bits; server_max_window_bits=15\r\n";

/// arduinoWebSockets 2.7.3, unless the program on the device sets other headers or protocols.
const ARDUINO_WEBSOCKETS: &str = "GET /echo HTTP/1.1\r\n\
    Host: 127.0.0.1:12345\r\n\
    Connection: Upgrade\r\n\
    Upgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Protocol: arduino\r\n\
    Origin: file://\r\n\
    User-Agent: arduino-WebSocket-Client\r\n\r\n";

/// ArduinoWebsockets 0.5.4, unless the program on the device sets an origin.
const TINY_WEBSOCKETS: &str = "GET /echo HTTP/1.1\r\n\
    Host: 127.0.0.1\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Version: 13\r\n\
    User-Agent: TinyWebsockets Client\r\n\
    Origin: https://github.com/gilmaimon/TinyWebsockets\r\n\r\n";

fn server(origin: &str) -> Running {
    let mut server = Server::new(LIMITS);
    server.origin(origin.parse().expect("it is a rule"));
    mount_echo(&mut server, "/echo");
    Running::start(server)
}

fn starscream(origin: &str, host: &str, more: &str) -> Vec<u8> {
    format!(
        "GET /echo HTTP/1.1\r\n\
         Host: {host}\r\n\
         Upgrade: websocket\r\n\
         Connection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Origin: {origin}\r\n{more}\r\n"
    )
    .into_bytes()
}

/// The socket is in: it echoes, and it closes.
fn converse(mut raw: Raw) {
    // Where a device is short of memory, both of its libraries mask with zeros.
    raw.send(&[0x80 | TEXT, 0x80 | 2, 0, 0, 0, 0, b'h', b'i']);
    assert_eq!(raw.read_text(), "hi");
    raw.send(&close(4001, "so long"));
    assert_eq!(raw.read_close().0, 4001);
}

#[test]
fn starscream_is_let_in_under_same() {
    let server = server("same");
    for (origin, host) in STARSCREAM {
        for extensions in ["", STARSCREAM_EXTENSIONS] {
            println!("{origin} to {host}");
            let mut raw = server.raw();
            raw.send(&starscream(origin, host, extensions));
            raw.read_101();
            converse(raw);
        }
    }
    let elsewhere = starscream("wss://127.0.0.1:12346", "127.0.0.1:12345", "");
    assert_eq!(server.ask(&elsewhere).status, 403);
}

/// It reads the parameters up to semicolons, and knows all of these.
#[cfg(feature = "deflate")]
#[test]
fn starscream_agrees_on_compression() {
    let mut server = Server::new(LIMITS);
    server
        .mount("/echo", || switchboard::handler(support::services::Echo))
        .compression(switchboard::Compression::On);
    let server = Running::start(server);
    let (origin, host) = STARSCREAM[0];
    let mut raw = server.raw();
    raw.send(&starscream(origin, host, STARSCREAM_EXTENSIONS));
    let answer = raw.read_head();
    assert_eq!(answer.status, 101);
    let agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                  server_max_window_bits=15";
    assert_eq!(answer.header("sec-websocket-extensions"), Some(agreed));
    raw.send_text("hello");
    assert_eq!(raw.read_text(), "hello");
    // RFC 7692, 6.1: a control frame is never compressed. Its pong is, and fails the connection.
    raw.send(&piece(0x80 | 0x40 | PONG, b""));
    assert_eq!(raw.read_close().0, 1002);
}

/// The refusal names the key and its value, and with that value the device is admitted.
#[test]
fn devices_have_an_origin_of_their_own() {
    let _alone = keep(LevelFilter::Info);
    let rows = [
        (ARDUINO_WEBSOCKETS, "file://", "same, file://"),
        // With a path it is no origin.
        (TINY_WEBSOCKETS, "https://github.com/gilmaimon/TinyWebsockets", "any"),
    ];
    for (handshake, origin, cure) in rows {
        let strict = server("same");
        let answer = strict.ask(handshake.as_bytes());
        assert_eq!(answer.status, 403, "{answer:?}");
        let line = line_with(&format!("the origin {origin} may not use this service"));
        let set = format!(" origin: {cure}");
        for part in ["path=\"/echo\" status=403", "origin is same", &set] {
            assert!(line.text.contains(part), "{line:?}");
        }
        assert!(answer.text().contains(&set), "{answer:?}");
        let server = server(cure);
        let mut raw = server.raw();
        raw.send(handshake.as_bytes());
        assert_eq!(raw.read_101().header("sec-websocket-protocol"), None);
        converse(raw);
    }
}

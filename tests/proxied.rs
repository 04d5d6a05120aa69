//! Clients behind proxies, over real sockets: who they are for services, limits and the log, and
//! what they cannot make up. Here all addresses of loopback are machines of their own.

#![cfg(feature = "proxy")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};

use log::LevelFilter;
use switchboard::limits::Rate;
use switchboard::{
    Forwarded, Handler, Limits, Page, Peer, ProxyProtocol, Request, Server, Thread, handler,
};

use support::http::{get, upgrade};
use support::logged::{keep, line_with, lines_with};
use support::services::mount_echo;
use support::{LIMITS, Raw, Running, on_each_thread};

/// Tells each peer who it is.
struct Who;

impl Handler for Who {
    fn open(&mut self, peer: &mut Peer, request: &Request) {
        let scheme = if request.is_secure() { "secure" } else { "plain" };
        let address = request.peer_address().expect("no peer comes from a Unix socket");
        peer.send(format!("{address} {scheme}"));
    }
}

/// A server that trusts 127.0.0.1 and a network.
fn server(thread: Thread, limits: Limits) -> Server {
    let mut server = Server::new(limits);
    server.thread(thread);
    server.trusted_proxies("127.0.0.1, 10.0.0.0/8, fd00::/8".parse().expect("it is a list"));
    server.mount("/who", || handler(Who)).page(Page::html("<p>a page"));
    server
}

/// A server whose connections have to begin with a header.
fn proxied(thread: Thread, limits: Limits) -> Server {
    let mut server = server(thread, limits);
    server.proxy_protocol(ProxyProtocol::On);
    server
}

/// What the service says of a connection that begins with these bytes.
fn who(mut raw: Raw, begin: &[u8], lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    raw.send(&[begin, &upgrade("/who", &lines)].concat());
    raw.read_101();
    raw.read_text()
}

#[test]
fn a_trusted_proxy_says_who_its_client_is() {
    // Of each handshake: the lines of its head, and who the service says it is. A star stands for
    // the address of the connection.
    let rows: [(&[&str], &str); 17] = [
        (&[], "* plain"),
        (&["X-Forwarded-For: 192.0.2.1"], "192.0.2.1:0 plain"),
        (&["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"], "192.0.2.1:0 secure"),
        (&["X-Forwarded-Proto: https"], "* secure"),
        (&["X-Forwarded-Proto: https, http"], "* plain"),
        // The client has sent what is to the left, or in a line before.
        (&["X-Forwarded-For: 203.0.113.6, 192.0.2.1"], "192.0.2.1:0 plain"),
        (&["X-Forwarded-For: 127.0.0.1, 192.0.2.1"], "192.0.2.1:0 plain"),
        (&["X-Forwarded-For: 203.0.113.6", "X-Forwarded-For: 192.0.2.1"], "192.0.2.1:0 plain"),
        (&["X-Forwarded-For: unknown, 192.0.2.1"], "192.0.2.1:0 plain"),
        // Several proxies.
        (&["X-Forwarded-For: 192.0.2.1, 10.0.0.1, fd00::1"], "192.0.2.1:0 plain"),
        (&["X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 10.0.0.1"], "192.0.2.1:0 plain"),
        // Ports and brackets.
        (&["X-Forwarded-For: [2001:db8::1]:5000"], "[2001:db8::1]:5000 plain"),
        (&["X-Forwarded-For: 192.0.2.1:5000"], "192.0.2.1:5000 plain"),
        // No addresses.
        (&["X-Forwarded-For: unknown"], "* plain"),
        (&["X-Forwarded-For: 192.0.2.1, _hidden, 10.0.0.1"], "10.0.0.1:0 plain"),
        // Headers that do not count.
        (&["Forwarded: for=192.0.2.1;proto=https"], "* plain"),
        (&["X-Real-IP: 192.0.2.1", "X-Client-IP: 192.0.2.2", "Via: 1.1 a"], "* plain"),
    ];
    on_each_thread(|thread| {
        let running = Running::start(server(thread, LIMITS));
        for (lines, expected) in rows {
            let raw = running.raw();
            let own = raw.stream().local_addr().expect("it has one").to_string();
            assert_eq!(who(raw, b"", lines), expected.replace('*', &own), "{lines:?}");
            // From anybody else, all of these are plain headers.
            let raw = Raw::connect_from(running.address(), [127, 0, 0, 9]);
            let own = raw.stream().local_addr().expect("it has one");
            assert_eq!(own.ip().to_string(), "127.0.0.9");
            assert_eq!(who(raw, b"", lines), format!("{own} plain"), "{lines:?}");
        }
    });
}

#[test]
fn one_header_counts_and_no_other() {
    let lines = [
        "X-Forwarded-For: 192.0.2.1",
        "Forwarded: for=203.0.113.6, for=\"[2001:db8::1]:5000\";proto=https;host=\"a, for=b\"",
    ];
    for (forwarded, expected) in [
        (Forwarded::XForwardedFor, "192.0.2.1:0 plain"),
        (Forwarded::Forwarded, "[2001:db8::1]:5000 secure"),
        (Forwarded::Off, "* plain"),
    ] {
        let mut server = server(Thread::Own, LIMITS);
        server.forwarded(forwarded);
        let running = Running::start(server);
        let raw = running.raw();
        let own = raw.stream().local_addr().expect("it has one").to_string();
        assert_eq!(who(raw, b"", &lines), expected.replace('*', &own), "{forwarded:?}");
    }
}

/// A header of version 2 with this command, family and block.
fn binary(command: u8, family: u8, block: &[&[u8]]) -> Vec<u8> {
    let block = block.concat();
    let len = u16::try_from(block.len()).expect("it fits").to_be_bytes();
    [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, family], &len, &block].concat()
}

/// The addresses 192.0.2.1:5000 and 198.51.100.1:443.
const V4: &[u8] = &[192, 0, 2, 1, 198, 51, 100, 1, 0x13, 0x88, 0x01, 0xbb];
/// The addresses [2001:db8::1]:5000 and [2001:db8::2]:443.
const V6: &[u8] = b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\
    \x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x13\x88\x01\xbb";
/// The client came over TLS (`PP2_TYPE_SSL`).
const TLS: &[u8] = b"\x20\0\x05\x01\0\0\0\0";
const SPOOF: &[&str] = &["X-Forwarded-For: 203.0.113.6", "X-Forwarded-Proto: https"];

#[test]
fn the_header_of_the_proxy_protocol_says_who_it_is() {
    // 4 KiB of fields, of which the last says TLS.
    let padding = [&[0x04][..], &4_073_u16.to_be_bytes(), &vec![0x55; 4_073]].concat();
    let full = binary(0x21, 0x11, &[V4, &padding, TLS]);
    assert_eq!(full.len(), 16 + 4_096);
    let text = |line: &str| line.as_bytes().to_vec();
    let rows: [(Vec<u8>, &[&str], &str); 15] = [
        (text("PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n"), &[], "192.0.2.1:5000 plain"),
        (text("PROXY TCP6 2001:db8::1 ::1 5000 443\r\n"), &[], "[2001:db8::1]:5000 plain"),
        (text("PROXY UNKNOWN\r\n"), &[], "* plain"),
        (binary(0x21, 0x11, &[V4]), &[], "192.0.2.1:5000 plain"),
        (binary(0x21, 0x21, &[V6, TLS]), &[], "[2001:db8::1]:5000 secure"),
        (full, &[], "192.0.2.1:5000 secure"),
        // The block of a LOCAL header is ignored.
        (binary(0x20, 0x11, &[V4, TLS]), &[], "* plain"),
        (binary(0x20, 0x00, &[]), &[], "* plain"),
        (binary(0x21, 0x31, &[&[0x61; 216]]), &[], "* plain"),
        // What the client says of itself.
        (text("PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n"), SPOOF, "192.0.2.1:5000 plain"),
        (binary(0x21, 0x11, &[V4]), SPOOF, "192.0.2.1:5000 plain"),
        (text("PROXY UNKNOWN\r\n"), SPOOF, "* plain"),
        (binary(0x20, 0x00, &[]), SPOOF, "* plain"),
        // Another trusted proxy is the client of the first one.
        (text("PROXY TCP4 10.0.0.1 192.0.2.2 5000 443\r\n"), SPOOF, "203.0.113.6:0 secure"),
        (text("PROXY TCP4 10.0.0.1 192.0.2.2 5000 443\r\n"), &[], "10.0.0.1:5000 plain"),
    ];
    on_each_thread(|thread| {
        let running = Running::start(proxied(thread, LIMITS));
        for (header, lines, expected) in &rows {
            let raw = running.raw();
            let own = raw.stream().local_addr().expect("it has one").to_string();
            let expected = expected.replace('*', &own);
            let shown = header[..header.len().min(60)].escape_ascii().to_string();
            assert_eq!(who(raw, header, lines), expected, "{shown}");
        }
    });
}

/// The header comes in pieces of one byte. That the server has seen each of them is not certain,
/// but likely: another connection is served after each.
#[test]
fn a_header_comes_in_pieces() {
    on_each_thread(|thread| {
        let running = Running::start(proxied(thread, LIMITS));
        let v1: &[u8] = b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n";
        let v2 = binary(0x21, 0x21, &[V6, TLS]);
        for (header, expected) in [(v1, "192.0.2.1:5000 plain"), (&v2, "[2001:db8::1]:5000 secure")]
        {
            let mut raw = running.raw();
            raw.stream().set_nodelay(true).expect("it can be");
            for byte in header {
                raw.send(&[*byte]);
                let mut other = running.raw();
                other.send(&[v1, &get("/nothing", "")].concat());
                assert_eq!(other.read_answer().status, 404);
            }
            raw.send(&upgrade("/who", ""));
            raw.read_101();
            assert_eq!(raw.read_text(), expected);
        }
    });
}

/// The connection ends without an answer. It is reset if the server has left bytes unread.
fn expect_drop(raw: &Raw) {
    match raw.stream().read(&mut [0]) {
        Ok(len) => assert_eq!(len, 0, "it is answered"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
}

#[test]
fn what_is_no_header_is_dropped() {
    let _kept = keep(LevelFilter::Info);
    let running = Running::start(proxied(Thread::Own, LIMITS));
    let rows: [&[u8]; 8] = [
        b"GET /who HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\n",
        b"PROXY TCP4 192.0.2.300 192.0.2.2 5000 443\r\n",
        b" PROXY UNKNOWN\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        b"\r\n\r\n\0\r\nQUIT\n\x11",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0b",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
    ];
    for bytes in rows {
        let mut raw = running.raw();
        let own = raw.stream().local_addr().expect("it has one");
        raw.try_send(bytes);
        expect_drop(&raw);
        let line = line_with(&format!("peer={own}"));
        assert_eq!(line.level, log::Level::Info);
        assert!(
            line.text.contains("reason=\"no PROXY header: connections of this listener"),
            "{line:?}"
        );
        assert!(line.text.contains("(proxy-protocol)"), "{line:?}");
        support::logged::forget();
    }
    // Others are dropped, whatever they send.
    let header: &[u8] = b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n";
    let mut raw = Raw::connect_from(running.address(), [127, 0, 0, 9]);
    let own = raw.stream().local_addr().expect("it has one");
    raw.try_send(&[header, &upgrade("/who", "")].concat());
    expect_drop(&raw);
    let line = line_with(&format!("peer={own}"));
    assert!(line.text.contains("reason=\"untrusted peer: connections"), "{line:?}");
    assert!(lines_with("192.0.2.1").is_empty(), "what others say is not believed");
    // One without a word is no fault: it is how some proxies check the port.
    let mut raw = running.raw();
    let own = raw.stream().local_addr().expect("it has one");
    raw.end_writing();
    raw.expect_end();
    drop(raw);
    assert_eq!(who(running.raw(), header, &[]), "192.0.2.1:5000 plain");
    assert!(lines_with(&format!("peer={own}")).is_empty());
}

/// A header that does not end has no more time than a request.
/// It takes no place until the time of a handshake is over.
#[test]
fn a_header_that_ends_before_it_is_whole_is_none() {
    let _kept = keep(LevelFilter::Info);
    let running = Running::start(proxied(Thread::Own, LIMITS));
    for begin in [&b"\r\n\r\n"[..], b"PROXY TCP4 192.0.2.1"] {
        let raw = running.raw();
        let own = raw.stream().local_addr().expect("it has one");
        raw.stream().write_all(begin).expect("it is open");
        raw.stream().shutdown(Shutdown::Write).expect("it is open");
        expect_drop(&raw);
        let line = line_with(&format!("peer={own}"));
        assert!(line.text.contains("reason=\"no PROXY header"), "{line:?}");
    }
}

#[test]
fn a_header_has_the_time_of_a_handshake() {
    let limits = Limits { handshake_ms_max: 200, ..LIMITS };
    let running = Running::start(proxied(Thread::Own, limits));
    for begin in [&b"PROXY TCP4 192.0.2.1"[..], b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x10\0", b""] {
        let mut raw = running.raw();
        raw.send(begin);
        expect_drop(&raw);
    }
    // A request that follows has the rest of it.
    let mut raw = running.raw();
    raw.send(b"PROXY UNKNOWN\r\nGET / HT");
    assert_eq!(raw.read_answer().status, 408);
}

/// Without it, nobody would notice that the limits of one address hold for no client.
#[test]
fn the_log_warns_once_of_a_proxy_whose_clients_are_not_known() {
    for (trusted, line, fault) in [
        ("none", "X-Forwarded-For: 192.0.2.1", "is not in trusted-proxy"),
        ("10.0.0.1", "Forwarded: for=192.0.2.1", "is not in trusted-proxy"),
        ("127.0.0.1", "Forwarded: for=192.0.2.1", "names no client in the header of forwarded"),
    ] {
        let _kept = keep(LevelFilter::Warn);
        let mut server = server(Thread::Own, LIMITS);
        server.trusted_proxies(trusted.parse().expect(trusted));
        let running = Running::start(server);
        for _ in 0..3 {
            who(running.raw(), b"", &[line]);
        }
        let warning = format!("127.0.0.1 sends X-Forwarded-For or Forwarded, and {fault}");
        assert_eq!(line_with(&warning).level, log::Level::Warn);
        assert_eq!(lines_with(&warning).len(), 1, "{trusted}");
        support::logged::forget();
    }
}

#[test]
fn the_log_has_the_clients() {
    let _kept = keep(LevelFilter::Info);
    let running = Running::start(server(Thread::Own, LIMITS));
    let mut raw = running.raw();
    raw.send(&upgrade("/who", "X-Forwarded-For: 192.0.2.41\r\n"));
    raw.read_101();
    drop(raw);
    let line = line_with("peer=192.0.2.41:0");
    assert!(line.text.contains("path=\"/who\""), "{line:?}");
    let mut raw = running.raw();
    raw.send(&get("/nothing", "X-Forwarded-For: 192.0.2.42:5000\r\n"));
    assert_eq!(raw.read_answer().status, 404);
    drop(raw);
    assert!(line_with("peer=192.0.2.42:5000").text.contains("status=404"));
    let running = Running::start(proxied(Thread::Own, LIMITS));
    let mut raw = running.raw();
    raw.send(b"PROXY TCP4 192.0.2.43 192.0.2.2 5000 443\r\nGET / HTTP/1.1\r\nno field\r\n\r\n");
    assert_eq!(raw.read_answer().status, 400);
    drop(raw);
    assert!(line_with("peer=192.0.2.43:5000").text.contains("status=400"));
}

/// Opens sockets for a client, as long as it may. Returns them, and the status of the refusal.
fn open_all(running: &Running, begin: &[u8], line: &str) -> (Vec<Raw>, u16) {
    let mut open = Vec::new();
    loop {
        let mut raw = running.raw();
        raw.send(&[begin, &upgrade("/echo", line)].concat());
        let status = raw.read_head().status;
        if status != 101 {
            return (open, status);
        }
        open.push(raw);
    }
}

#[test]
fn the_sockets_of_each_client_are_counted() {
    let limits = Limits { sockets_per_ip_max: 5, connection_rate: None, ..LIMITS };
    let of_both = |thread, limits| [server(thread, limits), proxied(thread, limits)];
    on_each_thread(|thread| {
        for (place, mut server) in of_both(thread, limits).into_iter().enumerate() {
            mount_echo(&mut server, "/echo");
            let running = Running::start(server);
            let ask = |client: &str| {
                let header = format!("PROXY TCP4 {client} 192.0.2.2 5000 443\r\n");
                match place {
                    0 => open_all(&running, b"", &format!("X-Forwarded-For: {client}\r\n")),
                    _ => open_all(&running, header.as_bytes(), ""),
                }
            };
            let (mut one, status) = ask("192.0.2.1");
            assert_eq!((one.len(), status), (5, 503));
            let (two, status) = ask("192.0.2.3");
            assert_eq!((two.len(), status), (5, 503), "each has its own");
            // Its place is free again when it has gone.
            drop(one.pop());
            support::until("there is a place", || !ask("192.0.2.1").0.is_empty());
            for raw in &mut one {
                raw.send_text("here");
                assert_eq!(raw.read_text(), "here");
            }
        }
    });
}

#[test]
fn the_rate_of_each_client_is_counted() {
    // Its burst comes back in so long a time that no machine is as slow.
    let connection_rate = Some(Rate { per_s: 1, burst: 300 });
    let limits = Limits { connection_rate, sockets_per_ip_max: Limits::OFF_COUNT, ..LIMITS };
    let mut server = proxied(Thread::Own, limits);
    mount_echo(&mut server, "/echo");
    let running = Running::start(server);
    let (open, status) = open_all(&running, b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "");
    assert!(open.len() >= 300, "{}", open.len());
    assert_eq!(status, 429);
    assert_eq!(
        who(running.raw(), b"PROXY TCP4 192.0.2.3 192.0.2.2 1 2\r\n", &[]),
        "192.0.2.3:1 plain"
    );
    // The proxy itself has no rate.
    let local = binary(0x20, 0, &[]);
    for _ in 0..400 {
        let mut raw = running.raw();
        raw.send(&[&local[..], &get("/nothing", "")].concat());
        assert_eq!(raw.read_head().status, 404);
    }
}

#[test]
fn a_page_without_tls_is_another_origin_for_a_client_with_tls() {
    let running = Running::start(server(Thread::Own, LIMITS));
    let rows = [
        ("http://localhost", "https", 403),
        ("ws://localhost", "https", 403),
        ("http://localhost:80", "https", 403),
        ("https://localhost", "https", 101),
        ("wss://localhost", "https", 101),
        // Where it is not known, host and port alone decide.
        ("http://localhost", "http", 101),
        ("https://localhost", "http", 101),
        ("https://other.example", "https", 403),
    ];
    for (origin, scheme, status) in rows {
        let lines = format!("Origin: {origin}\r\nX-Forwarded-Proto: {scheme}\r\n");
        let mut raw = running.raw();
        raw.send(&upgrade("/who", &lines));
        let answer = raw.read_head();
        assert_eq!(answer.status, status, "{origin} {scheme}");
        if status == 403 {
            let text = String::from_utf8(raw.read_to_end()).expect("it is text");
            let is_why = text.contains("the client has connected over TLS");
            assert_eq!(is_why, !origin.contains("other"), "{text}");
            let cure = match is_why {
                true => "redirect its pages from http to https",
                false => "set origin: same, https://other.example",
            };
            assert!(text.contains(cure), "{text}");
        }
        // The word of others does not count.
        let mut raw = Raw::connect_from(running.address(), [127, 0, 0, 9]);
        raw.send(&upgrade("/who", &lines));
        let expected = if origin.contains("other") { 403 } else { 101 };
        assert_eq!(raw.read_head().status, expected, "{origin} {scheme}");
    }
}

/// Once proxies are named, the headers of others excuse no `Host`.
#[test]
fn hosts_pass_by_a_trusted_proxy() {
    let status = |mut raw: Raw, begin: &[u8], lines: &str| {
        let head = format!("GET /who HTTP/1.1\r\nHost: chat.example\r\n{lines}\r\n");
        raw.send(&[begin, head.as_bytes()].concat());
        raw.read_answer().status
    };
    let running = Running::start(server(Thread::Own, LIMITS));
    let stranger = |address: SocketAddr| Raw::connect_from(address, [127, 0, 0, 9]);
    for header in ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Host: a", "Via: 1.1 a"] {
        let line = format!("{header}\r\n");
        assert_eq!(status(running.raw(), b"", &line), 200, "{header}");
        assert_eq!(status(stranger(running.address()), b"", &line), 421, "{header}");
    }
    // A browser on the machine of the proxy sends none of them.
    assert_eq!(status(running.raw(), b"", ""), 421);
    let mut raw = running.raw();
    raw.send(b"GET /who HTTP/1.1\r\nHost: chat.example\r\n\r\n");
    let text = raw.read_answer().text().to_owned();
    assert!(text.contains("it has no X-Forwarded-For of a trusted-proxy"), "{text}");
    let running = Running::start(proxied(Thread::Own, LIMITS));
    assert_eq!(status(running.raw(), b"PROXY UNKNOWN\r\n", ""), 200);
}

/// A host that would accept nothing does not start.
#[test]
fn the_proxy_protocol_needs_a_proxy() {
    let mut server = Server::new(LIMITS);
    server.proxy_protocol(ProxyProtocol::On);
    let error = server.bind("127.0.0.1:0").expect_err("nobody is trusted").to_string();
    assert!(error.contains("trusted-proxy is none"), "{error}");
}

const _: () = assert!(LIMITS.read_buffer_bytes >= 4_112, "the longest header fits");

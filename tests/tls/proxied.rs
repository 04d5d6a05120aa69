//! TLS behind the header of the PROXY protocol, and requests that are sent to TLS.
#![cfg(feature = "proxy")]

use std::net::SocketAddr;

use log::LevelFilter;
use switchboard::{Handler, Limits, Page, Peer, ProxyProtocol, Request, Server, Thread, handler};

use crate::support::http::{Answer, UPGRADE, get, upgrade};
use crate::support::logged::{keep, line_with};
use crate::support::tls::{LOOPBACK, Sealed, VERSIONS, client, secure, start, start_both, tls};
use crate::support::{LIMITS, Raw, Running, on_each_thread, server_on, until};

/// Tells each client who it is.
struct Who;

impl Handler for Who {
    fn open(&mut self, peer: &mut Peer, request: &Request) {
        let address = request.peer_address().expect("it comes by TCP");
        let name = request.peer().tls().and_then(|tls| tls.server_name.as_deref());
        peer.send(format!("{address} {} {}", request.is_secure(), name.unwrap_or("no TLS")));
    }
}

fn proxied(thread: Thread, limits: Limits) -> Server {
    let mut server = server_on(thread, limits);
    server.trusted_proxies("127.0.0.1".parse().expect("it is a list"));
    server.proxy_protocol(ProxyProtocol::On);
    server.mount("/who", || handler(Who));
    server
}

const TEXT_HEADER: &[u8] = b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n";
/// Version 2 (PROXY, TCP over IPv4): 192.0.2.9:5001 to 198.51.100.1:443.
const BINARY_HEADER: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x09\xc6\x33\x64\x01\
    \x13\x89\x01\xbb";

#[test]
fn the_header_of_a_proxy_comes_before_tls() {
    on_each_thread(|thread| {
        // One client connects more often than others may.
        let limits = Limits { connection_rate: None, ..LIMITS };
        let server = start(proxied(thread, limits), &tls(&["first"]));
        let mut other = Raw::connect(server.address());
        other.send(TEXT_HEADER);
        other.secure(client(&VERSIONS), "first.example").expect("it succeeds");
        for version in VERSIONS {
            for (header, expected) in
                [(TEXT_HEADER, "192.0.2.1:5000"), (BINARY_HEADER, "192.0.2.9:5001")]
            {
                // In one piece with the hello, and cut at each byte up to the middle of the hello.
                let hello_of = || {
                    let mut sealed = Sealed::new(client(&[version]), "first.example");
                    let begin = [header, &sealed.records()].concat();
                    (sealed, begin)
                };
                let len = hello_of().1.len();
                for cut in 0..=header.len() + 40 {
                    let (sealed, begin) = hello_of();
                    assert!(cut < len);
                    let mut raw = server.raw();
                    if cut > 0 {
                        raw.send(&begin[..cut]);
                        // The server has read that by the time when it has answered another.
                        turn(&server);
                    }
                    raw.send(&begin[cut..]);
                    finish(&mut raw, sealed);
                    raw.upgrade("/who");
                    assert_eq!(raw.read_text(), format!("{expected} true first.example"), "{cut}");
                }
            }
        }
    });
}

/// The server has had a turn since this was called.
fn turn(server: &Running) {
    let mut raw = server.raw();
    raw.send(b"This is no header of a proxy.\r\n\r\n");
    raw.read_rest();
}

/// Goes on with a handshake whose hello was sent.
fn finish(raw: &mut Raw, mut sealed: Sealed) {
    let mut stream = raw.stream().try_clone().expect("there is a descriptor");
    while sealed.rustls().is_handshaking() {
        assert!(sealed.read(&mut stream, &mut Vec::new()).expect("it goes on"));
        raw.send(&sealed.records());
    }
    raw.resume(sealed);
}

#[test]
fn without_a_header_there_is_no_tls() {
    let _alone = keep(LevelFilter::Info);
    let server = start(proxied(Thread::Own, LIMITS), &tls(&["first"]));
    let mut raw = server.raw();
    let address = raw.stream().local_addr().expect("it has one");
    raw.secure(client(&VERSIONS), "first.example").expect_err("a header is missing");
    let line = line_with(&format!("peer={address}"));
    assert!(line.text.contains("no PROXY header"), "{line:?}");
}

/// Header, handshake and request have the time of one handshake in total.
#[test]
fn all_of_a_handshake_has_one_time() {
    on_each_thread(|thread| {
        let limits = Limits { handshake_ms_max: 400, ..LIMITS };
        let server = start(proxied(thread, limits), &tls(&["first"]));
        let whole = {
            let mut sealed = Sealed::new(client(&VERSIONS), "first.example");
            [TEXT_HEADER, &sealed.records()].concat()
        };
        for cut in [0, 1, TEXT_HEADER.len(), TEXT_HEADER.len() + 10, whole.len()] {
            let mut raw = server.raw();
            if cut > 0 {
                raw.send(&whole[..cut]);
            }
            // The end comes, by itself.
            raw.read_rest();
        }
        // One that drips, a byte for each turn of the server, is not longer there.
        let mut raw = server.raw();
        raw.stream().set_nonblocking(true).expect("it can be");
        let (mut sent, begin) = (0, std::time::Instant::now());
        until("it ends", || {
            if sent < whole.len() && begin.elapsed().as_millis() as usize > 20 * sent {
                if !raw.try_send(&whole[sent..=sent]) {
                    return true;
                }
                sent += 1;
            }
            raw.stream().peek(&mut [0]).is_ok_and(|len| len == 0)
        });
        assert!(sent < whole.len(), "it ends before all has come");
    });
}

/// A client behind a proxy gets no more than three quarters of the handshakes.
#[test]
fn one_client_does_not_get_all_handshakes() {
    let _alone = keep(LevelFilter::Info);
    let limits = Limits { handshakes_max: 8, sockets_per_ip_max: 100, ..LIMITS };
    let server = start(proxied(Thread::Own, limits), &tls(&["first"]));
    let begin = |header: &str| {
        let mut raw = server.raw();
        raw.send(header.as_bytes());
        let mut sealed = Sealed::new(client(&VERSIONS), "first.example");
        raw.send(&sealed.records());
        raw
    };
    let one: Vec<Raw> = (0..6).map(|_| begin("PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n")).collect();
    one.iter().for_each(Raw::wait);
    let mut seventh = begin("PROXY TCP4 192.0.2.1 192.0.2.2 7 443\r\n");
    seventh.expect_closed();
    let line = line_with("peer=192.0.2.1:7");
    assert!(line.text.contains("max-handshakes is 8, and this address has a quarter"), "{line:?}");
    let mut other = server.raw();
    other.send(b"PROXY TCP4 192.0.2.2 192.0.2.2 1 443\r\n");
    other.secure(client(&VERSIONS), "first.example").expect("it is another address");
}

/// A server with plain listeners and one of TLS, which plain requests are sent to.
fn redirecting() -> (Running, SocketAddr) {
    let mut server = server_on(Thread::Own, LIMITS);
    server.mount("/who", || handler(Who)).page(Page::html("<p>a page"));
    server.health_path("/health").redirect_to_tls();
    server.trusted_proxies("127.0.0.9".parse().expect("it is a list"));
    start_both(server, &tls(&["first"]), &LOOPBACK, LOOPBACK[0])
}

fn ask(server: &Running, target: &str, lines: &str) -> Answer {
    server.ask(format!("GET {target} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n").as_bytes())
}

#[test]
fn plain_requests_are_sent_to_tls() {
    let (server, address) = redirecting();
    let port = address.port();
    for (target, host, expected) in [
        ("/who", "localhost", format!("https://localhost:{port}/who")),
        ("/who?a=b&c", "localhost:80", format!("https://localhost:{port}/who?a=b&c")),
        ("/nothing/at/all", "127.0.0.1", format!("https://127.0.0.1:{port}/nothing/at/all")),
        ("/", "[::1]:8080", format!("https://[::1]:{port}/")),
        ("http://localhost:1/who?x", "127.0.0.1", format!("https://localhost:{port}/who?x")),
    ] {
        let answer = ask(&server, target, &format!("Host: {host}\r\n"));
        assert_eq!(answer.status, 308, "{answer:?}");
        assert_eq!(answer.header("location"), Some(&*expected));
        assert!(answer.text().contains(&expected), "{answer:?}");
    }
    // A socket is not opened by a redirect, which its clients do not follow.
    let mut raw = server.raw();
    raw.send(&upgrade("/who?a", ""));
    let answer = raw.read_answer();
    assert_eq!((answer.status, answer.header("upgrade")), (426, Some("TLS/1.2")));
    assert!(answer.text().contains(&format!("wss://localhost:{port}/who?a")), "{answer:?}");
    // What a load balancer looks at is served.
    let answer = ask(&server, "/health", "Host: localhost\r\n");
    assert_eq!((answer.status, answer.header("location")), (200, None));
    // So is TLS itself.
    let mut raw = secure(address, client(&VERSIONS), "first.example");
    raw.send(&get("/who", ""));
    assert_eq!(raw.read_head().status, 200);
    let mut raw = secure(address, client(&VERSIONS), "first.example");
    raw.upgrade("/who");
    assert!(raw.read_text().ends_with(" true first.example"));
}

/// What a trusted proxy has got over TLS is served; what anybody says of itself is not.
#[test]
fn what_a_proxy_has_got_over_tls_is_not_sent_to_it_again() {
    let (server, _) = redirecting();
    let page = "GET /who HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    for (from, line, expected) in [
        ([127, 0, 0, 9], "X-Forwarded-Proto: https\r\n", 200),
        ([127, 0, 0, 9], "X-Forwarded-Proto: http\r\n", 308),
        ([127, 0, 0, 9], "", 308),
        ([127, 0, 0, 1], "X-Forwarded-Proto: https\r\n", 308),
    ] {
        let mut raw = Raw::connect_from(server.address(), from);
        raw.send(format!("{page}{line}\r\n").as_bytes());
        assert_eq!(raw.read_answer().status, expected, "{from:?} {line}");
        let upgrade = format!("GET /who HTTP/1.1\r\nHost: localhost\r\n{UPGRADE}{line}\r\n");
        let mut raw = Raw::connect_from(server.address(), from);
        raw.send(upgrade.as_bytes());
        let expected = if expected == 200 { 101 } else { 426 };
        assert_eq!(raw.read_head().status, expected, "{from:?} {line}");
    }
}

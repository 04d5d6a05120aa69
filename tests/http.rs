//! Requests over real sockets: what is refused and how, what is admitted however it comes, and
//! what a plain GET shows. Every answer is read to the end of its connection.

#![cfg(feature = "host")]

mod support;

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use switchboard::ws::Status;
use switchboard::{AllowedHosts, Limits, OriginRule, Page, Server};

use support::http::{Answer, UPGRADE, get, upgrade};
use support::raw::{PING, TEXT, close, frame};
use support::services::mount_echo;
use support::{DEADLINE, LIMITS, Running};

fn echo() -> Running {
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    Running::start(server)
}

/// What every refusal has, whatever it refuses.
fn check_refusal(name: &str, answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{name}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"), "{name}");
    let length = answer.body.len().to_string();
    assert_eq!(answer.header("content-length"), Some(length.as_str()), "{name}");
    let connection = answer.header("connection").expect("the end is announced");
    assert!(connection.split(", ").any(|token| token == "close"), "{name}: {connection}");
    assert!(answer.text().trim().len() > 5, "{name} says why: {:?}", answer.text());
    assert_eq!(answer.text().lines().count(), 1, "{name}");
}

/// Sends each request and checks that it is refused so.
fn check(server: &Running, rows: &[(&str, Vec<u8>, u16)]) {
    for (name, request, status) in rows {
        check_refusal(name, &server.ask(request), *status);
    }
}

#[test]
fn paths_without_a_service_are_404() {
    let server = echo();
    let paths = [
        "/nowhere",
        "/",
        "/Echo",
        "/echo/",
        "/echo/x",
        "/echo.py",
        "//echo",
        "/./echo",
        "/../echo",
        "/x/../echo",
        "/%2e%2e/echo",
        "/.hidden",
        "/x%2fecho",
        "/echo%00",
        "/echo%0a",
        "/ec\\ho",
        "/%c0%80",
        "/echo%2f",
        "/echo%20",
    ];
    for path in paths {
        check_refusal(path, &server.ask(&get(path, "")), 404);
        check_refusal(path, &server.ask(&upgrade(path, "")), 404);
    }
    for path in ["/echo?query", "/echo?../..//%zz", "/%65cho", "/echo.rs"] {
        server.open(path);
    }
}

#[test]
fn malformed_requests_are_400() {
    let server = echo();
    let line = |line: &str| format!("{line}\r\nHost: localhost\r\n{UPGRADE}\r\n").into_bytes();
    let more = |more: &str| upgrade("/echo", more);
    let rows = [
        ("no request", b"hello\r\n\r\n".to_vec(), 400),
        ("another protocol", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec(), 400),
        ("two words", line("GET /echo"), 400),
        ("four words", line("GET /echo HTTP/1.1 x"), 400),
        ("two blanks", line("GET  /echo HTTP/1.1"), 400),
        ("a bad method", line("G(T /echo HTTP/1.1"), 400),
        ("no path", line("GET echo HTTP/1.1"), 400),
        ("an asterisk", line("GET * HTTP/1.1"), 400),
        ("a fragment", line("GET /echo#x HTTP/1.1"), 400),
        ("broken percent-encoding", line("GET /%zz HTTP/1.1"), 400),
        ("cut percent-encoding", line("GET /echo%6 HTTP/1.1"), 400),
        ("a strange scheme", line("GET ftp://localhost/echo HTTP/1.1"), 400),
        ("user information", line("GET http://me@localhost/echo HTTP/1.1"), 400),
        ("a small version", line("GET /echo http/1.1"), 400),
        ("no version", line("GET /echo HTTP/x"), 400),
        ("bare line feeds", b"GET /echo HTTP/1.1\nHost: localhost\n\n".to_vec(), 400),
        ("a bare carriage return", b"GET /echo HTTP/1.1\rHost: x\r\n\r\n".to_vec(), 400),
        ("no host", b"GET /echo HTTP/1.1\r\n\r\n".to_vec(), 400),
        ("two hosts", more("Host: localhost\r\n"), 400),
        ("a bad host", b"GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n".to_vec(), 400),
        ("a folded line", more("X: y\r\n z\r\n"), 400),
        ("a blank before the colon", more("X : y\r\n"), 400),
        ("a line without a colon", more("X\r\n"), 400),
        ("a control character", more("X: y\x01z\r\n"), 400),
        ("a line feed within a value", more("X: y\nz\r\n"), 400),
        ("content", more("Content-Length: 5\r\n"), 400),
        ("two lengths", more("Content-Length: 0\r\nContent-Length: 0\r\n"), 400),
        ("a transfer coding", more("Transfer-Encoding: chunked\r\n"), 400),
        ("two keys", more("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 400),
        ("two versions", more("Sec-WebSocket-Version: 13\r\n"), 400),
        ("a protocol twice", more("Sec-WebSocket-Protocol: a, a\r\n"), 400),
        ("a protocol that is no token", more("Sec-WebSocket-Protocol: a b\r\n"), 400),
    ];
    check(&server, &rows);
}

#[test]
fn upgrades_that_break_a_rule_are_refused() {
    let server = echo();
    let without = |line: &str| get("/echo", &UPGRADE.replace(line, ""));
    let with = |from: &str, to: &str| get("/echo", &UPGRADE.replace(from, to));
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    let rows = [
        ("no Upgrade", without("Upgrade: websocket\r\n"), 400),
        ("another Upgrade", with(": websocket", ": h2c"), 400),
        ("no Connection", without("Connection: Upgrade\r\n"), 400),
        ("another Connection", with("n: Upgrade", "n: keep-alive"), 400),
        ("no version", without("Sec-WebSocket-Version: 13\r\n"), 400),
        ("no key", without("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 400),
        ("a short key", with(key, "dGhlIHNhbXBsZSBub25j"), 400),
        ("a long key", with(key, "dGhlIHNhbXBsZSBub25jZQ1="), 400),
        ("a key that is no base64", with(key, "dGhlIHNhbXBsZSBub25j!Q=="), 400),
        ("HTTP/2.0", b"GET /echo HTTP/2.0\r\nHost: x\r\n\r\n".to_vec(), 505),
    ];
    check(&server, &rows);
    for version in ["12", "8", "0", "14", "x"] {
        let answer = server.ask(&with(": 13", &format!(": {version}")));
        check_refusal(version, &answer, 426);
        assert_eq!(answer.header("sec-websocket-version"), Some("13"));
        assert_eq!(answer.header("upgrade"), Some("websocket"));
        assert_eq!(answer.header("connection"), Some("close, Upgrade"));
    }
    // In any case, and among others.
    let among = [
        with(": websocket", ": WebSocket"),
        with(": websocket", ": h2c, websocket"),
        with("n: Upgrade", "n: keep-alive, upgrade"),
        UPGRADE.to_uppercase().replace("DGHLIHNHBXBSZSBUB25JZQ==", key).as_bytes().to_vec(),
    ];
    for request in &among[..3] {
        let mut raw = server.raw();
        raw.send(request);
        raw.read_101();
    }
    let mut raw = server.raw();
    raw.send(&get("/echo", str::from_utf8(&among[3]).expect("it is ASCII")));
    raw.read_101();
}

#[test]
fn other_methods_are_405_with_allow() {
    let server = echo();
    for method in ["POST", "PUT", "DELETE", "get", "PATCH", "QUERY", "CONNECT"] {
        for path in ["/echo", "/nowhere"] {
            let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            let answer = server.ask(request.as_bytes());
            check_refusal(method, &answer, 405);
            assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
        }
    }
    for target in ["*", "/", "/echo", "/nowhere", "/.hidden", "http://localhost/echo"] {
        for version in ["1.1", "1.0"] {
            let request = format!("OPTIONS {target} HTTP/{version}\r\nHost: localhost\r\n\r\n");
            let answer = server.ask(request.as_bytes());
            assert_eq!((answer.status, answer.body.len()), (204, 0), "{target}");
            assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"), "{target}");
            assert_eq!(answer.header("content-length"), None, "RFC 9110, 8.6");
        }
    }
}

/// RFC 9110, 9.1 and 9.3.2: HEAD is known wherever GET is, and differs by the content alone.
#[test]
fn a_head_is_answered_like_a_get_without_content() {
    let mut server = Server::new(LIMITS);
    server
        .mount("/chat", || switchboard::handler(support::services::Echo))
        .page(Page::html("<p>".repeat(100_000)));
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let rows = [
        ("/chat", "", 200),
        ("/echo", "", 426),
        ("/nowhere", "", 404),
        ("/.hidden", "", 404),
        ("/%zz", "", 400),
        ("/chat", "X : y\r\n", 400),
    ];
    for (path, more, status) in rows {
        let get = server.ask(&get(path, more));
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n");
        let head = server.ask(request.as_bytes());
        assert_eq!((head.status, get.status), (status, status), "{path}");
        assert_eq!(head.body, [0; 0], "{path}");
        let without_date = |headers: &[(String, String)]| {
            let date = |(name, _): &&(String, String)| name != "date";
            headers.iter().filter(date).cloned().collect::<Vec<_>>()
        };
        assert_eq!(without_date(&head.headers), without_date(&get.headers), "{path}");
        assert_eq!(get.header("content-length"), Some(get.body.len().to_string().as_str()));
    }
    // A HEAD with an Upgrade gets the page.
    let mut handshake = upgrade("/chat", "");
    handshake.splice(..3, *b"HEAD");
    assert_eq!(server.ask(&handshake).status, 200);
}

/// RFC 9110, 2.5: HTTP/1.0 differs in what it lacks: no Host is needed, and nothing is upgraded.
#[test]
fn http_1_0_is_answered() {
    let mut server = Server::new(LIMITS);
    server
        .mount("/chat", || switchboard::handler(support::services::Echo))
        .page(Page::html("the page"));
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let handshake = |host: &str| format!("GET /echo HTTP/1.0\r\n{host}{UPGRADE}\r\n").into_bytes();
    // The first is the default of HAProxy's health check, the last that of nginx as a proxy.
    let pages = [
        ("OPTIONS / HTTP/1.0\r\n\r\n", 204),
        ("GET /chat HTTP/1.0\r\n\r\n", 200),
        ("HEAD /chat HTTP/1.0\r\n\r\n", 200),
        ("GET /chat HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 200),
        ("GET /nowhere HTTP/1.0\r\n\r\n", 404),
        ("GET /echo HTTP/1.0\r\n\r\n", 426),
        ("GET /chat HTTP/1.2\r\nHost: localhost\r\n\r\n", 200),
        ("GET /chat HTTP/1.0\r\nHost: 127.0.0.1:12345\r\nConnection: close\r\n\r\n", 200),
    ];
    for (request, status) in pages {
        assert_eq!(server.ask(request.as_bytes()).status, status, "{request}");
    }
    for host in ["", "Host: localhost\r\n"] {
        let answer = server.ask(&handshake(host));
        check_refusal("a handshake", &answer, 426);
        assert_eq!(answer.header("upgrade"), Some("websocket"));
        for word in ["HTTP/1.0", "HTTP/1.1", "proxy_http_version 1.1"] {
            assert!(answer.text().contains(word), "it helps: {}", answer.text());
        }
    }
    let rows = [
        ("two hosts", b"GET /chat HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n".to_vec(), 400),
        ("no host in a later one", b"GET /chat HTTP/1.2\r\n\r\n".to_vec(), 400),
        ("HTTP/0.9", b"GET /chat HTTP/0.9\r\n\r\n".to_vec(), 505),
        ("HTTP/2.0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), 505),
    ];
    check(&server, &rows);
}

/// RFC 9110, 6.6.1: a server with a clock dates its answers.
#[test]
fn answers_have_the_date_of_the_system() {
    let server = echo();
    let seconds = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.expect("it is later").as_secs()
    };
    // The text is written out once a second, so the date may be that of a second ago.
    let before = seconds() - 1;
    for request in [get("/echo", ""), get("/nowhere", ""), b"x".to_vec(), b"PUT".to_vec()] {
        let answer = server.ask(&[&request[..], b"\r\n\r\n"].concat());
        let date = answer.header("date").expect("it has a date");
        let moment = switchboard::ws::http_date::parse(date, 0).expect("it is a moment");
        assert!((before..=seconds()).contains(&moment), "{date}");
    }
    let mut raw = server.raw();
    raw.send(&upgrade("/echo", ""));
    assert_eq!(raw.read_head().header("date"), None, "a 101 needs none, and stays short");
}

#[test]
fn long_requests_are_414_and_431() {
    let server = echo();
    let long = "x".repeat(8 * 1_024);
    let lines = |count: usize| "X: y\r\n".repeat(count);
    let rows = [
        ("a long path", get(&format!("/{long}"), ""), 414),
        ("a long query", get(&format!("/echo?{long}"), ""), 414),
        ("a line without an end", [b"GET /".as_slice(), &[b'x'; 20_000]].concat(), 414),
        ("many headers", get("/echo", &lines(100)), 431),
        ("a long header", get("/echo", &format!("X: {long}{long}\r\n")), 431),
        ("long headers", get("/echo", &format!("X: {long}\r\nY: {long}\r\n")), 431),
        ("a header without an end", get("/echo", "x".repeat(1 << 20).as_str()), 431),
    ];
    for (name, request, status) in rows {
        let mut raw = server.raw();
        // The server need not take all of it.
        raw.try_send(&request);
        check_refusal(name, &raw.read_answer(), status);
    }
    let longest = "x".repeat(8 * 1_024 - "GET /echo? HTTP/1.1".len());
    let mut raw = server.raw();
    raw.send(&upgrade(&format!("/echo?{longest}"), &lines(100 - 5)));
    raw.read_101();
}

#[test]
fn heads_that_do_not_end_are_408() {
    let limits = Limits { handshake_ms_max: 300, ..LIMITS };
    let mut server = Server::new(limits);
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    check_refusal("silence", &server.ask(b"GET /echo HTTP/1.1\r\nHost: localhost\r\n"), 408);
    // RFC 9110, 15.5.9: a 408 may be sent. A connection without a request is closed without one.
    server.raw().expect_end();
    // The time is one for the whole head: bytes that come now and then do not put it off.
    let mut raw = server.raw();
    raw.send(b"GET /echo HTTP/1.1\r\nX: ");
    raw.stream().set_read_timeout(Some(Duration::from_millis(50))).expect("it can be set");
    let start = Instant::now();
    while raw.stream().peek(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
        assert!(start.elapsed() < DEADLINE, "every byte puts the end off");
        raw.send(b"y");
    }
    raw.stream().set_read_timeout(Some(DEADLINE)).expect("it can be set");
    check_refusal("dribble", &raw.read_answer(), 408);
}

/// Path, Host, and what else is in the head; whether the socket is admitted.
const ORIGINS: &[(&str, &str, &str, bool)] = &[
    ("/same", "a.b:81", "", true),
    ("/same", "a.b:81", "Origin: http://a.b:81\r\n", true),
    ("/same", "a.b:81", "Origin: https://A.B:81\r\n", true),
    ("/same", "a.b:81", "Origin: http://a.b\r\n", false),
    ("/same", "a.b:81", "Origin: http://a.b:82\r\n", false),
    ("/same", "a.b:81", "Origin: http://c.b:81\r\n", false),
    ("/same", "a.b:81", "Origin: http://xa.b:81\r\n", false),
    ("/same", "a.b:81", "Origin: http://a.b:81.evil.org\r\n", false),
    ("/same", "a.b:81", "Origin: null\r\n", false),
    ("/same", "a.b:81", "Origin: \r\n", false),
    ("/same", "a.b:81", "Origin: \u{FC}\r\n", false),
    ("/same", "a.b:81", "Origin: file://\r\n", false),
    ("/same", "a.b", "Origin: http://a.b:80\r\n", true),
    ("/same", "a.b:80", "Origin: http://a.b\r\n", true),
    ("/same", "a.b:443", "Origin: https://a.b\r\n", true),
    ("/same", "a.b:443", "Origin: http://a.b\r\n", false),
    ("/same", "", "Origin: http://\r\n", false),
    // From clients other than browsers.
    ("/same", "a.b:81", "Origin: ws://a.b:81\r\n", true),
    ("/same", "a.b:443", "Origin: wss://a.b\r\n", true),
    ("/same", "a.b:81", "Origin: http://a.b:81/\r\n", true),
    ("/same", "a.b.", "Origin: http://a.b\r\n", true),
    ("/same", "a.b", "Origin: wss://a.b:80\r\n", false),
    ("/same", "a.b", "Origin: http://a.b/x\r\n", false),
    ("/list", "a.b", "", true),
    ("/list", "a.b", "Origin: https://example.org\r\n", true),
    ("/list", "a.b", "Origin: https://EXAMPLE.org\r\n", true),
    ("/list", "a.b", "Origin: http://example.net:8080\r\n", true),
    ("/list", "a.b", "Origin: https://example.org:443\r\n", true),
    ("/list", "a.b", "Origin: null\r\n", true),
    ("/list", "a.b", "Origin: http://example.org\r\n", false),
    ("/list", "a.b", "Origin: https://example.org.evil.net\r\n", false),
    ("/list", "a.b", "Origin: http://a.b\r\n", false),
    ("/others", "a.b", "Origin: http://a.b\r\n", true),
    ("/others", "a.b", "Origin: https://c.b.example.org\r\n", true),
    ("/others", "a.b", "Origin: https://example.org\r\n", false),
    ("/others", "a.b", "Origin: http://localhost:5173\r\n", true),
    ("/others", "a.b", "Origin: http://localhost.evil.net:5173\r\n", false),
    ("/others", "a.b", "Origin: file://\r\n", true),
    ("/others", "a.b", "Origin: app://.\r\n", true),
    ("/others", "a.b", "Origin: null\r\n", false),
    ("/any", "a.b", "Origin: http://evil.net\r\n", true),
    ("/any", "a.b", "Origin: null\r\n", true),
];

#[test]
fn origins_are_held_against_the_rule() {
    let mut server = Server::new(LIMITS);
    server.allowed_hosts(AllowedHosts::Any);
    mount_echo(&mut server, "/same");
    let list = "https://Example.org:443, http://example.net:8080, null";
    server.origin(list.parse().expect("it is a rule"));
    mount_echo(&mut server, "/list");
    let others = "same, https://*.example.org, http://localhost:*, file://, app://.";
    server.origin(others.parse().expect("it is a rule"));
    mount_echo(&mut server, "/others");
    server.origin(OriginRule::Any);
    mount_echo(&mut server, "/any");
    let server = Running::start(server);
    for (path, host, origin, accepted) in ORIGINS {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{UPGRADE}{origin}\r\n");
        let mut raw = server.raw();
        raw.send(request.as_bytes());
        if *accepted {
            raw.read_101();
            continue;
        }
        check_refusal(&request, &raw.read_answer(), 403);
    }
    let body = server.ask(&upgrade("/same", "Origin: http://evil.net\r\n")).text().to_owned();
    let words =
        ["http://evil.net", "localhost", "origin is same; ", "origin: same, http://evil.net"];
    assert!(words.iter().all(|word| body.contains(word)), "it helps: {body}");
}

#[test]
fn targets_in_absolute_form_name_services() {
    let mut server = Server::new(LIMITS);
    server.allowed_hosts(AllowedHosts::Any);
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    for target in ["http://a.b/echo", "WS://a.b:80/echo?x", "wss://a.b/echo", "https://a.b/echo"] {
        let mut raw = server.raw();
        // Their host replaces the Host header, also for the rule about origins.
        let head = format!("GET {target} HTTP/1.1\r\nHost: c.d\r\nOrigin: http://a.b\r\n");
        raw.send(format!("{head}{UPGRADE}\r\n").as_bytes());
        raw.read_101();
        raw.send_text("here");
        assert_eq!(raw.read_text(), "here");
    }
    check_refusal("of the Host header", &server.ask(&absolute("Origin: http://c.d\r\n")), 403);
    let nowhere = b"GET http://a.b HTTP/1.1\r\nHost: a.b\r\n\r\n";
    check_refusal("the root", &server.ask(nowhere), 404);
}

fn absolute(more: &str) -> Vec<u8> {
    let head = "GET http://a.b/echo HTTP/1.1\r\nHost: c.d\r\n";
    format!("{head}{UPGRADE}{more}\r\n").into_bytes()
}

#[test]
fn connections_above_the_limit_are_503() {
    let mut server = Server::new(Limits { sockets_max: 2, ..LIMITS });
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    let (mut first, mut second) = (server.open("/echo"), server.open("/echo"));
    for _ in 0..20 {
        for request in [get("/echo", ""), upgrade("/echo", "")] {
            let answer = server.ask(&request);
            check_refusal("too many", &answer, 503);
            let retry = answer.header("retry-after").expect("it says when to come back");
            assert!(retry.parse::<u32>().is_ok_and(|seconds| seconds > 0), "{retry}");
        }
    }
    // Connections beyond the number that is refused at a time are dropped without an answer, and do
    // no harm.
    let crowd: Vec<_> = (0..100).map(|_| server.raw()).collect();
    for raw in [&mut first, &mut second] {
        raw.send_text("still here");
        assert_eq!(raw.read_text(), "still here");
    }
    drop(crowd);
    first.send(&close(1000, ""));
    assert_eq!(first.read_close().0, 1000);
    first.expect_end();
    server.open("/echo");
}

#[test]
fn heads_come_in_any_pieces() {
    let server = echo();
    let request = upgrade("/echo", "");
    let mut raw = server.raw();
    for byte in &request {
        raw.send(&[*byte]);
    }
    raw.read_101();
    for cut in 1..request.len() {
        let mut raw = server.raw();
        raw.send(&request[..cut]);
        raw.send(&request[cut..]);
        raw.read_101();
    }
    // RFC 9112, 2.2: an empty line before the request is skipped.
    let mut raw = server.raw();
    raw.send(&[b"\r\n", request.as_slice()].concat());
    raw.read_101();
}

#[test]
fn frames_in_the_segment_of_the_head_are_answered() {
    let server = echo();
    // At first the service has to be started, later it is there.
    for _ in 0..3 {
        let mut raw = server.raw();
        let frames = [frame(TEXT, b"one"), frame(PING, b"?"), frame(TEXT, b"two"), close(4000, "")];
        raw.send(&[upgrade("/echo", ""), frames.concat()].concat());
        raw.read_101();
        let mut texts = Vec::new();
        let mut pongs = 0;
        let code = loop {
            let frame = raw.read_frame();
            match frame.first {
                0x81 => texts.push(String::from_utf8(frame.payload).expect("it is UTF-8")),
                0x8A => pongs += usize::from(frame.payload == b"?"),
                0x88 => break u16::from_be_bytes([frame.payload[0], frame.payload[1]]),
                first => panic!("what is {first:#x}?"),
            }
        };
        assert_eq!((texts, pongs, code), (vec!["one".to_owned(), "two".to_owned()], 1, 4000));
        raw.expect_end();
    }
}

#[test]
fn a_plain_get_shows_the_page_of_a_service() {
    let mut server = Server::new(LIMITS);
    let html = "<!doctype html><title>\u{1F600}</title>".repeat(10_000).into_bytes();
    server
        .mount("/chat", || switchboard::handler(support::services::Echo))
        .page(Page::html(html.clone()));
    mount_echo(&mut server, "/echo");
    let server = Running::start(server);
    for path in ["/chat", "/chat?room=1", "/chat.rs"] {
        let answer = server.ask(&get(path, "Accept: text/html\r\n"));
        assert_eq!(answer.status, Status::OK.number());
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(answer.header("content-length"), Some(html.len().to_string().as_str()));
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(answer.body == html, "the page is whole");
    }
    let mut socket = server.open("/chat");
    socket.send_text("the same address");
    assert_eq!(socket.read_text(), "the same address");
    let answer = server.ask(&get("/echo", ""));
    check_refusal("no page", &answer, 426);
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    assert_eq!(answer.header("connection"), Some("close, Upgrade"));
}

#[test]
fn a_refused_peer_may_go_on_sending_and_reads_the_answer_all_the_same() {
    let server = echo();
    for _ in 0..50 {
        let mut raw = server.raw();
        raw.send(b"POST /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
        // An end with unread input would be a reset, which destroys what was not read yet.
        raw.try_send(&[b'x'; 200_000]);
        let mut text = String::new();
        raw.stream().read_to_string(&mut text).expect("the connection is not reset");
        assert!(text.starts_with("HTTP/1.1 405 "), "{text}");
    }
}

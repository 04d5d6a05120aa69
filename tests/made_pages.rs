//! Pages that a closure makes for each plain request: what it sees, what the client gets, and what
//! a fault in it does to others.

#![cfg(feature = "pages")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use log::{Level, LevelFilter};
use switchboard::{AccessLog, Limits, Page, Request, Response, Server, Status, handler};

use support::http::{Answer, get, upgrade};
use support::services::{Echo, mount_echo};
use support::{LIMITS, Running, logged, on_each_thread, server_on};

fn serving(limits: Limits, make: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Running {
    let mut server = Server::new(limits);
    server.mount("/made", || handler(Echo)).page(Page::of(make));
    mount_echo(&mut server, "/echo");
    Running::start(server)
}

fn head(server: &Running, path: &str, more: &str) -> Answer {
    server.ask(format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n").as_bytes())
}

/// Shows what it sees of a request.
fn seen(request: &Request) -> Response {
    let text = format!(
        "{} {} {:?} {:?} {:?} {} {:?}",
        request.head().method(),
        request.path(),
        request.query_value("room"),
        request.cookie("session"),
        request.bearer(),
        request.peer_address().is_some_and(|address| address.ip().is_loopback()),
        request.protocols(),
    );
    Response::text(Status::OK, &text)
}

#[test]
fn a_page_is_made_of_its_request() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        server.mount("/made", || handler(Echo)).page(Page::of(seen));
        let server = Running::start(server);
        let rows = [
            ("/made", "", "GET /made None None None true []\n"),
            ("/made?room=a+b", "", "GET /made Some(\"a b\") None None true []\n"),
            ("/m%61de", "Cookie: session=1\r\n", "GET /made None Some(\"1\") None true []\n"),
            (
                "/made",
                "Authorization: Bearer x\r\nSec-WebSocket-Protocol: a\r\n",
                "GET /made None None Some(\"x\") true []\n",
            ),
        ];
        for (target, more, expected) in rows {
            let answer = server.ask(&get(target, more));
            assert_eq!((answer.status, answer.text()), (200, expected), "{target}");
        }
        // It is the answer to plain requests alone.
        assert_eq!(server.ask(&get("/made/below", "")).status, 404);
        assert_eq!(server.ask(b"POST /made HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 405);
        let mut socket = server.open("/made");
        socket.send_text("the same address");
        assert_eq!(socket.read_text(), "the same address");
    });
}

/// RFC 9110, 9.3.2: HEAD differs by the content alone.
#[test]
fn a_closure_answers_with_any_status_and_headers() {
    let server = serving(LIMITS, |request| {
        let known = request.header("If-None-Match") == Some("\"1\"");
        match request.query_value("page").as_deref() {
            Some("gone") => Response::text(Status::NOT_FOUND, "no such page"),
            Some("login") => Response::text(Status::UNAUTHORIZED, "log in")
                .header("WWW-Authenticate", "Basic realm=\"made\""),
            _ if known => Response::empty(Status::NOT_MODIFIED).header("ETag", "\"1\""),
            _ => Response::html(Status::OK, "<p>made".repeat(10_000))
                .header("ETag", "\"1\"")
                .header("Cache-Control", "max-age=5"),
        }
    });
    let whole = server.ask(&get("/made", ""));
    assert_eq!((whole.status, whole.body.len()), (200, 70_000));
    assert_eq!(whole.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(whole.header("cache-control"), Some("max-age=5"));
    assert_eq!(whole.header("x-content-type-options"), Some("nosniff"));
    let without = head(&server, "/made", "");
    assert_eq!((without.status, without.body.len()), (200, 0));
    assert_eq!(without.header("content-length"), Some("70000"));
    assert_eq!(without.header("etag"), Some("\"1\""));
    let known = server.ask(&get("/made", "If-None-Match: \"1\"\r\n"));
    assert_eq!((known.status, known.body.len(), known.header("etag")), (304, 0, Some("\"1\"")));
    let login = server.ask(&get("/made?page=login", ""));
    assert_eq!((login.status, login.text()), (401, "log in\n"));
    assert_eq!(login.header("www-authenticate"), Some("Basic realm=\"made\""));
    assert_eq!(server.ask(&get("/made?page=gone", "")).status, 404);
}

/// The policy of a page is for each answer of its closure.
#[test]
fn a_made_page_has_its_policy() {
    let mut server = Server::new(LIMITS);
    let page = Page::of(|_| Response::html(Status::OK, "<p>made")).policy("img-src data:");
    assert_eq!(page.clone(), page);
    assert_ne!(page, Page::of(|_| Response::empty(Status::OK)));
    server.mount("/made", || handler(Echo)).page(page);
    let server = Running::start(server);
    let answer = server.ask(&get("/made", ""));
    let policy = answer.header("content-security-policy").expect("it has one");
    assert!(policy.starts_with("default-src 'none'; ") && policy.ends_with("; img-src data:"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
}

#[test]
fn a_panic_is_a_500_and_ends_nothing() {
    let _lines = logged::keep(LevelFilter::Info);
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let server = serving(LIMITS, move |request| {
        calls.fetch_add(1, Ordering::Relaxed);
        assert!(request.query() != "fault", "the page has a fault");
        Response::text(Status::OK, "well")
    });
    let (mut own, mut other) = (server.open("/made"), server.open("/echo"));
    for _ in 0..3 {
        let answer = server.ask(&get("/made?fault", ""));
        assert_eq!((answer.status, answer.text()), (500, "the page cannot be made\n"));
        assert_eq!(head(&server, "/made?fault", "").status, 500);
        assert_eq!(server.ask(&get("/made", "")).text(), "well\n");
    }
    assert_eq!(counted.load(Ordering::Relaxed), 9);
    for raw in [&mut own, &mut other] {
        raw.send_text("still here");
        assert_eq!(raw.read_text(), "still here");
    }
    let line = logged::line_with("its page is a 500");
    assert_eq!(line.level, Level::Warn);
    assert_eq!(line.text, "service /made: its page is a 500: it panicked: the page has a fault");
    let line = logged::line_with("status=500");
    let words = ["path=\"/made\"", "cannot be made: it panicked: the page has a fault"];
    assert!(words.iter().all(|word| line.text.contains(word)), "{}", line.text);
}

#[test]
fn a_page_that_is_too_long_is_a_500() {
    let _lines = logged::keep(LevelFilter::Info);
    let make = |request: &Request| {
        let len = request.query().parse().expect("it is a number");
        // The memory that it does not need is not held while a client reads it.
        let mut body = Vec::with_capacity(4 << 20);
        body.resize(len, b'x');
        Response::empty(Status::OK).with_content(body)
    };
    let short = Limits { message_bytes_max: 1_000, outbox_bytes_max: 100_000, ..LIMITS };
    for (limits, len_max) in [(short, 100_000), (LIMITS, Limits::PAGE_BYTES_MAX)] {
        logged::forget();
        let server = serving(limits, make);
        for (len, status) in [(0, 200), (len_max, 200), (len_max + 1, 500), (1 << 22, 500)] {
            let answer = server.ask(&get(&format!("/made?{len}"), ""));
            assert_eq!(answer.status, status, "{len}");
            assert!(status != 200 || answer.body.len() == len);
        }
        let line = logged::line_with("service /made: its page is a 500");
        let text =
            format!("it has {} bytes, and may have {len_max} (1 MiB, outbox-max)", len_max + 1);
        assert!(line.text.contains(&text), "{}", line.text);
    }
}

/// What a service says to a client that it refuses may be for that client alone.
#[test]
fn what_a_page_refuses_is_logged_without_its_text() {
    let _lines = logged::keep(LevelFilter::Info);
    let mut server = Server::new(LIMITS);
    server.access_log(AccessLog::All);
    let page = Page::of(|request| match request.query() {
        "noted" => Response::text(Status::FORBIDDEN, "confidential").note("for the log"),
        _ => Response::text(Status::FORBIDDEN, "confidential"),
    });
    server.mount("/made", || handler(Echo)).page(page);
    let server = Running::start(server);
    assert_eq!(server.ask(&get("/made", "")).text(), "confidential\n");
    let line = logged::line_with("status=403");
    assert!(line.text.contains("reason=\"the page of /made has refused it\""), "{}", line.text);
    assert_eq!(server.ask(&get("/made?noted", "")).status, 403);
    logged::line_with("reason=\"for the log\"");
    assert!(logged::lines_with("confidential").is_empty());
}

#[test]
fn a_slow_page_is_a_warning() {
    let _lines = logged::keep(LevelFilter::Info);
    let server = serving(Limits { callback_ms_max: 20, ..LIMITS }, |request| {
        let begun = Instant::now();
        while request.query() == "slow" && begun.elapsed() < Duration::from_millis(60) {}
        Response::text(Status::OK, "made")
    });
    for query in ["slow", "slow", "quick"] {
        assert_eq!(server.ask(&get(&format!("/made?{query}"), "")).status, 200);
    }
    let line = logged::line_with("its page took at least ");
    assert!(line.text.starts_with("service /made: ") && line.level == Level::Warn);
    let cure = "allowed are 20 ms (max-callback): what takes long is computed elsewhere (Page::of)";
    assert!(line.text.contains(cure), "{}", line.text);
    // The service itself is not slow, and runs on a thread of its own.
    let mut raw = server.open("/made");
    raw.send_text("quick");
    assert_eq!(raw.read_text(), "quick");
}

/// A page is refused like any other request before its closure is called.
#[test]
fn a_refused_request_calls_no_closure() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let server = serving(LIMITS, move |_| {
        calls.fetch_add(1, Ordering::Relaxed);
        Response::text(Status::OK, "made")
    });
    let foreign = b"GET /made HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    assert_eq!(server.ask(foreign).status, 421);
    assert_eq!(server.ask(b"OPTIONS /made HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 204);
    let broken = upgrade("/made", "Sec-WebSocket-Version: 8\r\n");
    assert_eq!(server.ask(&broken).status, 400);
    assert_eq!(counted.load(Ordering::Relaxed), 0);
    assert_eq!(server.ask(&get("/made", "")).status, 200);
    assert_eq!(counted.load(Ordering::Relaxed), 1);
}

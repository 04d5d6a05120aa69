//! What a service learns from the request of a peer: cookies, values in the query, and who the user
//! is.

#![cfg(feature = "host")]

mod support;

use switchboard::{
    BasicCredentials, Gate, Handler, Peer, Request, Response, Status, Thread, Verdict,
    constant_time_eq, gated, handler,
};

use support::http::upgrade;
use support::{LIMITS, Running, on_each_thread, server_on};

/// Tells each socket what it has learned from its request.
struct Told;

impl Handler for Told {
    fn open(&mut self, peer: &mut Peer, request: &Request) {
        let basic = request.basic().map(|BasicCredentials { user, password }| (user, password));
        peer.send(format!(
            "{:?} {:?} {:?} {basic:?}",
            request.cookie("session"),
            request.query_value("room"),
            request.bearer(),
        ));
    }
}

fn told(thread: Thread) -> Running {
    let mut server = server_on(thread, LIMITS);
    server.mount("/told", || handler(Told));
    Running::start(server)
}

/// What the service learns from a request with this query and these header lines.
fn ask(server: &Running, query: &str, headers: &str) -> String {
    let mut raw = server.raw();
    raw.send(&upgrade(&format!("/told{query}"), headers));
    raw.read_101();
    raw.read_text()
}

#[test]
fn a_request_tells_what_is_in_its_headers_and_its_query() {
    on_each_thread(|thread| {
        let server = told(thread);
        let rows = [
            ("", "", "None None None None"),
            ("?room=caf%C3%A9+au+lait&room=2", "", "None Some(\"café au lait\") None None"),
            ("?%72oom=%FF%", "", "None Some(\"\u{fffd}%\") None None"),
            ("?room", "", "None Some(\"\") None None"),
            ("", "Cookie: a=b; session=1=2\r\n", "Some(\"1=2\") None None None"),
            ("", "cookie: a=b\r\nCOOKIE: session=\"x\"\r\n", "Some(\"\\\"x\\\"\") None None None"),
            ("", "Authorization: bearer  1|a.B=\r\n", "None None Some(\"1|a.B=\") None"),
            (
                "",
                "authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n",
                "None None None Some((\"Aladdin\", \"open sesame\"))",
            ),
            // RFC 9110, 5.3: it is no list, so two are none.
            ("", "Authorization: Bearer a\r\nAuthorization: Bearer a\r\n", "None None None None"),
            ("", "Authorization: Digest a\r\nX-Cookie: session=1\r\n", "None None None None"),
        ];
        for (query, headers, expected) in rows {
            assert_eq!(ask(&server, query, headers), expected, "{query} {headers}");
        }
    });
}

/// The header is as long as a head may be, and of any bytes: it is read or it is none.
#[test]
fn hostile_headers_are_read_or_are_none() {
    let server = told(Thread::Loop);
    let long = LIMITS.head_bytes_max - 1_000;
    let rows = [
        format!("Cookie: {}\r\n", ";".repeat(long)),
        format!("Cookie: {}\r\n", "=;".repeat(long / 2)),
        format!("Cookie: {}session=1\r\n", "session; ".repeat(long / 10)),
        format!("Authorization: Basic {}\r\n", "A".repeat(long)),
        format!("Authorization: Basic {}\r\n", "=".repeat(long)),
        format!("Authorization: Basic {}\r\n", "Ojo6".repeat(long / 4)),
        format!("Authorization: Bearer {}\r\n", " ".repeat(long)),
        format!("Authorization: Bearer {}\r\n", "\u{e9}".repeat(long / 2)),
    ];
    for headers in rows {
        let answer = ask(&server, "?room=%&%&&=&=%", &headers);
        let begin = if headers.ends_with("session=1\r\n") { "Some(\"1\") " } else { "None " };
        assert!(answer.starts_with(&format!("{begin}Some(\"%\") None")), "{answer:.100}");
    }
    let query = format!("?{}", "room%=".repeat(1_000));
    assert_eq!(ask(&server, &query, ""), "None None None None");
}

/// Admits a socket with the secret.
struct Members;

impl Handler for Members {}

impl Gate for Members {
    fn admit(&mut self, request: &Request) -> Verdict {
        match request.bearer() {
            Some(token) if constant_time_eq("sesame", token) => Verdict::Accept,
            _ => Verdict::Refuse(Response::empty(Status::UNAUTHORIZED)),
        }
    }
}

#[test]
fn a_gate_admits_who_has_the_secret() {
    let mut server = server_on(Thread::Loop, LIMITS);
    server.mount("/members", || gated(Members));
    let server = Running::start(server);
    for token in ["sesam", "sesame!", "sesamesesame", "Sesame", ""] {
        let request = upgrade("/members", &format!("Authorization: Bearer {token}\r\n"));
        assert_eq!(server.ask(&request).status, 401, "{token}");
    }
    let mut raw = server.raw();
    raw.send(&upgrade("/members", "Authorization: Bearer sesame\r\n"));
    raw.read_101();
}

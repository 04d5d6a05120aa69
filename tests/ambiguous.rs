//! Heads that two readers could read in two ways are refused, and nothing behind one is ever
//! read: neither a frame, nor a second request. The service never hears of any of it.
#![cfg(feature = "host")]

mod support;

use std::sync::mpsc::Receiver;

use switchboard::{Limits, Server};

use support::http::{UPGRADE, get, upgrade};
use support::raw::{TEXT, frame};
use support::services::{Seen, mount_probe};
use support::{LIMITS, Running, next};

/// Heads that are right but for one ambiguity, and the status that refuses each.
fn heads() -> Vec<(&'static str, Vec<u8>, u16)> {
    let more = |more: &str| upgrade("/probe", more);
    let line = |line: &str| format!("{line}\r\nHost: localhost\r\n{UPGRADE}\r\n").into_bytes();
    let with = |from: &str, to: &str| get("/probe", &UPGRADE.replace(from, to));
    let right = String::from_utf8(more("")).expect("it is ASCII");
    vec![
        // Where the request ends.
        ("a length", more("Content-Length: 11\r\n"), 400),
        ("a length that is empty", more("Content-Length:\r\n"), 400),
        ("a signed length", more("Content-Length: +0\r\n"), 400),
        ("a list of lengths", more("Content-Length: 0, 0\r\n"), 400),
        ("two lengths", more("Content-Length: 0\r\nContent-Length: 0\r\n"), 400),
        ("two lengths that differ", more("Content-Length: 0\r\nContent-Length: 11\r\n"), 400),
        ("a coding", more("Transfer-Encoding: chunked\r\n"), 400),
        ("a strange coding", more("Transfer-Encoding: xchunked\r\n"), 400),
        ("no coding", more("Transfer-Encoding: identity\r\n"), 400),
        ("a length and a coding", more("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"), 400),
        ("a coding and a length", more("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), 400),
        ("a hidden coding", more("Transfer-Encoding : chunked\r\n"), 400),
        ("a folded coding", more("X: y\r\n Transfer-Encoding: chunked\r\n"), 400),
        // Where a line ends.
        ("bare line feeds", right.replace("\r\n", "\n").into_bytes(), 400),
        ("one bare line feed", more("X: y\nZ: z\r\n"), 400),
        ("a bare carriage return", more("X: y\rZ: z\r\n"), 400),
        ("a line feed for the blank line", right.replace("\r\n\r\n", "\r\n\n").into_bytes(), 400),
        ("two carriage returns", right.replace("\r\n\r\n", "\r\n\r\r\n").into_bytes(), 400),
        ("a folded line", more("X: y\r\n z\r\n"), 400),
        ("a blank line of blanks", more(" \r\n"), 400),
        ("a null", more("X: y\0z\r\n"), 400),
        // What a line says.
        ("a blank before the colon", more("X : y\r\n"), 400),
        ("no name", more(": y\r\n"), 400),
        ("no colon", more("X\r\n"), 400),
        ("two blanks in the request line", line("GET  /probe HTTP/1.1"), 400),
        ("a tab in the request line", line("GET\t/probe HTTP/1.1"), 400),
        ("a blank behind the version", line("GET /probe HTTP/1.1 "), 400),
        ("two versions in the request line", line("GET /probe HTTP/1.1 HTTP/1.1"), 400),
        ("a blank before the method", line(" GET /probe HTTP/1.1"), 400),
        ("an old version", line("GET /probe HTTP/1.0"), 426),
        ("no version", line("GET /probe"), 400),
        // The host of the request, and the client that asks.
        ("two hosts", more("Host: localhost\r\n"), 400),
        ("two hosts that differ", more("Host: elsewhere\r\n"), 400),
        ("no host", right.replace("Host: localhost\r\n", "").into_bytes(), 400),
        ("two origins", more("Origin: http://localhost\r\nOrigin: http://evil.net\r\n"), 400),
        // Whether it is a handshake.
        ("two keys", more("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"), 400),
        ("two versions", more("Sec-WebSocket-Version: 13\r\n"), 400),
        ("two versions that differ", more("Sec-WebSocket-Version: 8\r\n"), 400),
        ("a list of versions", with(": 13", ": 13, 8"), 426),
        ("no Upgrade", with("Upgrade: websocket\r\n", ""), 400),
        ("no Connection", with("Connection: Upgrade\r\n", ""), 400),
        ("another method", line("POST /probe HTTP/1.1"), 405),
        ("a method in small letters", line("get /probe HTTP/1.1"), 405),
    ]
}

/// What a second reader could take for the rest of the request, for a request or for frames.
fn behind() -> [Vec<u8>; 4] {
    let hello = frame(TEXT, b"hello");
    let request = upgrade("/probe", "");
    [
        hello.clone(),
        [&request[..], &hello].concat(),
        [b"0\r\n\r\n", &hello[..]].concat(),
        [b"b\r\n01234567890\r\n0\r\n\r\n", &request[..], &hello].concat(),
    ]
}

#[test]
fn nothing_behind_an_ambiguous_head_is_read() {
    let mut server = Server::new(LIMITS);
    let told = mount_probe(&mut server, "/probe", |peer, message| peer.send(message));
    let server = Running::start(server);
    for (name, head, status) in heads() {
        for behind in behind() {
            // In one segment, and after the answer has begun.
            let mut raw = server.raw();
            raw.send(&[&head[..], &behind].concat());
            check(name, &raw.read_answer(), status);
            let mut raw = server.raw();
            raw.send(&head);
            let mut answer = raw.read_head();
            raw.try_send(&behind);
            answer.body = raw.read_to_end();
            check(name, &answer, status);
        }
    }
    assert_nobody_came(&server, &told);
}

/// A limit cuts no head in two: what is behind it is not the next request.
#[test]
fn nothing_behind_a_head_above_a_limit_is_read() {
    let limits = Limits { head_bytes_max: 1_024, request_line_bytes_max: 512, ..LIMITS };
    let mut server = Server::new(Limits { headers_max: 10, ..limits });
    let told = mount_probe(&mut server, "/probe", |peer, message| peer.send(message));
    let server = Running::start(server);
    let heads = [
        ("a long line", upgrade(&format!("/probe?{}", "x".repeat(600)), ""), 414),
        ("many lines", upgrade("/probe", &"X: y\r\n".repeat(20)), 431),
        ("a long head", upgrade("/probe", &format!("X: {}\r\n", "x".repeat(1_000))), 431),
    ];
    for (name, head, status) in heads {
        for behind in behind() {
            check(name, &server.ask(&[&head[..], &behind].concat()), status);
        }
    }
    assert_nobody_came(&server, &told);
}

/// One answer and no byte behind it.
fn check(name: &str, answer: &support::http::Answer, status: u16) {
    assert_eq!(answer.status, status, "{name}: {answer:?}");
    let len = answer.header("content-length").map(str::parse);
    assert_eq!(len, Some(Ok(answer.body.len())), "{name}: {answer:?}");
}

/// The first socket that the service gets is the one that comes now.
fn assert_nobody_came(server: &Running, told: &Receiver<Seen>) {
    assert!(told.try_recv().is_err(), "the service has not even started");
    let mut raw = server.open("/probe");
    raw.send_text("I did");
    assert_eq!(raw.read_text(), "I did");
    assert_eq!(next(told), Seen::Start);
    let Seen::Open(id) = next(told) else { panic!("somebody comes") };
    assert_eq!(next(told), Seen::Message(id, "I did".into()));
    assert!(told.try_recv().is_err());
}

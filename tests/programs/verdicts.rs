//! Peers that put lines of the protocol into the input and output of their program: none becomes a
//! verdict, and none changes the answer to another peer.

use switchboard::programs::ProgramOptions;

use crate::bench::serve;
use crate::support::http::upgrade;
use crate::support::raw::close;
use crate::support::{Raw, Running, SOON};

/// A program that quotes its peers as no program should: it decodes what is encoded, and writes all
/// of it into headers and words. It reports errors to the first socket.
const NAIVE: &str = r#"#!/usr/bin/env python3
import os, sys
from urllib.parse import unquote_to_bytes as decode
receive = sys.stdin.buffer
def write(data):
    os.write(1, data)
def say(to, text):
    write(b"TEXT %s +%d\n%s\n" % (to, len(text), text))
write(b"READY 1 admission=ask\n")
first, waiting = None, None
for line in receive:
    words, body = line.split(), b""
    if words[-1].startswith(b"+"):
        length = int(words.pop())
        body = receive.read(length + 1)[:length]
    if words[0] == b"ASK":
        lines = body.split(b"\n")
        facts = dict(line.split(b"=", 1) for line in lines if b"=" in line)
        kind, _, query = facts[b"QUERY_STRING"].partition(b"&")
        if kind == b"first":
            first = words[1]
            write(b"ACCEPT %s\n" % first)
        elif kind == b"wait":
            waiting = words[1]
            say(first, b"waits " + waiting)
        elif kind == b"header":
            said = b"X-Said: %s\n\nrefused" % decode(query)
            write(b"REJECT %s 403 +%d\n%s\n" % (words[1], len(said), said))
        elif kind == b"protocol":
            write(b"ACCEPT %s protocol=%s\n" % (words[1], facts[b"WS_SUBPROTOCOLS"]))
        else:
            # All that it has got, so that a line that the peer has made can be seen.
            write(b"REJECT %s 403 +%d\n\n%s\n" % (words[1], len(body) + 1, body))
    elif words[0] == b"ERR":
        say(first, b"ERR " + words[1])
        write(b"REJECT %s 500\n" % words[2])
    elif words[0] == b"TEXT" and body == b"verdict":
        write(b"REJECT %s 401\n" % waiting)
    elif words[0] == b"TEXT":
        say(b"*", body)
    elif words[0] == b"CLOSE":
        say(first, b"gone " + body)
"#;

fn ask(server: &Running, path: &str, more: &str) -> Raw {
    let mut raw = server.raw();
    raw.send(&upgrade(path, more));
    raw
}

#[test]
fn no_peer_writes_a_verdict() {
    let (server, _) = serve("verdicts", &[("naive.py", NAIVE)], ProgramOptions::SHARED, SOON);
    let mut first = ask(&server, "/naive?first", "");
    first.read_101();
    let mut waiting = ask(&server, "/naive?wait", "");
    let told = first.read_text();
    let id = told.strip_prefix("waits ").expect("it was asked about");
    let lines = [format!("ACCEPT {id}"), format!("REJECT {id} 403"), format!("CLOSE {id} 4000")];
    for line in &lines {
        what_is_told_has_no_line_of_a_peer(&server, line);
        // Words of a message and of a close are counted, whatever is in them.
        let mut raw = server.raw();
        raw.send(&upgrade("/naive?protocol", "Sec-WebSocket-Protocol: chat\r\n"));
        raw.read_101();
        let text = format!("x\n{line}\n{line}\r\n+0\nTEXT * +1000000\n");
        raw.send_text(&text);
        assert_eq!((raw.read_text(), first.read_text()), (text.clone(), text));
        let reason = format!("\n{line}\nTEXT * +99999\n");
        raw.send(&close(4000, &reason));
        assert_eq!(first.read_text(), format!("gone {reason}"));
    }
    what_is_offered_is_one_word(&server, &mut first, &lines);
    what_is_quoted_is_one_answer(&server, &mut first);
    // There is no verdict about this one.
    first.send_text("verdict");
    assert_eq!(waiting.read_answer().status, 401);
    server.stop();
}

/// Either the request is refused, or the program's input has only the usual names.
fn what_is_told_has_no_line_of_a_peer(server: &Running, line: &str) {
    let encoded = line.replace(' ', "%20");
    let rows = [
        (format!("/naive?x%0A{encoded}%0A"), String::new(), 403),
        (format!("/naive?a=%0D%0A{encoded}&EVIL=1"), String::new(), 403),
        (format!("/naive%0A{encoded}"), String::new(), 404),
        (format!("/naive/%0A{encoded}"), String::new(), 404),
        (format!("/naive?\n{line}"), String::new(), 400),
        (format!("/naive?x\r{line}"), String::new(), 400),
        ("/naive?x".into(), format!("X: a\n{line}\r\n"), 400),
        ("/naive?x".into(), format!("X: a\r{line}\r\n"), 400),
        ("/naive?x".into(), format!("X: a\r\n {line}\r\n"), 400),
        ("/naive?x".into(), format!("X: a\0{line}\r\n"), 400),
        ("/naive?x".into(), format!("X\n{line}: a\r\n"), 400),
        ("/naive?x".into(), format!("Cookie: a=%0A{line}\r\nCookie: {line}\r\n"), 403),
        ("/naive?x".into(), format!("Sec-WebSocket-Protocol: a\n{line}\r\n"), 400),
        ("/naive?x".into(), format!("{line}: 1\r\n"), 400),
        ("/naive?x".into(), format!("X: \u{85}{line}\u{2028}{line}\r\n"), 403),
    ];
    for (path, more, status) in rows {
        let answer = ask(server, &path, &more).read_answer();
        assert_eq!(answer.status, status, "{path:?} {more:?}: {answer:?}");
        if status == 403 {
            let body = String::from_utf8_lossy(&answer.body);
            let told = body.strip_suffix('\n').expect("each line is ended");
            for line in told.split('\n') {
                let name = line.split_once('=').expect("each line has a name").0;
                let is_known = name.starts_with("HTTP_") || NAMES.contains(&name);
                assert!(is_known, "{path:?} {more:?}: {line:?}");
            }
        }
    }
}

/// A program cannot agree to an offer of several words, and gets an ERR if it tries.
fn what_is_offered_is_one_word(server: &Running, first: &mut Raw, lines: &[String]) {
    for line in lines {
        let words = line.replace(' ', ", ");
        let offer = format!("Sec-WebSocket-Protocol: {words}\r\n");
        let answer = ask(server, "/naive?protocol", &offer).read_answer();
        assert_eq!(answer.status, 500, "{offer}");
        assert_eq!(first.read_text(), "ERR ACCEPT");
    }
}

/// A header that the program quotes is one header, or headers, of this answer: none changes where
/// it ends, and no second answer comes behind it.
fn what_is_quoted_is_one_answer(server: &Running, first: &mut Raw) {
    let second = "HTTP/1.1%20200%20OK%0d%0aContent-Length:%204%0d%0a%0d%0aevil";
    let rows = [
        ("plain".to_owned(), 403),
        ("a%0d%0aX-Other:%20b".to_owned(), 403),
        // The rest is content, which is counted.
        (format!("a%0d%0a%0d%0a{second}"), 403),
        ("a%0d%0aContent-Length:%200".to_owned(), 500),
        ("a%0acontent-length:0".to_owned(), 500),
        ("a%0d%0aTransfer-Encoding:%20chunked".to_owned(), 500),
        ("a%0aConnection:%20keep-alive".to_owned(), 500),
        ("a%0dX-Other:%20b".to_owned(), 500),
        ("a%00b".to_owned(), 500),
        ("a%0a%20folded".to_owned(), 500),
        ("a%0aContent-Length%20:%200".to_owned(), 500),
        ("a%ff".to_owned(), 500),
        ("a%0aACCEPT%201".to_owned(), 500),
    ];
    for (query, status) in rows {
        let answer = ask(server, &format!("/naive?header&{query}"), "").read_answer();
        assert_eq!(answer.status, status, "{query}: {answer:?}");
        let length = answer.header("content-length").expect("it has a length");
        assert_eq!(length, answer.body.len().to_string(), "{query}: {answer:?}");
        assert_eq!(answer.header("connection"), Some("close"), "{query}: {answer:?}");
        match status {
            403 => assert!(answer.body.ends_with(b"refused"), "{query}: {answer:?}"),
            _ => assert_eq!(first.read_text(), "ERR REJECT", "{query}"),
        }
    }
}

const NAMES: [&str; 14] = [
    "GATEWAY_INTERFACE",
    "PATH_INFO",
    "QUERY_STRING",
    "REMOTE_ADDR",
    "REMOTE_HOST",
    "REMOTE_PORT",
    "REQUEST_METHOD",
    "REQUEST_URI",
    "SCRIPT_NAME",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "SERVER_SOFTWARE",
    "WS_SUBPROTOCOLS",
];

//! Programs that serve all sockets of their paths, over real sockets: all that they can say and
//! hear, by one program that does what its sockets say.

use std::fs;
use std::path::Path;

use switchboard::programs::ProgramOptions;
use switchboard::ws::Status;
use switchboard::{Limits, Server};

use crate::bench::serve;
use crate::support::folder::write;
use crate::support::raw::close;
use crate::support::{Client, Raw, Running, SOON};

/// The status that a request for an upgrade gets.
pub fn status(server: &Running, path: &str) -> u16 {
    let mut raw = server.raw();
    raw.send(request(path).as_bytes());
    raw.read_head().status
}

pub fn request(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// A socket that gets all input of the program except texts.
fn listener(server: &Running) -> Raw {
    let mut raw = server.open("/obey");
    raw.send_text("SUB {} heard");
    // What comes back shows that the line above has been done.
    raw.send_text("TEXT {} +5\nready");
    assert_eq!(raw.read_text(), "ready");
    raw
}

#[test]
fn one_program_serves_all_sockets() {
    let (server, _) = serve("all", &[("obey.py", OBEY)], ProgramOptions::SHARED, SOON);
    let mut one = server.open("/obey");
    let mut two = server.open("/obey.py");
    one.send_text("TEXT * +3\nall");
    assert_eq!((one.read_text(), two.read_text()), ("all".into(), "all".into()));
    one.send_text("TEXT *,!{} +6\nothers");
    assert_eq!(two.read_text(), "others");
    two.send_text("SUB {} news");
    two.send_text("TEXT @news +5\nextra");
    assert_eq!(two.read_text(), "extra");
    two.send_text("UNSUB {} news\nTEXT @news +4\nnone\nTEXT {},{} +4\nlist\nBIN {} +2\n\u{fe}");
    assert_eq!(two.read_text(), "list");
    assert_eq!(two.read_frame().payload, "\u{fe}".as_bytes());
    one.send_text("CLOSE {} 4001 +4\nenough");
    // The body was longer than its length said: the streams are out of step.
    assert_eq!((one.read_close().0, two.read_close().0), (1012, 1012));
    server.stop();
}

#[test]
fn a_program_closes_with_the_code_that_it_chooses() {
    let (server, _) = serve("close", &[("obey.py", OBEY)], ProgramOptions::SHARED, SOON);
    let mut listener = listener(&server);
    let mut raw = server.open("/obey");
    assert!(listener.read_text().starts_with("OPEN "));
    raw.send_text("CLOSE {} 4001 +6\nenough");
    assert_eq!(raw.read_close(), (4001, "enough".to_owned()));
    raw.send(&close(4001, ""));
    let told = listener.read_text();
    assert!(told.starts_with("CLOSE ") && told.contains(" 4001"), "{told}");
    server.stop();
}

#[test]
fn a_mistake_costs_one_line() {
    let (server, _) = serve("mistakes", &[("obey.py", OBEY)], ProgramOptions::SHARED, SOON);
    let mut raw = listener(&server);
    let rows = [
        ("SHOUT {} +2\nhi", "no such verb"),
        ("PUB news +2\nhi", "PUB is reserved for a later version"),
        ("SUB {} news since=abcdefgh:7", "since= is reserved for a later version"),
        ("TEXT {} more +2\nhi", "the form of the line is"),
        ("CLOSE {} 1006", "is not a close code"),
        ("SET {} path=x", "is not a key"),
    ];
    for (line, wrong) in rows {
        raw.send_text(line);
        let told = raw.read_text();
        assert!(told.starts_with("ERR ") && told.contains(wrong), "{told}");
    }
    // A socket that has gone is no error, and another service's socket cannot be reached.
    raw.send_text("TEXT 1234567890 +2\nhi\nTEXT {} +4\nwell");
    assert_eq!(raw.read_text(), "well");
    server.stop();
}

#[test]
fn a_paused_socket_is_read_on_when_the_program_wants_it() {
    let (server, _) = serve("pause", &[("obey.py", OBEY)], ProgramOptions::SHARED, SOON);
    let mut one = listener(&server);
    let mut two = server.open("/obey");
    let open = one.read_text();
    let id = open.strip_prefix("OPEN ").expect("it has come");
    one.send_text(&format!("PAUSE {id}\nTEXT {{}} +6\npaused"));
    assert_eq!(one.read_text(), "paused");
    // The pause is on its way to the loop before the answer is.
    two.send_text("TEXT * +5\nagain");
    one.send_text("TEXT {} +5\nfirst");
    assert_eq!(one.read_text(), "first");
    one.send_text(&format!("RESUME {id}"));
    assert_eq!((one.read_text(), two.read_text()), ("again".into(), "again".into()));
    server.stop();
}

#[test]
fn a_slow_peer_is_told_to_the_program() {
    // Capacity for more than the system takes.
    let limits = Limits { outbox_bytes_max: 64 << 20, ..SOON };
    let (server, _) = serve("slow", &[("obey.py", OBEY)], ProgramOptions::SHARED, limits);
    let mut listener = listener(&server);
    let mut slow = server.raw();
    slow.shrink();
    slow.upgrade("/obey");
    assert!(listener.read_text().starts_with("OPEN "));
    slow.send_text(
        "!write(b'TEXT %s +1000000\\n%s\\n' % (words[1].encode(), bytes(1000000)) * 20)",
    );
    assert!(listener.read_text().starts_with("FULL "));
    (0..20).for_each(|_| assert_eq!(slow.read_frame().payload.len(), 1_000_000));
    assert!(listener.read_text().starts_with("DRAIN "));
    server.stop();
}

#[test]
fn a_program_may_ask_whom_to_let_in() {
    let (server, _) = serve("gate", &[("gate.py", GATE)], ProgramOptions::SHARED, SOON);
    let answer = server.ask(request("/gate").as_bytes());
    assert_eq!((answer.status, answer.body.as_slice()), (401, &b"who are you"[..]));
    let mut client: Client = server.connect_offering("/gate?name=ida", "chat.v1");
    let message = client.read().expect("it says who came");
    assert_eq!(message.into_text().expect("it is text").as_str(), "name=ida 127.0.0.1 /gate");
    drop(client);
    server.stop();
}

#[test]
fn programs_are_found_while_the_host_runs() {
    let (server, folder) = serve("found", &[], ProgramOptions::SHARED, SOON);
    assert_eq!(status(&server, "/obey"), Status::NOT_FOUND.number());
    write(&folder, "obey.py", OBEY, "644");
    assert_eq!(status(&server, "/obey"), Status::INTERNAL_ERROR.number());
    write(&folder, "obey.py", OBEY, "755");
    write(&folder, "games/ws_service.py", OBEY, "755");
    for path in ["/obey", "/obey.py", "/games/", "/games/ws_service"] {
        let mut raw = server.open(path);
        raw.send_text("TEXT {} +2\nok");
        assert_eq!(raw.read_text(), "ok", "{path}");
    }
    // A program that has ended is looked for again, and a changed one is used.
    let mut raw = server.open("/obey");
    raw.send_text("!sys.exit()");
    assert_eq!(raw.read_close().0, 1012);
    write(&folder, "obey.py", &OBEY.replace("READY 1", "READY 1 protocols=new"), "755");
    let client = server.connect_offering("/obey", "new");
    drop(client);
    for path in ["/obey/", "/games", "/obey/more", "/found", "/%2e%2e/found/obey"] {
        assert_eq!(status(&server, path), Status::NOT_FOUND.number(), "{path}");
    }
    server.stop();
}

#[test]
fn a_program_that_has_gone_is_nothing() {
    let (server, folder) = serve("gone", &[("obey.py", OBEY)], ProgramOptions::SHARED, SOON);
    let mut raw = server.open("/obey");
    raw.send_text("!sys.exit()");
    assert_eq!(raw.read_close().0, 1012);
    fs::remove_file(folder.join("obey.py")).expect("it was there");
    assert_eq!(status(&server, "/obey"), Status::NOT_FOUND.number());
    server.stop();
}

#[test]
fn the_examples_answer() {
    let mut server = Server::new(SOON);
    server.document_root(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/programs"));
    let server = Running::start(server);
    for path in ["/python/echo", "/python/echo_async.py", "/bash/echo", "/node/echo"] {
        let mut client = server.connect(path);
        client.send("hello".into()).expect("it is open");
        let heard = client.read().expect("it answers").into_text().expect("it is text");
        assert_eq!(heard.as_str(), "hello", "{path}");
    }
    for path in ["/python/chat", "/python/chat_async", "/bash/chat", "/node/chat.js"] {
        let (mut one, mut two) = (server.open(path), server.open(path));
        for (raw, name) in [(&mut one, "Ida"), (&mut two, "Bob")] {
            assert_eq!(raw.read_text(), "Your name?", "{path}");
            raw.send_text(name);
            while !raw.read_text().starts_with(name) {}
        }
        one.send_text("hello");
        while two.read_text() != "Ida: hello" {}
    }
    for path in ["/python/clock", "/python/clock_async", "/bash/clock", "/node/clock"] {
        let text = server.open(path).read_text();
        assert_eq!(text.split(':').count(), 3, "{path}: {text}");
    }
    for path in ["/python/_switchboard", "/python/_switchboard.py", "/server.conf"] {
        assert_ne!(status(&server, path), 101, "{path}");
    }
    server.stop();
}

pub const OBEY: &str = include_str!("obey.py");

/// Admits sockets with a name, and sends each what it asked for.
const GATE: &str = r#"#!/usr/bin/env python3
import sys
receive, send = sys.stdin.buffer, sys.stdout.buffer
def write(text):
    send.write(text.encode())
    send.flush()
write("READY 1 admission=ask\n")
for line in receive:
    words, body = line.decode().split(), ""
    if words[-1].startswith("+"):
        length = int(words.pop())
        body = receive.read(length + 1)[:length].decode()
    facts = dict(line.split("=", 1) for line in body.splitlines() if "=" in line)
    if words[0] == "ASK" and facts["QUERY_STRING"]:
        write(f"ACCEPT {words[1]} protocol=chat.v1\n")
    elif words[0] == "ASK":
        write(f"REJECT {words[1]} 401 +36\nWWW-Authenticate: Basic\n\nwho are you\n")
    elif words[0] == "OPEN":
        text = " ".join(facts[name] for name in ("QUERY_STRING", "REMOTE_ADDR", "SCRIPT_NAME"))
        write(f"TEXT {words[1]} +{len(text)}\n{text}\n")
"#;

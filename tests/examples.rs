//! The examples run: real programs, asked by a real client, stopped by a signal.
#![cfg(feature = "host")]

mod support;

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::{Error, Message, connect};

use support::http::upgrade;
use support::raw::{BINARY, CONTINUATION, PING, PONG, TEXT, close, frame, piece};
use support::{NEVER_MS, Raw, until};

/// A running example, and the address that it has printed.
struct Example {
    child: Child,
    out: BufReader<ChildStdout>,
    url: String,
}

impl Example {
    fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    fn start_with(name: &str, arguments: &[&str]) -> Self {
        let mut command = command(name);
        let command = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}; {CURE}"));
        let mut out = BufReader::new(child.stdout.take().expect("the output is piped"));
        let mut line = String::new();
        out.read_line(&mut line).expect("the example prints its address");
        let url = line.trim().strip_prefix("listening on ").expect("it says so").to_owned();
        Self { child, out, url }
    }

    fn address(&self) -> SocketAddr {
        let (_, rest) = self.url.split_once("://").expect("it is an address");
        let (address, _) = rest.split_once('/').expect("it has a path");
        address.parse().expect("it is the address of a socket")
    }

    /// The path and the query.
    fn target(&self) -> &str {
        let (_, rest) = self.url.split_once("://").expect("it is an address");
        &rest[rest.find('/').expect("it has a path")..]
    }

    fn raw(&self) -> Raw {
        Raw::connect(self.address())
    }

    fn open(&self) -> Raw {
        let mut raw = self.raw();
        raw.upgrade(self.target());
        raw
    }

    fn stop(mut self) {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(kill.success());
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0));
    }
}

impl Drop for Example {
    /// An example without an end of its own, or whose test has failed.
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// The command that runs an example.
fn command(name: &str) -> Command {
    let mut path = std::env::current_exe().expect("a test has a path");
    // From `deps/NAME-HASH` to `examples/NAME`.
    path.pop();
    path.pop();
    path.extend(["examples", name]);
    Command::new(path)
}

#[test]
fn embed() {
    let example = Example::start("embed");
    let (mut client, _) = connect(&example.url).expect("it is open");
    for number in 1..=3 {
        client.send(Message::text("hello")).expect("it is open");
        let answer = client.read().expect("it answers");
        assert_eq!(answer, Message::text(format!("{number}: hello")));
    }
    drop(client);
    example.stop();
}

#[test]
fn guarded() {
    let example = Example::start("guarded");
    let stranger = example.url.replace("sesame", "barley");
    let Err(Error::Http(answer)) = connect(stranger) else { panic!("the token is wrong") };
    assert_eq!(answer.status(), 403);

    let mut request = example.url.as_str().into_client_request().expect("it is an address");
    let offer = HeaderValue::from_static("whisper.v1, shout.v1");
    request.headers_mut().insert("Sec-WebSocket-Protocol", offer);
    let (mut client, answer) = connect(request).expect("the token is right");
    assert_eq!(answer.headers()["Sec-WebSocket-Protocol"], "shout.v1");
    client.send(Message::text("straße")).expect("it is open");
    assert_eq!(client.read().expect("it answers"), Message::text("STRASSE"));
    drop(client);
    example.stop();
}

/// It measures itself, and fails if it is above the documented bound.
#[test]
fn small() {
    let output = command("small").output().unwrap_or_else(|error| panic!("{error}; {CURE}"));
    let text = String::from_utf8(output.stdout).expect("it prints text");
    println!("{text}");
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert_eq!(text.matches("bytes resident").count(), 3, "{text}");
}

#[cfg(feature = "sqlite")]
#[test]
fn users() {
    let file = support::folder::folder("users").join("users.db");
    let arguments = [file.to_str().expect("it is text")];
    let ask = |socket: &mut Raw, question: &str| {
        socket.send_text(question);
        socket.read_text()
    };
    let example = Example::start_with("users", &arguments);
    let mut ada = example.open();
    assert_eq!(ask(&mut ada, "find ada"), "there is no such user");
    assert_eq!(ask(&mut ada, "add ada ada@example.org"), "added");
    assert_eq!(ask(&mut ada, "add ada other@example.org"), "this name is taken");
    assert_eq!(ask(&mut ada, "drop ada"), "add NAME MAIL, or find NAME");
    drop(ada);
    example.stop();
    // The clean end leaves one file, and the next start finds the users.
    assert!(!file.with_extension("db-wal").exists());
    let example = Example::start_with("users", &arguments);
    assert_eq!(ask(&mut example.open(), "find ada"), "ada@example.org");
    example.stop();
}

#[test]
#[cfg(all(feature = "json", feature = "senders", feature = "state"))]
fn lobby() {
    let mut example = Example::start("lobby");
    let open = |token: &str| {
        let mut raw = example.raw();
        raw.send(&upgrade("/lobby", &format!("Cookie: token={token}\r\n")));
        raw
    };
    assert_eq!(open("8a8").read_answer().status, 401);
    let [mut ada, mut bob] = ["8a7", "f1d"].map(|token| {
        let mut raw = open(token);
        raw.read_101();
        raw
    });
    for raw in [&mut ada, &mut bob] {
        raw.send_text(r#"{"Join":"red"}"#);
        // The service answers one socket after the other, so this one is in the room by then.
        raw.send_text(r#"{"Say":["red","hello"]}"#);
    }
    assert_eq!(ada.read_text(), r#"["ada","hello"]"#);
    assert_eq!(bob.read_text(), r#"["bob","hello"]"#);
    assert_eq!(ada.read_text(), r#"["bob","hello"]"#);
    bob.send_text(r#"{"Say":["blue","nobody is here"]}"#);
    let mut news = example.child.stdin.take().expect("the input is piped");
    writeln!(news, "the news").expect("it reads");
    assert_eq!([ada.read_text(), bob.read_text()], ["the news", "the news"]);
    ada.send_text(r#"{"Sing":"red"}"#);
    assert_eq!(ada.read_close().0, 1011);
    bob.send_text(r#"{"Say":["red","still here"]}"#);
    assert_eq!(bob.read_text(), r#"["bob","still here"]"#);
}

#[test]
fn token() {
    let example = Example::start("token");
    let path = example.target();
    for wrong in [
        "",
        "Authorization: Bearer 8a7c5d3e1f60b925\r\n",
        "Authorization: Bearer 8a7c\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: 8a7c5d3e1f60b924\r\n",
        "Sec-WebSocket-Protocol: news.v1, token.8a7c\r\n",
    ] {
        let mut raw = example.raw();
        raw.send(&upgrade(path, wrong));
        let answer = raw.read_answer();
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")));
    }
    let mut ida = example.raw();
    ida.send(&upgrade(path, "Authorization: Bearer 8a7c5d3e1f60b924\r\n"));
    assert_eq!(ida.read_101().header("sec-websocket-protocol"), None);
    assert_eq!(ida.read_text(), "hello ida");
    let mut otto = example.raw();
    otto.send(&upgrade(path, "Sec-WebSocket-Protocol: token.f1d20c94b7a6835e, news.v1\r\n"));
    assert_eq!(otto.read_101().header("sec-websocket-protocol"), Some("news.v1"));
    assert_eq!(otto.read_text(), "hello otto");
    ida.send_text("who is here?");
    assert_eq!(ida.read_text(), "ida, otto");
    drop((ida, otto));
    example.stop();
}

/// A message of the pipe, with its place in the order.
fn numbered(number: u32) -> Vec<u8> {
    [&number.to_be_bytes()[..], &[b'x'; 16_000]].concat()
}

#[test]
fn flow() {
    let example = Example::start_with("flow", &[&NEVER_MS.to_string()]);
    let mut sender = example.raw();
    // A message that comes before the partner, and before the pause, is not lost.
    sender.send(&[upgrade(example.target(), ""), frame(BINARY, &numbered(0))].concat());
    sender.read_101();
    let mut receiver = example.open();

    // As much as fits while it is not read, and a part of a message.
    sender.stream().set_nonblocking(true).expect("it can be");
    let (mut sent_len, mut left, mut refused) = (1, Vec::new(), 0);
    until("the sender is pushed back", || {
        if left.is_empty() {
            left = frame(BINARY, &numbered(sent_len));
            sent_len += 1;
        }
        match sender.stream().write(&left) {
            Ok(len) => {
                left.drain(..len);
                refused = 0;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock, "the connection stands");
                // The host has turns in which it would read, if it wanted to.
                let mut other = example.raw();
                other.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
                assert_eq!(other.read_answer().status, 404);
                refused += 1;
            }
        }
        refused >= 50 && sender.stream().peek(&mut [0]).is_ok()
    });
    sender.stream().set_nonblocking(false).expect("it can be");
    assert_eq!(sender.read_text(), "pipe: full");

    // All of it arrives once, and in order.
    let reader = std::thread::spawn(move || {
        for number in 0..sent_len {
            let found = receiver.read_frame();
            assert_eq!((found.first, found.payload.len()), (0x80 | BINARY, 16_004));
            assert_eq!(found.payload[..4], number.to_be_bytes());
        }
        receiver
    });
    sender.send(&left);
    assert_eq!(sender.read_text(), "pipe: drained");
    let mut receiver = reader.join().expect("the messages are there");
    // The other direction, and the end.
    receiver.send_text("thanks");
    while sender.read_text() != "thanks" {}
    receiver.send(&close(1000, ""));
    assert_eq!(receiver.read_close().0, 1000);
    assert_eq!(sender.read_close(), (1001, "the partner has left".to_owned()));
    drop((sender, receiver));
    example.stop();
}

/// The numbers of a step and a place, of a car that began to move at a step.
fn step_and_place(text: &str) -> (i64, i64) {
    let words: Vec<_> = text.split(' ').collect();
    let [.., "step", step, "place", place] = words[..] else { panic!("{text}") };
    (step.parse().expect("a number"), place.parse().expect("a number"))
}

#[test]
fn own_loop() {
    let mut example = Example::start("own_loop");
    let mut raw = example.open();
    raw.send_text("faster");
    assert_eq!(raw.read_text(), "send a number, which is the speed, or: where");
    raw.send_text("3");
    let (begin, place) = step_and_place(&raw.read_text());
    assert_eq!(place, 0);
    // The loop of the program goes on between the turns of the host.
    until("it moves", || {
        raw.send_text("where");
        let (step, place) = step_and_place(&raw.read_text());
        assert_eq!(place, 3 * (step - begin));
        step > begin + 3
    });
    drop(example.child.stdin.take());
    assert_eq!(raw.read_close().0, 1001);
    raw.send(&close(1001, ""));
    raw.expect_end();
    let mut line = String::new();
    example.out.read_line(&mut line).expect("it says where it stopped");
    let (step, place) = step_and_place(line.trim());
    assert!(line.starts_with("stopped at step ") && place == 3 * (step - begin), "{line}");
    assert_eq!(example.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn jobs() {
    let example = Example::start("jobs");
    let [mut slow, mut quick] = [(); 2].map(|()| example.open());
    // A job that is never done delays nobody.
    slow.send_text(&u32::MAX.to_string());
    for text in ["1", "0"] {
        quick.send_text(text);
        assert_eq!(quick.read_text(), format!("done after {text} ms"));
    }
    slow.send_text("soon");
    assert_eq!(slow.read_text(), "send a number of milliseconds");
    drop((slow, quick));
    example.stop();
}

#[cfg(feature = "database")]
#[test]
fn visits() {
    let file = support::folder::folder("visits").join("visits.txt");
    let argument = file.to_str().expect("the path is text");
    let example = Example::start_with("visits", &[argument]);
    let mut sockets = [(); 3].map(|()| example.open());
    for raw in &mut sockets {
        raw.send_text("Ida");
        raw.send_text("Uwe");
    }
    let mut last = String::new();
    for raw in &mut sockets {
        assert!(raw.read_text().starts_with("Ida came "));
        last = last.max(raw.read_text());
    }
    assert_eq!(last, "Uwe came 3 times");
    example.stop();
    assert_eq!(std::fs::read_to_string(&file).expect("it was written"), "3 Ida\n3 Uwe\n");
    let example = Example::start_with("visits", &[argument]);
    let mut raw = example.open();
    raw.send_text("Ida");
    assert_eq!(raw.read_text(), "Ida came 4 times");
    example.stop();
}

#[test]
fn core_tcp() {
    let example = Example::start("core_tcp");
    let mut plain = example.raw();
    plain.send(b"GET /echo HTTP/1.1\r\nHost: h\r\n\r\n");
    let answer = plain.read_answer();
    assert_eq!((answer.status, answer.header("upgrade")), (426, Some("websocket")));
    let mut wrong = example.raw();
    wrong.send(b"GET /echo\r\n\r\n");
    assert_eq!(wrong.read_answer().status, 400);

    let (mut first, mut second) = (example.open(), example.open());
    first.send_text("straße");
    assert_eq!(first.read_text(), "straße");
    first.send(&[frame(PING, b"?"), piece(TEXT, b"a "), piece(0x80 | CONTINUATION, b"b")].concat());
    assert_eq!(first.read_frame().first, 0x80 | PONG);
    assert_eq!(first.read_text(), "a b");
    let longest = vec![b'x'; 8 * 1_024];
    first.send(&frame(BINARY, &longest));
    assert_eq!(first.read_frame().payload, longest);
    first.send(&frame(BINARY, &[b'x'; 8 * 1_024 + 1]));
    assert_eq!(first.read_close().0, 1009);
    first.send(&close(1009, ""));
    first.end_writing();
    first.expect_end();

    second.send(&[frame(TEXT, b"last"), close(1000, "enough")].concat());
    assert_eq!(second.read_text(), "last");
    assert_eq!(second.read_close().0, 1000);
    second.expect_end();
}

const CURE: &str = "`cargo build --examples` makes it";

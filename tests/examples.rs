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

#[cfg(feature = "state")]
#[test]
fn players() {
    let example = Example::start("players");
    let (mut ada, mut bob) = (example.open(), example.raw());
    bob.upgrade("/players?token=bob-sesame");
    bob.send_text("say hello");
    assert_eq!([ada.read_text(), bob.read_text()], ["bob: hello", "bob: hello"]);
    ada.send_text("list");
    assert_eq!(ada.read_text(), "bob 1, ada 0");
    ada.send_text("sing");
    assert_eq!(ada.read_close(), (1008, "say or list".to_owned()));
    bob.send_text("list");
    assert!(bob.read_text().contains("bob 1"));
    let mut stranger = example.raw();
    stranger.send(&upgrade("/players?token=eve", ""));
    assert_eq!(stranger.read_answer().status, 403);
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

/// The next text of the lobby that is not a list of rooms.
fn told(raw: &mut Raw) -> String {
    loop {
        let text = raw.read_text();
        if !text.starts_with("rooms: ") {
            return text;
        }
    }
}

/// Reads up to this news of the lobby, before which nothing else comes.
fn read_news(raw: &mut Raw, expected: &str) {
    loop {
        let text = raw.read_text();
        assert!(text.starts_with("rooms: "), "{text}");
        if text == expected {
            return;
        }
    }
}

#[test]
fn lobby() {
    let example = Example::start("lobby");
    let [mut ida, mut otto, mut eva] = std::array::from_fn(|_| {
        let mut raw = example.open();
        assert_eq!(told(&mut raw), "welcome; enter a room with: join NAME");
        raw
    });
    ida.send_text("is anybody there?");
    assert_eq!(told(&mut ida), "enter a room first with: join NAME");
    ida.send_text(&format!("join {}", "x".repeat(33)));
    assert_eq!(told(&mut ida), "a room has a name of 1 to 32 bytes");
    for (raw, room) in [(&mut ida, "red"), (&mut otto, "red"), (&mut eva, "blue")] {
        raw.send_text(&format!("join {room}"));
    }
    read_news(&mut ida, "rooms: blue 1, red 2");
    // A message is for the room, and not for its sender.
    ida.send_text("hi");
    assert_eq!(told(&mut otto), "hi");
    ida.send_text("join blue");
    ida.send_text("there");
    assert_eq!(told(&mut eva), "there");
    // A client that has left a room gets nothing more of it.
    otto.send_text("come back");
    otto.send_text("join ");
    assert_eq!(told(&mut otto), "a room has a name of 1 to 32 bytes");
    eva.send_text("hello");
    assert_eq!(told(&mut ida), "hello");
    drop(eva);
    read_news(&mut ida, "rooms: blue 1, red 1");
    // A client in another room gets nothing of this one.
    otto.send_text("join blue");
    read_news(&mut otto, "rooms: blue 2");
    drop((ida, otto));
    example.stop();
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
#[cfg(feature = "senders")]
fn feed() {
    let mut example = Example::start("feed");
    let mut lines = example.child.stdin.take().expect("the input is piped");
    let mut raws = [(); 2].map(|()| {
        let mut raw = example.open();
        assert_eq!(raw.read_text(), "lines so far: 0");
        raw
    });
    // The thread counts a line before it sends it.
    for (line, count) in [("hello", "lines so far: 1"), ("straße", "lines so far: 2")] {
        writeln!(lines, "{line}").expect("it reads");
        for raw in &mut raws {
            assert_eq!(raw.read_text(), line);
        }
        for raw in &mut raws {
            raw.send_text("how many?");
            assert_eq!(raw.read_text(), count);
        }
    }
    drop(raws);
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

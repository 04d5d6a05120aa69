//! The examples run: real programs, asked by a real client, stopped by a signal.
#![cfg(feature = "host")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::{Error, Message, connect};

/// A running example, and the address that it has printed.
struct Example {
    child: Child,
    url: String,
}

impl Example {
    fn start(name: &str) -> Self {
        let started = command(name).stdout(Stdio::piped()).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{name}: {error}; {CURE}"));
        let mut line = String::new();
        let out = child.stdout.take().expect("the output is piped");
        BufReader::new(out).read_line(&mut line).expect("the example prints its address");
        let url = line.trim().strip_prefix("listening on ").expect("it says so").to_owned();
        Self { child, url }
    }

    fn stop(mut self) {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(kill.success());
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0));
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

const CURE: &str = "`cargo build --examples` makes it";

//! Clients by other authors, in other languages: `tests/clients/` has their checks, each of which
//! prints a line, and says which services they expect.

#![cfg(feature = "host")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

#[cfg(feature = "deflate")]
use switchboard::Compression;
use switchboard::{
    CloseCode, Gate, Handler, Limits, Message, Peer, Request, Response, Server, Status, Verdict,
    gated, handler,
};

use support::services::mount_echo;
use support::{LIMITS, Running};

#[test]
#[ignore = "needs packages that tests/run installs"]
fn websockets_of_python_agrees() {
    run(&[PYTHON, "tests/clients/python_client.py"]);
}

#[test]
#[ignore = "needs packages that tests/run installs"]
fn aiohttp_of_python_agrees() {
    run(&[PYTHON, "tests/clients/aiohttp_client.py"]);
}

#[test]
#[ignore = "needs packages that tests/run installs"]
fn websocket_client_of_python_agrees() {
    run(&[PYTHON, "tests/clients/websocket_client.py"]);
}

#[test]
#[ignore = "needs packages that tests/run installs"]
fn ws_of_node_agrees() {
    run(&["node", "tests/clients/node_client.mjs"]);
}

#[test]
#[ignore = "needs packages that tests/run installs"]
fn undici_of_node_agrees() {
    run(&["node", "tests/clients/undici_client.mjs"]);
}

#[test]
#[ignore = "needs Go, and golang.org/x/net, which tests/run installs"]
fn x_net_of_go_agrees() {
    run(&["target/clients/go_client"]);
}

#[test]
#[ignore = "needs a JDK, which tests/run installs"]
fn http_of_java_agrees() {
    run(&["java", "tests/clients/JavaClient.java"]);
}

const PYTHON: &str = "target/clients/venv/bin/python";

/// Runs a client against a server of its own, which has the default rules about origins and hosts.
fn run(command: &[&str]) {
    let mut server = Server::new(Limits {
        message_bytes_max: 2 << 20,
        outbox_bytes_max: 4 << 20,
        deflate_context_bytes_max: 1 << 20,
        ..LIMITS
    });
    mount_echo(&mut server, "/echo");
    #[cfg(feature = "deflate")]
    server.mount("/deflate", || handler(support::services::Echo)).compression(Compression::On);
    server.mount("/close", || handler(Closing));
    server.mount("/protocol", || handler(Polyglot));
    server.mount("/private", || gated(Private));
    let server = Running::start(server);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // A word with a slash is a path below the root, where the client runs.
    let words =
        command.iter().map(|&word| if word.contains('/') { root.join(word) } else { word.into() });
    let words: Vec<PathBuf> = words.collect();
    let output = Command::new(&words[0])
        .args(&words[1..])
        .arg(format!("ws://{}", server.address()))
        .args(cfg!(feature = "deflate").then_some("deflate"))
        .current_dir(root)
        .output()
        .unwrap_or_else(|error| panic!("cannot run {words:?}: {error}"));
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Closes with the code and the reason that a text such as "4001 so long" names.
struct Closing;

impl Handler for Closing {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        let text = message.as_text().unwrap_or_default();
        let (code, reason) = text.split_once(' ').unwrap_or((text, ""));
        let code = code.parse().ok().and_then(CloseCode::new).unwrap_or(CloseCode::UNSUPPORTED);
        peer.close(code, reason);
    }
}

/// Speaks chat.v2 and chat.v1.
struct Polyglot;

impl Handler for Polyglot {
    fn protocols(&self) -> Vec<String> {
        vec!["chat.v2".to_owned(), "chat.v1".to_owned()]
    }
}

/// Admits no socket.
struct Private;

impl Handler for Private {}

impl Gate for Private {
    fn admit(&mut self, _: &Request) -> Verdict {
        Verdict::Refuse(Response::text(Status::FORBIDDEN, "members only"))
    }
}

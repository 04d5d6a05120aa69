//! Clients by other authors, in other languages: `tests/clients/` has their checks, each of which
//! prints a line, and says which services they expect.

#![cfg(feature = "host")]

mod support;

use std::io;
#[cfg(feature = "tls")]
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[cfg(feature = "deflate")]
use switchboard::Compression;
#[cfg(feature = "tls")]
use switchboard::tls::{CertificateFiles, Tls, TlsFiles};
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

/// All checks of the package, over TLS, with the certificate of a test.
#[cfg(feature = "tls")]
#[test]
#[ignore = "needs packages that tests/run installs"]
fn websockets_of_python_agrees_over_tls() {
    run_over_tls(&[PYTHON, "tests/clients/python_client.py"]);
}

#[cfg(feature = "tls")]
#[test]
#[ignore = "needs packages that tests/run installs"]
fn ws_of_node_agrees_over_tls() {
    run_over_tls(&["node", "tests/clients/node_client.mjs"]);
}

const PYTHON: &str = "target/clients/venv/bin/python";

/// Runs a client against a server of its own, which has the default rules about origins and hosts.
fn run(command: &[&str]) {
    let server = Running::start(server());
    let output = start(command, format!("ws://{}", server.address())).output();
    judge(command, output);
}

/// The same over TLS. The client trusts the certificate, and no other.
#[cfg(feature = "tls")]
fn run_over_tls(command: &[&str]) {
    let folder = support::folder::folder("certificate");
    let [chain, key] = ["cert.pem", "key.pem"].map(|name| folder.join(name));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(&folder)
        .output();
    let made = made.expect("openssl is there");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let certificates = vec![CertificateFiles { chain: chain.clone(), key }];
    let files = TlsFiles { certificates, ..TlsFiles::default() };
    let mut server = server();
    server.tls(Tls::load(&files).expect("they are as they have to be"));
    server.listen_tls(&[SocketAddr::from(([127, 0, 0, 1], 0))]);
    let host = server.bind("127.0.0.1:0").expect("ports are free");
    let address = host.tls_addresses().next().expect("it listens with TLS");
    let _server = Running::run(host);
    let mut client = start(command, format!("wss://{address}"));
    // Of Python, and of Node.
    client.env("SSL_CERT_FILE", &chain).env("NODE_EXTRA_CA_CERTS", &chain);
    judge(command, client.output());
}

fn server() -> Server {
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
    server
}

/// The command, with the address of the server.
fn start(command: &[&str], url: String) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // A word with a slash is a path below the root, where the client runs.
    let words =
        command.iter().map(|&word| if word.contains('/') { root.join(word) } else { word.into() });
    let words: Vec<PathBuf> = words.collect();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg(url).args(cfg!(feature = "deflate").then_some("deflate"));
    command.current_dir(root);
    command
}

/// All checks have to pass.
fn judge(command: &[&str], output: io::Result<Output>) {
    let output = output.unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
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

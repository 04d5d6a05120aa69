//! Listeners for operators of the binary: its keys, its greeting, and a server that has no
//! descriptors left.

#![cfg(all(feature = "host", feature = "admin", feature = "unix"))]

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use switchboard::host::raise_descriptor_limit;

use support::binary::{Binary, patience};
use support::folder::{folder, socket_path};
use support::http::{Answer, get, upgrade};
use support::process::descriptors;
use support::{Raw, until};

const SECRET: &str = "0123456789abcdef";

/// A command for the binary with these lines in `[server]`.
fn binary(folder: &Path, lines: &str) -> Command {
    let text = format!("[server]\nport: 0\ndumpable: yes\n{lines}\n");
    fs::write(folder.join("conf"), text + &patience(&[])).expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.current_dir(folder).arg("-c").arg(folder.join("conf"));
    command
}

fn write_token(folder: &Path, text: &str, mode: u32) {
    let file = folder.join("token");
    let _ = fs::remove_file(&file);
    fs::write(&file, text).expect("it can be written");
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("it is ours");
}

/// What a command prints, and its exit code.
fn run(command: &mut Command) -> (String, Option<i32>) {
    let output = command.output().expect("it starts");
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&text).into_owned(), output.status.code())
}

fn ask(mut raw: Raw, request: &[u8]) -> Answer {
    raw.send(request);
    raw.read_answer()
}

/// A server that runs, and the addresses for operators that its greeting has.
struct Greeted(Child, Vec<String>);

impl Greeted {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let lines = out.lines().map(|line| line.expect("it is text"));
        // The line about the chat is the last.
        let is_last = |line: &String| line.starts_with("open ");
        let lines = lines.take_while(|line| !is_last(line));
        let of = |line: String| line.strip_prefix("for operators on ").map(str::to_owned);
        let addresses = lines.filter_map(of).collect();
        Self(child, addresses)
    }

    fn tcp(&self, at: usize) -> SocketAddr {
        self.1[at].parse().expect("it is an address")
    }
}

impl Drop for Greeted {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_greeting_says_where_operators_are_served() {
    let (folder, path) = (folder("greeting"), socket_path("greeting"));
    write_token(&folder, &format!("{SECRET}\n"), 0o600);
    let lines =
        format!("admin: 127.0.0.1:0, unix:{}, 0.0.0.0:0\nadmin-token: token", path.display());
    let server = Greeted::start(binary(&folder, &lines).stderr(Stdio::null()));
    assert_eq!(server.1.len(), 3, "{:?}", server.1);
    assert_eq!(server.1[1], format!("unix:{}", path.display()));
    // Who may write its file may do everything.
    let mode = fs::metadata(&path).expect("it is there").mode();
    assert_eq!(mode & 0o777, 0o660, "{mode:o}");
    assert_eq!(ask(Raw::connect_unix(&path), &get("/status", "")).status, 200);
    assert_eq!(ask(Raw::connect(server.tcp(0)), &get("/status", "")).status, 200);
    let network = SocketAddr::from(([127, 0, 0, 1], server.tcp(2).port()));
    assert_eq!(ask(Raw::connect(network), &get("/healthz", "")).status, 200);
    assert_eq!(ask(Raw::connect(network), &get("/status", "")).status, 401);
    let bearer = format!("Authorization: Bearer {SECRET}\r\n");
    assert_eq!(ask(Raw::connect(network), &get("/status", &bearer)).status, 200);
    let drain = format!("POST /drain HTTP/1.1\r\nHost: localhost\r\n{bearer}\r\n");
    let mut server = server;
    assert_eq!(ask(Raw::connect(server.tcp(0)), drain.as_bytes()).status, 202);
    assert_eq!(server.0.wait().expect("it ends").code(), Some(0));
    assert!(!path.exists(), "the file is removed");
}

#[test]
fn tokens_that_cannot_be_used_are_named() {
    let folder = folder("tokens");
    let loopback = "admin: 127.0.0.1:0\nadmin-token: token";
    for (text, told) in [
        ("short\n", "the token has 5 characters, and has to have 16 to 512"),
        ("", "the token has 0 characters"),
        (&*format!("{SECRET}\n{SECRET}\n"), "a character other than letters, digits"),
        (&*format!(" {SECRET}"), "a character other than letters, digits"),
        (&*"x".repeat(5_000), "the token has 4096 characters"),
    ] {
        write_token(&folder, text, 0o600);
        for words in [&["--check-config"][..], &[]] {
            let (said, code) = run(binary(&folder, loopback).args(words));
            assert_eq!(code, Some(4), "{words:?}: {said}");
            assert!(said.contains(told), "{words:?}: {said}");
            assert!(said.contains("admin-token is token: "), "{words:?}: {said}");
            assert!(!said.contains(SECRET), "{said}");
        }
    }
    // Without a file, and without a token where other machines would ask.
    fs::remove_file(folder.join("token")).expect("it is there");
    for (lines, told) in [
        (loopback, "admin-token is token: it cannot be read: No such file"),
        ("admin-token: missing/token", "admin-token is missing/token: it cannot be read"),
        (
            "admin: 0.0.0.0:0",
            "admin is \"0.0.0.0:0\" in line 4, admin-token is \"none\" by default",
        ),
        ("admin: [::]:0, 127.0.0.1:0", "name the file of a token, or listen on loopback"),
        ("admin: localhost:1", "admin is \"localhost:1\", allowed is none, or a list such as"),
        ("admin: unix:missing/a.sock", "admin is \"unix:missing/a.sock\", allowed is none"),
    ] {
        for words in [&["--check-config"][..], &[]] {
            let (said, code) = run(binary(&folder, lines).args(words));
            assert_eq!(code, Some(4), "{words:?}: {said}");
            assert!(said.contains(told), "{words:?}: {said}");
        }
    }
    // The address is in use.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let (said, code) = run(&mut binary(&folder, &format!("admin: {address}")));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("no listener for operators (admin): "), "{said}");
}

#[test]
fn a_token_that_others_can_read_is_a_warning() {
    let folder = folder("known");
    let lines = "admin: 127.0.0.1:0\nadmin-token: token";
    for (mode, is_told) in [(0o600, false), (0o640, false), (0o604, true), (0o644, true)] {
        write_token(&folder, &format!("{SECRET}\r\n"), mode);
        let (said, code) = run(binary(&folder, lines).arg("--check-config"));
        assert_eq!(code, Some(0), "{said}");
        let warning = "warning: admin-token is token, which every user can read: take that away";
        assert_eq!(said.contains(warning), is_told, "{mode:o}: {said}");
    }
    // It runs in another directory.
    let lines = format!("admin: 127.0.0.1:0\nadmin-token: {}", folder.join("token").display());
    let (server, log) = Binary::run_logged(&mut binary(&folder, &lines));
    let line = log.iter().find(|line| line.contains("admin-token")).expect("it is logged");
    assert!(line.contains("which every user can read"), "{line}");
    drop(server);
    // Who serves it as a file makes it known to all clients.
    let lines = "admin: 127.0.0.1:0\nadmin-token: token\nstatic-root: .";
    let (said, _) = run(binary(&folder, lines).arg("--check-config"));
    assert!(said.contains("warning: token lies inside of static-root ."), "{said}");
}

/// The request is by a Unix socket, which needs no token.
#[test]
fn a_reload_sets_and_takes_the_token() {
    let (folder, path) = (folder("replaced"), socket_path("replaced"));
    let lines = format!("admin: 127.0.0.1:0, unix:{}", path.display());
    let server = Greeted::start(binary(&folder, &lines).stderr(Stdio::null()));
    let post = |target: &str, more: &str| {
        format!("POST {target} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n").into_bytes()
    };
    let status =
        |more: &str| ask(Raw::connect(server.tcp(0)), &post("/log-level?level=info", more)).status;
    let reload = || ask(Raw::connect_unix(&path), &post("/reload", ""));
    let bearer = format!("Authorization: Bearer {SECRET}\r\n");
    assert_eq!([status(""), status(&bearer)], [403, 403]);
    write_token(&folder, SECRET, 0o600);
    drop(binary(&folder, &format!("{lines}\nadmin-token: token")));
    assert_eq!(reload().text(), "the configuration was read again; applied: admin-token\n");
    assert_eq!([status(""), status(&bearer)], [401, 200]);
    // The file has another token.
    write_token(&folder, "fedcba9876543210", 0o600);
    assert_eq!(reload().status, 200);
    assert_eq!(status(&bearer), 401);
    write_token(&folder, "short", 0o600);
    let refused = reload();
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("the token has 5 characters"), "{}", refused.text());
    drop(binary(&folder, &lines));
    assert_eq!(reload().status, 200);
    assert_eq!([status(""), status(&bearer)], [403, 403]);
}

/// Descriptors are kept for operators; they can ask as often as they like.
#[test]
fn without_descriptors_operators_are_answered() {
    assert!(raise_descriptor_limit() > 500, "the clients need descriptors as well");
    let (folder, path) = (folder("descriptors"), socket_path("descriptors"));
    let lines = format!("admin: unix:{}, 127.0.0.1:0\n", path.display());
    // More than there can be, so that the system says no before the server does.
    let text =
        format!("[server]\ndumpable: yes\n{lines}{}", patience(&[("max-connections", "1000")]));
    fs::write(folder.join("conf"), text).expect("it can be written");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 256; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_switchboard")]);
    command.arg("--config").arg(folder.join("conf"));
    let server = Binary::run(&mut command);
    let pid = server.pid();
    let mut waiting: Vec<Raw> = (0..300)
        .map(|_| {
            let mut raw = Raw::connect(server.address());
            raw.send(&upgrade("/echo", ""));
            raw
        })
        .collect();
    until("all descriptors are in use", || descriptors(&pid) >= 250);
    waiting[0].read_101();
    for _ in 0..50 {
        for page in ["/healthz", "/status", "/metrics"] {
            let answer = ask(Raw::connect_unix(&path), &get(page, ""));
            assert_eq!(answer.status, 200, "{page}: {answer:?}");
        }
    }
    // Several at once, of which some say nothing.
    let silent: Vec<_> = (0..20).map(|_| Raw::connect_unix(&path)).collect();
    assert_eq!(ask(Raw::connect_unix(&path), &get("/healthz", "")).status, 200);
    drop(silent);
    let answer = ask(Raw::connect_unix(&path), &get("/metrics", ""));
    assert!(answer.text().contains("\nprocess_max_fds 256\n"), "{}", answer.text());
    let open = answer.text().lines().find_map(|line| line.strip_prefix("process_open_fds "));
    let open: usize = open.and_then(|open| open.parse().ok()).expect("it is counted");
    assert!(open >= 240, "{open}");
    waiting[0].send_text("still here");
    assert_eq!(waiting[0].read_text(), "still here");
}

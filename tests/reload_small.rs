//! SIGHUP in each build of the binary, also in the smallest: it is a reload, and never the end.
#![cfg(feature = "host")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::Receiver;

use support::binary::{Binary, patience};
use support::folder::folder;
use support::http::upgrade;
use support::{Raw, next};

fn write(folder: &Path, server: &str, limits: &[(&str, &str)]) {
    let text = format!("[server]\n{server}\n{}", patience(limits));
    fs::write(folder.join("conf"), text).expect("it can be written");
}

/// The lines of the log up to the next one that has this in it.
fn lines_to(lines: &Receiver<String>, part: &str) -> Vec<String> {
    let mut seen = Vec::new();
    while !seen.last().is_some_and(|line: &String| line.contains(part)) {
        seen.push(next(lines));
    }
    seen
}

fn status(server: &Binary, request: &[u8]) -> u16 {
    let mut raw = Raw::connect(server.address());
    raw.send(request);
    raw.read_head().status
}

#[test]
fn a_hangup_reloads_and_closes_no_socket() {
    let folder = folder("any");
    write(&folder, "port: 0", &[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    let (mut server, lines) = Binary::run_loud(command.arg("-c").arg(folder.join("conf")));
    let page = upgrade("/echo", "Origin: http://other.example\r\n");
    let mut raw = Raw::connect(server.address());
    raw.upgrade("/echo");
    assert_eq!(status(&server, &page), 403);
    // Nothing has changed.
    server.signal("HUP");
    lines_to(&lines, "the configuration was read again");
    // A fault, and values that are right beside it.
    write(&folder, "port: 0\norigin: all", &[("max-message", "4")]);
    server.signal("HUP");
    lines_to(&lines, "the configuration stays as it is: ");
    raw.send_text("longer");
    assert_eq!(raw.read_text(), "longer");
    write(&folder, "port: 1\norigin: any", &[("max-message", "4")]);
    server.signal("HUP");
    let told = lines_to(&lines, "read again; applied: origin, max-message");
    let waits = " port has changed; restart the server to apply it";
    assert!(told.iter().any(|line| line.ends_with(waits)), "{told:?}");
    assert_eq!(status(&server, &page), 101);
    raw.send_text("four");
    assert_eq!(raw.read_text(), "four");
    raw.send_text("longer");
    assert_eq!(raw.read_close().0, 1009);
    drop(raw);
    // The clean stop ends it, and only that.
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
}

//! When the system gives no more descriptors: those who are in are served, and those who wait
//! come in as soon as others leave.

#![cfg(feature = "host")]

mod support;

use std::process::Command;

use support::binary::Binary;
use support::process::descriptors;
use support::raw::close;
use support::{Raw, until};

#[test]
fn without_descriptors_connections_wait_for_their_turn() {
    let folder = env!("CARGO_TARGET_TMPDIR");
    let config = format!("{folder}/descriptors.conf");
    // More than there can be, so that the system says no before the server does.
    std::fs::write(&config, "[limits]\nmax-connections: 1000\n").expect("it can be written");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 64; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_switchboard")]);
    command.args(["--config", &config]);
    let server = Binary::run(&mut command);
    let pid = server.pid();
    // The first ones are let in, until there are no more descriptors.
    let waiting: Vec<Raw> = (0..100).map(|_| ask(&server)).collect();
    // It may have inherited one that is beyond the limit.
    until("all descriptors are in use", || descriptors(&pid) >= 64);
    // Whoever came first is in, or comes in next.
    for mut raw in waiting {
        raw.read_101();
        raw.send_text("hello");
        assert_eq!(raw.read_text(), "hello");
        raw.send(&close(1000, ""));
        assert_eq!(raw.read_close().0, 1000);
        raw.expect_end();
    }
    // And now there is room again.
    let mut raw = ask(&server);
    raw.read_101();
    raw.send_text("hello");
    assert_eq!(raw.read_text(), "hello");
}

fn ask(server: &Binary) -> Raw {
    let mut raw = Raw::connect(server.address());
    raw.send(&support::http::upgrade("/echo", ""));
    raw
}

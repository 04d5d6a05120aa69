//! Reports to a service manager, whose socket is the test's own: when the server is ready, reloads
//! and stops, and signs of life that a loop which hangs does not send.
#![cfg(feature = "host")]

mod support;

use std::ffi::OsStr;
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;
#[cfg(feature = "programs")]
use std::{fs, iter};

use switchboard::host::Notifier;
use switchboard::{Handler, Message, Peer, Server, Thread, handler};

use support::binary::Binary;
use support::manager::NotifySocket;
use support::raw::close;
use support::{LIMITS, Raw, Running, next};
#[cfg(feature = "programs")]
use {
    rustix::time::{ClockId, clock_gettime},
    std::io::Write as _,
    support::binary::patience,
    support::folder::{folder, programs},
};

#[test]
fn the_binary_reports_its_start_and_its_stop() {
    for manager in [NotifySocket::at_path("stop"), NotifySocket::new("stop")] {
        let mut server = Binary::run(&mut manager.command());
        assert_eq!(manager.next(), "READY=1\nSTATUS=0 sockets, 0 services\n");
        let mut raw = Raw::connect(server.address());
        raw.upgrade("/echo");
        server.signal("TERM");
        assert_eq!(raw.read_close().0, 1001);
        let more = "EXTEND_TIMEOUT_USEC=10000000\n";
        let stop = format!("STOPPING=1\nSTATUS=stopping: 1 sockets, 1 services\n{more}");
        assert_eq!(manager.next_with("STOPPING"), stop);
        // The peer has not answered, and the stop goes on.
        for _ in 0..2 {
            assert!(manager.next().contains(more));
        }
        raw.send(&close(1001, ""));
        assert_eq!(server.exit_code(), Some(0));
    }
}

/// The watchdog is for the process that `WATCHDOG_PID` names, or for any.
#[test]
fn the_watchdog_of_another_process_is_left_alone() {
    let rows = [("$$", true), ("1", false)];
    for (row, (pid, is_ours)) in rows.into_iter().enumerate() {
        let manager = NotifySocket::new(&format!("pid-{row}"));
        let mut command = Command::new("sh");
        let script = format!("export WATCHDOG_PID={pid}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_switchboard")]);
        command.env("NOTIFY_SOCKET", &manager.address).env("WATCHDOG_USEC", "300000");
        let server = Binary::run(&mut command);
        assert!(manager.next().starts_with("READY=1\n"));
        let mut raw = Raw::connect(server.address());
        raw.upgrade("/echo");
        server.signal("TERM");
        // From one of these to the next comes a sign of life, in a datagram of its own or not.
        let mut seen = Vec::new();
        while seen.iter().filter(|text: &&String| text.contains("EXTEND")).count() < 2 {
            seen.push(manager.next());
        }
        assert_eq!(seen.iter().any(|text| text.contains("WATCHDOG=1")), is_ours, "{pid:?}");
    }
}

#[test]
fn an_address_that_cannot_be_used_is_a_warning() {
    let gone = NotifySocket::new("gone").address.clone();
    for (address, reason) in [("run/notify", "No such file"), (&*gone, "refused")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        let (server, lines) = Binary::run_logged(command.env("NOTIFY_SOCKET", address));
        let line = next(&lines);
        assert!(line.contains("NOTIFY_SOCKET") && line.contains(reason), "{line}");
        let mut raw = Raw::connect(server.address());
        raw.upgrade("/echo");
        raw.send_text("still here");
        assert_eq!(raw.read_text(), "still here");
    }
}

/// Waits for the test with each message in hand.
struct Hangs(mpsc::Sender<()>, Arc<Mutex<Receiver<()>>>);

impl Handler for Hangs {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        self.0.send(()).expect("the test listens");
        // A test that is over opens it for ever.
        let _ = self.1.lock().expect("one service has it").recv();
        peer.send(message);
    }
}

/// A host that reports each 10 ms that it is alive.
fn watched(server: Server, manager: &NotifySocket) -> Running {
    let watchdog = Some(Duration::from_millis(30));
    let notifier = Notifier::new(OsStr::new(&manager.address), watchdog);
    let mut host = server.bind("127.0.0.1:0").expect("the port is free");
    host.report_by(notifier.expect("it is an address"));
    Running::run(host)
}

#[test]
fn a_callback_that_hangs_on_the_loop_keeps_back_the_signs_of_life() {
    let ((open, gate), (tell, waits)) = (mpsc::channel(), mpsc::channel());
    let gate = Arc::new(Mutex::new(gate));
    let mut server = Server::new(LIMITS);
    server.thread(Thread::Loop);
    server.mount("/hangs", move || handler(Hangs(tell.clone(), gate.clone())));
    let (manager, other) = (NotifySocket::new("hangs"), NotifySocket::new("turns"));
    let (server, beside) = (watched(server, &manager), watched(Server::new(LIMITS), &other));
    let mut raw = server.open("/hangs");
    manager.next_with("WATCHDOG=1");
    other.next_with("WATCHDOG=1");
    raw.send_text("hang");
    next(&waits);
    // What was sent before is there by now.
    manager.waiting();
    other.waiting();
    for _ in 0..20 {
        assert_eq!(other.next(), "WATCHDOG=1\n", "a loop that turns sends them all the time");
    }
    assert_eq!(manager.waiting(), [""; 0]);
    open.send(()).expect("the callback waits for it");
    assert_eq!(raw.read_text(), "hang");
    manager.next_with("WATCHDOG=1");
    drop((raw, open));
    server.stop();
    beside.stop();
}

#[cfg(feature = "programs")]
#[test]
fn a_reload_is_reported_until_it_is_over() {
    let manager = NotifySocket::new("reload");
    let conf = folder("reload").join("conf");
    fs::write(&conf, patience(&[])).expect("it can be written");
    let server = Binary::run(manager.command().arg("--config").arg(&conf));
    assert!(manager.next().starts_with("READY=1\n"));
    fs::remove_file(&conf).expect("it is there");
    let made = Command::new("mkfifo").arg(&conf).status();
    assert!(made.expect("it runs").success());
    for text in [patience(&[]), "[server]\nprot: 1\n".to_owned()] {
        let begin = micros();
        server.signal("HUP");
        let begun = manager.next_with("RELOADING");
        let usec = begun.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("both in one");
        let usec = usec.parse().expect("it is a number");
        assert!((begin..=micros()).contains(&usec), "{begin}, {usec}");
        // It goes on while the file is read.
        let mut file = fs::OpenOptions::new().write(true).open(&conf).expect("it is read");
        assert!(manager.waiting().iter().all(|text| !text.contains("READY")));
        file.write_all(text.as_bytes()).expect("it is read");
        drop(file);
        assert_eq!(manager.next_with("READY"), "READY=1\n");
    }
}

/// The time of the system's clock in microseconds.
#[cfg(feature = "programs")]
fn micros() -> i64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
}

/// Otherwise it could report for the server.
#[cfg(feature = "programs")]
#[test]
fn programs_do_not_inherit_the_address() {
    let manager = NotifySocket::new("inherit");
    let root = programs("root", &[("env", "#!/bin/sh\nenv\necho end\nread line\n")]);
    let conf = folder("conf").join("conf");
    let text = patience(&[]) + "[server]\nmode: per-socket\npass-env: SEEN\n";
    fs::write(&conf, text).expect("it can be written");
    let mut command = manager.command();
    command.env("WATCHDOG_USEC", "30000000").env("SEEN", "1");
    command.arg("--config").arg(&conf).arg("--document-root").arg(&root);
    let server = Binary::run(&mut command);
    let mut raw = Raw::connect(server.address());
    raw.upgrade("/env");
    let lines = iter::repeat_with(|| raw.read_text()).take_while(|line| line != "end");
    let lines: Vec<_> = lines.collect();
    assert!(lines.iter().any(|line| line == "SEEN=1"), "{lines:?}");
    let is_ours = |line: &String| line.starts_with("NOTIFY_") || line.starts_with("WATCHDOG_");
    assert!(!lines.iter().any(is_ours), "{lines:?}");
}

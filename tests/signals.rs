//! What `Host::stop_on_signals` does to this process and to those that it starts.

#![cfg(feature = "host")]

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
#[cfg(feature = "admin")]
use std::sync::Arc;
#[cfg(feature = "admin")]
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{env, fs, thread};

use rustix::process::{Pid, Signal, getpid, kill_process};
use switchboard::{Host, Server, Turn};

use support::services::mount_echo;
use support::{DEADLINE, LIMITS, Raw, tcp};

/// Signals are for the whole process, so tests have them one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bind() -> Host {
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    server.bind("127.0.0.1:0").expect("a port is free")
}

fn send(signal: Signal) {
    kill_process(getpid(), signal).expect("this process is there");
}

/// The signals of a mask in `/proc/PID/status`, of those that stop a host.
fn mask(status: &str, name: &str) -> Vec<Signal> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("there is a line");
    let bits = u64::from_str_radix(line.trim_start_matches(':').trim(), 16).expect("it is a mask");
    let is_in = |signal: &Signal| bits & 1 << (signal.as_raw() - 1) != 0;
    [Signal::INT, Signal::TERM].into_iter().filter(is_in).collect()
}

fn own_status() -> String {
    fs::read_to_string("/proc/self/status").expect("it can be read")
}

/// Turns while a client does something.
fn turn_beside<T: Send + 'static>(host: &mut Host, act: impl FnOnce() -> T + Send + 'static) -> T {
    let client = thread::spawn(act);
    while !client.is_finished() {
        let turn = host.turn(Some(Duration::from_millis(1))).expect("it polls");
        assert_eq!(turn, Turn::Another);
    }
    client.join().expect("the client is served")
}

#[test]
fn the_first_signal_is_a_clean_stop_and_the_second_waits_for_nothing() {
    let _alone = alone();
    for [first, second] in [[Signal::INT, Signal::TERM], [Signal::TERM, Signal::TERM]] {
        let mut host = bind();
        host.stop_on_signals().expect("signals can be caught");
        let address = tcp(&host);
        let _raw = turn_beside(&mut host, move || {
            let mut raw = Raw::connect(address);
            raw.upgrade("/echo");
            send(first);
            assert_eq!(raw.read_close().0, 1001);
            raw
        });
        assert_eq!(host.sockets_len(), 1, "its peer has not answered");
        send(second);
        while host.turn(Some(DEADLINE)).expect("it polls") == Turn::Another {}
        assert_eq!(host.sockets_len(), 1, "nothing has waited for it");
    }
}

#[test]
fn the_host_that_asked_last_has_the_signals() {
    let _alone = alone();
    let (mut first, mut last) = (bind(), bind());
    first.stop_on_signals().expect("signals can be caught");
    last.stop_on_signals().expect("signals can be caught");
    let first = {
        let stopper = first.stopper();
        (thread::spawn(move || first.run()), stopper)
    };
    send(Signal::TERM);
    last.run().expect("it ends without an error");
    assert!(!first.0.is_finished());
    // The action of the system is back, and the first one does not get it again.
    assert_eq!(mask(&own_status(), "SigCgt"), []);
    first.1.stop();
    first.0.join().expect("it does not panic").expect("it ends without an error");
}

#[test]
fn children_have_the_default_and_so_has_the_process_when_the_host_has_gone() {
    let _alone = alone();
    let mut host = bind();
    assert_eq!(mask(&own_status(), "SigCgt"), []);
    host.stop_on_signals().expect("signals can be caught");
    assert_eq!(mask(&own_status(), "SigCgt"), [Signal::INT, Signal::TERM]);
    let child = Command::new("cat").arg("/proc/self/status").output().expect("cat runs");
    let status = String::from_utf8(child.stdout).expect("it is text");
    assert_eq!((mask(&status, "SigCgt"), mask(&status, "SigIgn")), (vec![], vec![]));
    drop(host);
    assert_eq!(mask(&own_status(), "SigCgt"), []);
}

/// The host that asked last logs its state at SIGUSR1. Later, the signal does no harm.
#[cfg(feature = "admin")]
#[test]
fn sigusr1_asks_a_host_for_its_state_and_ends_nothing() {
    let _alone = alone();
    let (first, second) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let [mut one, mut other] = [bind(), bind()];
    for (host, calls) in [(&mut one, &first), (&mut other, &second)] {
        let calls = Arc::clone(calls);
        let act = move || _ = calls.fetch_add(1, Ordering::SeqCst);
        host.log_status_on_signal(act).expect("signals can be caught");
    }
    for times in 1..=3 {
        send(Signal::USR1);
        while second.load(Ordering::SeqCst) < times {
            assert_eq!(other.turn(Some(DEADLINE)).expect("it polls"), Turn::Another);
        }
    }
    // The earlier host has lost it, and takes it from nobody when it goes.
    assert_eq!(one.turn(Some(Duration::ZERO)).expect("it polls"), Turn::Another);
    assert_eq!(first.load(Ordering::SeqCst), 0);
    drop(one);
    send(Signal::USR1);
    while second.load(Ordering::SeqCst) < 4 {
        assert_eq!(other.turn(Some(DEADLINE)).expect("it polls"), Turn::Another);
    }
    drop(other);
    // By default, this would end the process.
    send(Signal::USR1);
    assert_eq!((first.load(Ordering::SeqCst), second.load(Ordering::SeqCst)), (0, 4));
}

/// As a shell starts commands in the background.
#[test]
fn signals_stop_a_host_that_was_started_with_signals_ignored() {
    let mut example = env::current_exe().expect("a test has a path");
    // From `deps/NAME-HASH` to `examples/NAME`.
    example.pop();
    example.pop();
    example.extend(["examples", "embed"]);
    assert!(example.exists(), "`cargo build --examples` makes it");
    let mut child = Command::new("sh")
        .args(["-c", "trap '' INT TERM; exec \"$0\""])
        .arg(example)
        .stdout(Stdio::piped())
        .spawn()
        .expect("there is a shell");
    let out = child.stdout.take().expect("the output is piped");
    let line = BufReader::new(out).lines().next().expect("it prints its address");
    assert!(line.expect("it is text").starts_with("listening on "));
    // It prints before it asks for signals.
    let status = format!("/proc/{}/status", child.id());
    let is_caught = |status: &str| mask(status, "SigCgt").contains(&Signal::INT);
    while !is_caught(&fs::read_to_string(&status).expect("it runs")) {
        thread::yield_now();
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
    assert_eq!(child.wait().expect("it is a child").code(), Some(0));
}

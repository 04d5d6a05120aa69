//! Services that start with the host: without a socket, and again after each end.
#![cfg(feature = "host")]

mod support;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use switchboard::{Handler, Message, Peer, Server, Start, Turn, handler};

use support::{LIMITS, Running, next, on_each_thread, server_on};

/// An echo that says when it goes.
struct Mortal(Sender<&'static str>);

impl Handler for Mortal {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        assert_ne!(message.as_text(), Some("die"), "as it was asked");
        peer.send(message);
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        // A test that has failed no longer waits for it.
        let _ = self.0.send("gone");
    }
}

/// Mounts one that says when it is made, and cannot be made the first times.
fn mount(server: &mut Server, failures: usize) -> Receiver<&'static str> {
    let (says, said) = mpsc::channel();
    let (says, made) = (Mutex::new(says), AtomicUsize::new(0));
    let make = move || {
        let says = says.lock().expect("no panic holds it").clone();
        let is_failure = made.fetch_add(1, Ordering::Relaxed) < failures;
        says.send(if is_failure { "fails" } else { "made" }).expect("the test listens");
        assert!(!is_failure, "it cannot be made");
        handler(Mortal(says))
    };
    server.mount("/mortal", make).start(Start::Eager);
    said
}

#[test]
fn it_starts_without_a_socket_and_again_until_the_stop() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        let said = mount(&mut server, 0);
        let server = Running::start(server);
        assert_eq!(next(&said), "made");
        let mut raw = server.open("/mortal");
        raw.send_text("hello");
        assert_eq!(raw.read_text(), "hello");
        raw.send_text("die");
        assert_eq!(raw.read_close().0, 1012);
        drop(raw);
        assert_eq!([next(&said), next(&said)], ["gone", "made"], "nobody has asked for it");
        server.stop();
        assert_eq!(said.iter().collect::<Vec<_>>(), ["gone"], "a stop starts nothing again");
    });
}

#[test]
fn one_that_cannot_start_is_tried_again_while_others_are_served() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        let said = mount(&mut server, 2);
        support::services::mount_echo(&mut server, "/echo");
        let server = Running::start(server);
        assert_eq!([next(&said), next(&said)], ["fails"; 2]);
        let mut raw = server.open("/echo");
        raw.send_text("hello");
        assert_eq!(raw.read_text(), "hello");
        assert_eq!(next(&said), "made");
        drop(raw);
        server.stop();
    });
}

/// A loop of the program's own need not wait for an event: the host has work from the beginning.
#[test]
fn it_starts_in_the_first_turn_of_any_loop() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        let said = mount(&mut server, 0);
        let mut host = server.bind("127.0.0.1:0").expect("a port is free");
        assert_eq!(host.poll_timeout(), Some(Duration::ZERO));
        assert_eq!(host.turn(None).expect("it polls"), Turn::Another);
        assert_eq!(next(&said), "made");
        drop(host);
        assert_eq!(next(&said), "gone");
    });
}

#[cfg(feature = "admin")]
#[test]
fn the_host_is_ready_once_it_is() {
    use support::{DEADLINE, until};
    use switchboard::NotReady;

    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        let said = mount(&mut server, 2);
        let host = server.bind("127.0.0.1:0").expect("a port is free");
        let handle = host.metrics_handle();
        let server = Running::run(host);
        let readiness = || handle.readiness(DEADLINE).expect("the host turns");
        assert_eq!([next(&said), next(&said)], ["fails"; 2]);
        until("it is ready", || {
            let readiness = readiness();
            let down = NotReady::ServiceDown("/mortal".to_owned());
            assert!(readiness.reasons().all(|reason| *reason == down));
            readiness.is_ready()
        });
        assert_eq!(next(&said), "made");
        let raw = server.open("/mortal");
        server.stopper().stop();
        until("it drains", || readiness().to_string() == "draining");
        drop(raw);
        server.stop();
    });
}

//! Limits of TLS connections: how many handshakes there may be, how long one takes, and how many
//! connections.

use log::LevelFilter;
use switchboard::{Limits, Server, Thread};

use crate::support::http::upgrade;
use crate::support::logged::{keep, line_with};
use crate::support::services::mount_echo;
use crate::support::tls::{Sealed, VERSIONS, client, open, secure, start, tls};
use crate::support::{LIMITS, Raw, on_each_thread, server_on};

fn echo(thread: Thread, limits: Limits) -> Server {
    let mut server = server_on(thread, limits);
    mount_echo(&mut server, "/echo");
    server
}

/// As many handshakes as there may be are begun and not ended. Others wait in the system, are
/// served once one is over, and nobody is refused.
#[test]
fn handshakes_beyond_their_number_wait() {
    on_each_thread(|thread| {
        let server = start(echo(thread, Limits { handshakes_max: 4, ..LIMITS }), &tls(&["first"]));
        let mut open = open(&server, client(&VERSIONS), "/echo");
        let mut stalled: Vec<Raw> = (0..4).map(|_| server.raw()).collect();
        // Each has been accepted, since its first flight is answered or its turn has passed.
        let mut sealed: Vec<_> = stalled
            .iter_mut()
            .map(|raw| {
                let mut sealed = Sealed::new(client(&VERSIONS), "first.example");
                raw.send(&sealed.records());
                raw.wait();
                sealed
            })
            .collect();
        let mut waiting = server.raw();
        let mut hello = Sealed::new(client(&VERSIONS), "first.example");
        waiting.send(&hello.records());
        // It is not accepted, while open sockets are served for some turns.
        for _ in 0..100 {
            open.send_text("word");
            assert_eq!(open.read_text(), "word");
        }
        waiting.stream().set_nonblocking(true).expect("it can be");
        assert!(waiting.stream().peek(&mut [0]).is_err(), "it is not answered");
        waiting.stream().set_nonblocking(false).expect("it can be");
        // One is over: it succeeds, or its client goes.
        if thread == Thread::Own {
            let mut raw = stalled.remove(0);
            let mut sealed = sealed.remove(0);
            let mut stream = raw.stream().try_clone().expect("there is a descriptor");
            assert!(sealed.read(&mut stream, &mut Vec::new()).expect("it goes on"));
            let records = sealed.seal(&upgrade("/echo", ""));
            raw.send(&records);
            raw.resume(sealed);
            raw.read_101();
        } else {
            drop(stalled.remove(0));
        }
        waiting.wait();
        let mut stream = waiting.stream().try_clone().expect("there is a descriptor");
        assert!(hello.read(&mut stream, &mut Vec::new()).expect("it goes on"));
        let records = hello.seal(&upgrade("/echo", ""));
        waiting.send(&records);
        waiting.resume(hello);
        waiting.read_101();
        // The place of that one is free as well.
        let mut last = secure(server.address(), client(&VERSIONS), "first.example");
        last.upgrade("/echo");
    });
}

/// Plain listeners are accepted from while TLS ones are not, and a stop ends all.
#[test]
fn plain_connections_are_accepted_meanwhile() {
    let server = echo(Thread::Own, Limits { handshakes_max: 1, ..LIMITS });
    let [address] = crate::support::tls::LOOPBACK;
    let tls = tls(&["first"]);
    let (server, secure) =
        crate::support::tls::start_both(server, &tls, &crate::support::tls::LOOPBACK, address);
    let mut stalled = Raw::connect(secure);
    let mut sealed = Sealed::new(client(&VERSIONS), "first.example");
    stalled.send(&sealed.records());
    stalled.wait();
    let mut waiting = Raw::connect(secure);
    for _ in 0..20 {
        let mut raw = server.open("/echo");
        raw.send_text("word");
        assert_eq!(raw.read_text(), "word");
    }
    server.stopper().stop();
    // An answer would need the handshake.
    let flight = stalled.read_to_end();
    assert!(flight.len() > 500, "it is the first flight of the server");
    // The system ends what was never accepted.
    assert!(!waiting.stands() || waiting.is_ended());
    server.join();
}

/// The time of a handshake is that of TLS and of the request together.
#[test]
fn a_handshake_has_its_time() {
    let _alone = keep(LevelFilter::Info);
    on_each_thread(|thread| {
        let limits = Limits { handshake_ms_max: 300, ..LIMITS };
        let server = start(echo(thread, limits), &tls(&["first"]));
        for version in VERSIONS {
            // Half a hello; a hello alone; a handshake without a request, and with half of one.
            let mut sealed = Sealed::new(client(&[version]), "first.example");
            let hello = sealed.records();
            let mut raw = server.raw();
            let address = raw.stream().local_addr().expect("it has one");
            raw.send(&hello[..hello.len() / 2]);
            raw.expect_end();
            let line = line_with(&format!("peer={address}"));
            assert!(
                line.text.contains("TLS handshake was not over (handshake-timeout"),
                "{line:?}"
            );
            let mut raw = server.raw();
            raw.send(&hello);
            raw.read_to_end();
            for half in [&b""[..], b"GET /echo HTTP/1.1\r\nHost: localhost\r\n"] {
                let Ok(mut raw) = try_secure(server.raw(), version) else { continue };
                if raw.try_send(half) && !half.is_empty() && raw.try_read() == Ok(true) {
                    assert_eq!(raw.read_head().status, 408);
                }
                let _ = raw.try_read();
            }
        }
    });
}

/// On a machine that is too slow, the time is over before.
fn try_secure(
    mut raw: Raw,
    version: &'static rustls::SupportedProtocolVersion,
) -> Result<Raw, String> {
    raw.secure(client(&[version]), "first.example").map(|()| raw)
}

/// Beyond the number of connections, one of TLS is closed without an answer, which would need a
/// handshake.
#[test]
fn beyond_the_sockets_there_is_no_handshake() {
    let _alone = keep(LevelFilter::Info);
    let limits = Limits { sockets_max: 4, ..LIMITS };
    let server = start(echo(Thread::Own, limits), &tls(&["first"]));
    let mut raws: Vec<Raw> = (0..4).map(|_| open(&server, client(&VERSIONS), "/echo")).collect();
    let mut one_more = server.raw();
    let address = one_more.stream().local_addr().expect("it has one");
    one_more.expect_end();
    let line = line_with(&format!("peer={address}"));
    assert!(line.text.contains("max-connections"), "{line:?}");
    for raw in &mut raws {
        raw.send_text("word");
        assert_eq!(raw.read_text(), "word");
    }
    raws.pop();
    crate::support::until("there is a place again", || {
        let mut raw = server.raw();
        raw.secure(client(&VERSIONS), "first.example").is_ok()
    });
}

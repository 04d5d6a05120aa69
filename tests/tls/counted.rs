//! What is counted of handshakes: how each of them ended.
#![cfg(feature = "admin")]

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::client::{ClientSessionMemoryCache, Resumption};
use switchboard::tls::{ClientCertificates, Tls};
use switchboard::{Limits, Metrics, MetricsHandle, Server, Thread};

use crate::support::folder::folder;
use crate::support::services::mount_echo;
use crate::support::tls::{
    LOOPBACK, Sealed, VERSIONS, certificates, client, files_for_clients, open, tls,
};
use crate::support::{DEADLINE, LIMITS, Running, on_each_thread, server_on, until};

/// A server of this certificate, and what it counts.
struct Counted {
    server: Running,
    handle: MetricsHandle,
}

impl Counted {
    fn start(mut server: Server, tls: &Tls) -> Self {
        server.listen_tls(&LOOPBACK).tls(tls.clone());
        let host = server.listen().expect("a port is free");
        let handle = host.metrics_handle();
        Self { server: Running::run(host), handle }
    }

    fn metrics(&self) -> Metrics {
        self.handle.metrics(DEADLINE).expect("the host turns")
    }

    /// How many handshakes were full, how many resumed a session, and how many failed.
    fn ends(&self) -> [u64; 3] {
        let ends = self.metrics().tls_handshakes;
        let ends: [_; 3] = ends.try_into().expect("there are three");
        assert_eq!(ends.map(|(end, _)| end), ["full", "resumed", "failed"]);
        ends.map(|(_, count)| count)
    }

    /// Waits until so many have ended each way.
    fn await_ends(&self, what: &str, ends: [u64; 3]) {
        until(what, || {
            let counted = self.ends();
            assert!(counted.iter().zip(ends).all(|(is, max)| *is <= max), "{what}: {counted:?}");
            counted == ends
        });
    }
}

fn echo(thread: Thread, limits: Limits) -> Server {
    let mut server = server_on(thread, limits);
    mount_echo(&mut server, "/echo");
    server
}

#[test]
fn handshakes_are_full_or_resume_a_session() {
    on_each_thread(|thread| {
        let counted = Counted::start(echo(thread, LIMITS), &tls(&["first"]));
        let mut ends = [0, 0, 0];
        assert_eq!(counted.ends(), ends);
        for version in VERSIONS {
            let mut config = client(&[version]);
            config.resumption = Resumption::store(Arc::new(ClientSessionMemoryCache::new(8)));
            for resumed in [0, 1, 1] {
                let mut raw = open(&counted.server, config.clone(), "/echo");
                raw.send_text("so that its ticket has come");
                raw.read_text();
                ends = [ends[0] + 1 - resumed, ends[1] + resumed, 0];
                assert_eq!(counted.ends(), ends, "{:?}", version.version);
            }
        }
        // What breaks TLS later is no failure of the handshake.
        let mut raw = open(&counted.server, client(&VERSIONS), "/echo");
        raw.send_below(b"This is no record.");
        raw.read_rest();
        ends[0] += 1;
        until("it has gone", || counted.metrics().listeners[0].connections == 0);
        assert_eq!(counted.ends(), ends);
        let page: String = counted.metrics().into_text().collect();
        let line = format!("switchboard_tls_handshakes_total{{result=\"resumed\"}} {}\n", ends[1]);
        assert!(page.contains(&line), "{page}");
    });
}

/// The client of openssl, too, whose first message is another one.
#[test]
fn openssl_resumes_a_session() {
    let counted = Counted::start(echo(Thread::Own, LIMITS), &tls(&["first"]));
    let folder = folder("openssl");
    let session = folder.join("session");
    let session = session.to_str().expect("its name is text");
    let mut ends = [0, 0, 0];
    for version in ["-tls1_2", "-tls1_3"] {
        for (option, said, resumed) in [("-sess_out", "New, ", 0), ("-sess_in", "Reused, ", 1)] {
            let address = counted.server.address().to_string();
            let mut command = Command::new("openssl");
            command.args(["s_client", "-connect", &address, "-servername", "first.example"]);
            command.args([version, "-ign_eof", "-CAfile"]).arg(certificates().join("ca.pem"));
            command.args([option, session]).stderr(Stdio::null());
            command.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn().expect("openssl is installed");
            let mut input = child.stdin.take().expect("it is a pipe");
            input
                .write_all(b"GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .expect("it reads its input");
            let output = child.wait_with_output().expect("it ends");
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(text.contains(said), "{version} {option}: {text}");
            ends = [ends[0] + 1 - resumed, ends[1] + resumed, 0];
            assert_eq!(counted.ends(), ends, "{version} {option}");
        }
    }
}

#[test]
fn a_connection_that_ends_before_its_handshake_has_failed() {
    on_each_thread(|thread| {
        let limits = Limits { handshake_ms_max: 300, ..LIMITS };
        let counted = Counted::start(echo(thread, limits), &tls(&["first"]));
        let hello = || Sealed::new(client(&VERSIONS), "first.example").records();
        let mut failed = 0;
        let mut fails = |what: &str| {
            failed += 1;
            counted.await_ends(what, [0, 0, failed]);
        };
        let mut raw = counted.server.raw();
        raw.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        raw.read_rest();
        fails("plain HTTP");
        for version in VERSIONS {
            let mut raw = counted.server.raw();
            raw.secure(client(&[version]), "second.example").expect_err("that is another name");
            fails("an alert of the client");
            let mut raw = counted.server.raw();
            let mut config = client(&[version]);
            config.alpn_protocols = vec![b"h2".to_vec()];
            raw.secure(config, "first.example").expect_err("that is not served");
            fails("an alert of the server");
        }
        for len in [0, 10, hello().len()] {
            let mut raw = counted.server.raw();
            raw.send(&hello()[..len]);
            raw.read_rest();
            fails("the time is over");
            let mut raw = counted.server.raw();
            raw.send(&hello()[..len]);
            drop(raw);
            fails("the client has gone");
        }
    });
    let required = files_for_clients(&["first"], ClientCertificates::Required);
    let required = Tls::load(&required).expect("they can be used");
    let counted = Counted::start(echo(Thread::Own, LIMITS), &required);
    for (version, failed) in VERSIONS.into_iter().zip(1..) {
        let mut raw = counted.server.raw();
        // With 1.3, the client's own handshake is over before it knows.
        let _ = raw.secure(client(&[version]), "first.example");
        counted.await_ends("it has no certificate", [0, 0, failed]);
    }
}

/// A client with a quarter of the handshakes is refused, which is no handshake that has failed.
#[cfg(feature = "proxy")]
#[test]
fn a_client_with_too_many_handshakes_is_refused() {
    use switchboard::ProxyProtocol;

    let limits = Limits { handshakes_max: 8, sockets_per_ip_max: 100, ..LIMITS };
    let mut server = echo(Thread::Own, limits);
    server.trusted_proxies("127.0.0.1".parse().expect("it is a list"));
    server.proxy_protocol(ProxyProtocol::On);
    let counted = Counted::start(server, &tls(&["first"]));
    let begin = |client_ip: &str| {
        let mut raw = counted.server.raw();
        raw.send(format!("PROXY TCP4 {client_ip} 192.0.2.2 1 443\r\n").as_bytes());
        raw
    };
    let mut greedy: Vec<_> = (0..6).map(|_| begin("192.0.2.1")).collect();
    for raw in &mut greedy {
        raw.send(&Sealed::new(client(&VERSIONS), "first.example").records());
        raw.wait();
    }
    begin("192.0.2.1").expect_closed();
    let refused = counted.metrics().refused;
    let refused: Vec<_> = refused.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!((refused, counted.ends()), (vec![("handshakes", 1)], [0, 0, 0]));
    begin("192.0.2.9").secure(client(&VERSIONS), "first.example").expect("it is another address");
    drop(greedy);
    counted.await_ends("the others have gone", [1, 0, 6]);
}

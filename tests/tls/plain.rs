//! TLS where there is none, and none where there is TLS.

use log::LevelFilter;
use switchboard::Thread;

use crate::support::http::{get, upgrade};
use crate::support::logged::{keep, line_with};
use crate::support::services::mount_echo;
use crate::support::tls::{LOOPBACK, Sealed, VERSIONS, client, start_both, tls};
use crate::support::{LIMITS, Raw, on_each_thread, server_on};

#[test]
fn plain_http_on_the_port_of_tls_ends_and_the_log_says_so() {
    let _alone = keep(LevelFilter::Info);
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        mount_echo(&mut server, "/echo");
        let (_server, address) = start_both(server, &tls(&["first"]), &LOOPBACK, LOOPBACK[0]);
        for bytes in [get("/echo", ""), upgrade("/echo", ""), b"\r\n\r\n\r\n".to_vec()] {
            let mut raw = Raw::connect(address);
            let own = raw.stream().local_addr().expect("it has one");
            raw.send(&bytes);
            // A fatal alert (RFC 8446, 6), which a client of HTTP does not take for an answer.
            let alert = raw.read_to_end();
            assert_eq!((alert.len(), &alert[..2], alert[5]), (7, &[21, 3][..], 2), "{alert:?}");
            let line = line_with(&format!("peer={own}"));
            assert!(line.text.contains("what came is no TLS"), "{line:?}");
        }
    });
}

#[test]
fn tls_on_a_plain_port_ends_and_the_log_says_so() {
    let _alone = keep(LevelFilter::Info);
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        mount_echo(&mut server, "/echo");
        let (server, _) = start_both(server, &tls(&["first"]), &LOOPBACK, LOOPBACK[0]);
        for version in VERSIONS {
            let mut raw = server.raw();
            let own = raw.stream().local_addr().expect("it has one");
            raw.secure(client(&[version]), "first.example").expect_err("that is no TLS");
            drop(raw);
            let line = line_with(&format!("peer={own}"));
            assert!(line.text.contains("these are TLS bytes"), "{line:?}");
        }
    });
}

/// A connection that ends without a byte is that of a health check, and is not logged as a fault.
#[test]
fn a_connection_without_a_byte_is_no_fault() {
    let _alone = keep(LevelFilter::Info);
    let mut server = server_on(Thread::Own, LIMITS);
    mount_echo(&mut server, "/echo");
    let (_server, address) = start_both(server, &tls(&["first"]), &LOOPBACK, LOOPBACK[0]);
    let raw = Raw::connect(address);
    let silent = raw.stream().local_addr().expect("it has one");
    drop(raw);
    // A part of a hello is one.
    let mut raw = Raw::connect(address);
    let half = raw.stream().local_addr().expect("it has one");
    let mut sealed = Sealed::new(client(&VERSIONS), "first.example");
    raw.send(&sealed.records()[..100]);
    raw.end_writing();
    raw.read_to_end();
    let line = line_with(&format!("peer={half}"));
    assert!(line.text.contains("ended the connection within a record"), "{line:?}");
    let lines = crate::support::logged::lines_with(&format!("peer={silent}"));
    assert!(lines.iter().all(|line| line.level > log::Level::Info), "{lines:?}");
}

//! Peers that want to keep operators from an answer.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use switchboard::Server;

use super::support::http::get;
use super::support::services::mount_echo;
use super::support::{LIMITS, Raw};
use super::{ask_unix, check, post, start_both, tcp};
use crate::support::folder::socket_path;

/// The kernel keeps about 200 KB for a Unix socket.
#[test]
fn who_reads_nothing_keeps_no_place() {
    let path = socket_path("unread");
    let mut server = Server::new(LIMITS);
    (0..1_000).for_each(|number| mount_echo(&mut server, &format!("/service-{number}")));
    let (_server, _) = start_both(server, &path);
    let page = ask_unix(&path, &get("/metrics", ""));
    assert!(page.body.len() > 500_000, "{} bytes", page.body.len());
    let unread: Vec<_> = (0..16)
        .map(|_| {
            let mut raw = Raw::connect_unix(&path);
            raw.send(&get("/metrics", ""));
            raw.wait();
            raw
        })
        .collect();
    check(&ask_unix(&path, &get("/healthz", "")), 200, "ok\n");
    // One that is read is whole.
    check(&ask_unix(&path, &get("/metrics", "")), 200, "service=\"/service-999\"");
    drop(unread);
}

#[test]
fn who_sends_without_end_delays_nobody() {
    let path = socket_path("endless");
    let (_server, address) = start_both(Server::new(LIMITS), &path);
    let senders: Vec<_> = (0..3)
        .map(|_| {
            let mut raw = tcp(&address);
            raw.send(b"GET / HTTP/1.1\r\n\r\n");
            raw.wait();
            thread::spawn(move || while raw.try_send(&[b'x'; 65_536]) {})
        })
        .collect();
    for _ in 0..20 {
        check(&ask_unix(&path, &get("/healthz", "")), 200, "ok\n");
    }
    senders.into_iter().for_each(|sender| sender.join().expect("the server ends it"));
}

/// Each new connection replaces another one, so that there is always a place.
#[test]
fn who_connects_without_end_delays_nobody() {
    let path = socket_path("flood");
    let (_server, address) = start_both(Server::new(LIMITS), &path);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    // The system may be short of ports.
                    let Ok(mut stream) = TcpStream::connect(&address) else { continue };
                    let _ = stream.write_all(b"x\r\n\r\n");
                }
            });
        }
        for _ in 0..20 {
            check(&ask_unix(&path, &get("/healthz", "")), 200, "ok\n");
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

/// Over TCP everybody may connect.
#[test]
fn who_comes_over_tcp_replaces_nobody_of_a_unix_socket() {
    let path = socket_path("displaced");
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    let (_server, address) = start_both(server, &path);
    let mut raw = Raw::connect_unix(&path);
    let request = post("/send?service=/echo&to=*", "", b"late");
    let (head, content) = request.split_at(request.len() - 4);
    raw.send(head);
    let silent: Vec<_> = (0..50).map(|_| tcp(&address)).collect();
    check(&ask_unix(&path, &get("/healthz", "")), 200, "ok\n");
    raw.send(content);
    check(&raw.read_answer(), 202, "{\"sockets\":0}\n");
    drop(silent);
}

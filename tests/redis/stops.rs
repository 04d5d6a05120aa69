//! A host is stopped and goes on, as by a debugger or `docker pause`: its connections stand, so
//! nothing is lost.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::binary::{open, start};
use super::judge::Record;
use super::support::Raw;
use super::support::binary::Binary;
use super::support::folder::socket_path;
use super::support::several::signal;
use super::support::tls::certificates;
use super::support::until;
use super::{Redis, read_all};

#[test]
fn a_host_that_is_stopped_for_a_moment_misses_nothing() {
    let [chain, key, ca] =
        ["first.pem", "first.key", "ca.pem"].map(|name| certificates().join(name));
    let [port, tls_port] = [(); 2].map(|()| Redis::free_port().to_string());
    let words = ["--port", &port, "--tls-port", &tls_port, "--tls-auth-clients", "no"];
    let files = ["--tls-cert-file", "first.pem", "--tls-key-file", "first.key"];
    let authority = ["--tls-ca-cert-file", "ca.pem"];
    let words = [&words[..], &files, &authority].concat();
    let redis = Redis::start_beside(&words, &[&chain, &key, &ca]);
    for (kind, url) in [
        ("unix", redis.url()),
        ("tcp", format!("redis://127.0.0.1:{port}")),
        ("tls", format!("rediss://localhost:{tls_port}\nca-file: {}", ca.display())),
    ] {
        // What comes meanwhile has to fit the queue, however long a busy machine takes.
        let section = format!("[backplane]\nurl: {url}\nprefix: {kind}\nqueue: 256m");
        // On a busy machine Redis itself may be late once, and a host connects again.
        let misses_nothing = |_| stop_both(&redis, kind, &section);
        assert!((0..TRIES).any(misses_nothing), "{kind}");
    }
}

/// Has one host send to the other, while either is stopped and goes on. Returns whether nothing is
/// missing, and no gap has come.
fn stop_both(redis: &Redis, kind: &str, section: &str) -> bool {
    let admins = ["one", "two"].map(|name| socket_path(&format!("{kind}-{name}")));
    let [(one, _one_lines), (two, _two_lines)] = admins.each_ref().map(|admin| {
        let name = admin.file_name().expect("it has one").to_string_lossy();
        start(&name, 1, &format!("admin: unix:{}\n{section}", admin.display()))
    });
    redis.wait_for_subscribers(&format!("{kind}:all"), 2);
    let mut far = Record::of(read_all(open(&two)));
    let (sent, has_ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (counter, ends, mut raw) = (sent.clone(), has_ended.clone(), open(&one));
    let sender = thread::spawn(move || {
        while !ends.load(Ordering::SeqCst) {
            let text = counter.load(Ordering::SeqCst).to_string();
            raw.send_text(&text);
            assert_eq!(raw.read_text(), text);
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    let until_more = |len: usize, far: &mut Record| {
        let end = sent.load(Ordering::SeqCst) + len;
        until("more is sent", || sent.load(Ordering::SeqCst) >= end);
        until("it comes", || far.last() >= Some(end as u64));
    };
    for _ in 0..ROUNDS {
        until_more(1, &mut far);
        stop(&one);
        signal(&one.pid(), "CONT");
        until_more(1, &mut far);
        stop(&two);
        let end = sent.load(Ordering::SeqCst) + 20;
        until("more is sent", || sent.load(Ordering::SeqCst) >= end);
        signal(&two.pid(), "CONT");
    }
    has_ended.store(true, Ordering::SeqCst);
    sender.join().expect("each comes back");
    let last = sent.load(Ordering::SeqCst) as u64 - 1;
    until("the last has come", || far.last() == Some(last));
    let has_no_gap = |admin: &PathBuf| {
        let mut raw = Raw::connect_unix(admin);
        raw.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        raw.read_answer().text().contains("switchboard_backplane_gaps_total 0\n")
    };
    far.missing() == Some(0) && admins.iter().all(has_no_gap)
}

/// Stops a process, and waits until it has.
fn stop(server: &Binary) {
    signal(&server.pid(), "STOP");
    let stat = format!("/proc/{}/stat", server.pid());
    until("it has stopped", || fs::read_to_string(&stat).is_ok_and(|text| text.contains(") T ")));
}

const ROUNDS: usize = 10;
const TRIES: usize = 4;

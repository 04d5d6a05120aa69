//! Limits for each address, over real sockets in a network of its own, in which a client has any
//! number of addresses.

#![cfg(feature = "host")]

mod support;

use std::env;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Instant;

use switchboard::limits::Rate;
use switchboard::{Limits, Server};

use support::raw::{TEXT, frame};
use support::services::mount_probe;
use support::{LIMITS, Running, connect};

/// The result of a request for a socket.
#[derive(Debug)]
enum Outcome {
    Open(TcpStream),
    /// The head of the answer.
    Refused(String),
    /// There was no answer.
    Dropped,
}

#[test]
fn a_network_of_ipv6_has_the_sockets_of_one_address() {
    if !is_within("a_network_of_ipv6_has_the_sockets_of_one_address") {
        return;
    }
    let server = start(Limits { sockets_per_ip_max: 8, connection_rate: None, ..LIMITS });
    let mut open = Vec::new();
    for number in 1..=ADDRESSES {
        match ask(&server, &format!("2001:db8:0:1::{number:x}")) {
            Outcome::Open(stream) => open.push(stream),
            Outcome::Refused(head) => assert!(head.starts_with("HTTP/1.1 503 "), "{head}"),
            Outcome::Dropped => {}
        }
    }
    assert_eq!(open.len(), 8);
    // Other networks have their own sockets, IPv4 has those of its address, loopback any number.
    for (ip, len) in [("2001:db8:0:2::1", 8), ("192.0.2.1", 8), ("192.0.2.2", 8), ("::1", 20)] {
        open.extend((0..len).map(|_| match ask(&server, ip) {
            Outcome::Open(stream) => stream,
            other => panic!("{ip}: {other:?}"),
        }));
        let one_more = ask(&server, ip);
        assert_eq!(matches!(one_more, Outcome::Open(_)), ip == "::1", "{ip}: {one_more:?}");
    }
    // All of them are served.
    open.iter_mut().for_each(|stream| assert_eq!(say(stream, "here"), b"here"));
}

#[test]
fn who_connects_too_often_is_refused_and_then_closed() {
    if !is_within("who_connects_too_often_is_refused_and_then_closed") {
        return;
    }
    // Its burst comes back in so long a time that no machine is as slow.
    let rate = Rate { per_s: 1, burst: 400 };
    let connection_rate = Some(rate);
    let server = start(Limits { sockets_per_ip_max: Limits::OFF_COUNT, connection_rate, ..LIMITS });
    let begun = Instant::now();
    let (mut open, mut told, mut dropped) = (0, 0, 0);
    for number in 1..=ADDRESSES {
        match ask(&server, &format!("2001:db8:0:1::{number:x}")) {
            Outcome::Open(_) => open += 1,
            Outcome::Refused(head) => {
                assert!(head.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{head}");
                assert!(head.contains("\r\nRetry-After: 1\r\n"), "{head}");
                told += 1;
            }
            Outcome::Dropped => dropped += 1,
        }
    }
    let most = 400 + begun.elapsed().as_secs() + 1;
    assert!((400..=most).contains(&open), "{open} of {most}, {told} told, {dropped} dropped");
    let refused = u64::from(ADDRESSES) - open;
    assert_eq!((told, dropped), (refused.min(16), refused.saturating_sub(16)));
    // Others have their own rate, and loopback has none.
    for (ip, len) in [("2001:db8:0:2::1", 20), ("192.0.2.1", 20), ("127.0.0.1", 500)] {
        for _ in 0..len {
            let outcome = ask(&server, ip);
            assert!(matches!(outcome, Outcome::Open(_)), "{ip}: {outcome:?}");
        }
    }
}

/// There are fewer sockets than one address may have.
#[test]
fn the_last_quarter_of_the_sockets_is_for_others() {
    if !is_within("the_last_quarter_of_the_sockets_is_for_others") {
        return;
    }
    for sockets_max in [4, 8] {
        let server = start(Limits { sockets_max, connection_rate: None, ..LIMITS });
        let mut open = Vec::new();
        for number in 1..=40 {
            match ask(&server, &format!("2001:db8:0:1::{number:x}")) {
                Outcome::Open(stream) => open.push(stream),
                Outcome::Refused(head) => assert!(head.starts_with("HTTP/1.1 503 "), "{head}"),
                Outcome::Dropped => {}
            }
        }
        assert_eq!(open.len(), sockets_max - sockets_max / 4);
        for ip in ["192.0.2.1", "2001:db8:0:2::1"].iter().cycle().take(sockets_max / 4) {
            match ask(&server, ip) {
                Outcome::Open(stream) => open.push(stream),
                other => panic!("{ip}: {other:?}"),
            }
        }
        let one_more = ask(&server, "::1");
        assert!(!matches!(one_more, Outcome::Open(_)), "all have been taken: {one_more:?}");
        open.iter_mut().for_each(|stream| assert_eq!(say(stream, "here"), b"here"));
    }
}

#[test]
fn the_last_quarter_of_the_topics_is_for_others() {
    if !is_within("the_last_quarter_of_the_topics_is_for_others") {
        return;
    }
    let limits = Limits { topics_max: 8, topics_per_socket_max: 2, ..LIMITS };
    let server = start(Limits { connection_rate: None, ..limits });
    let open = |ip: &str| match ask(&server, ip) {
        Outcome::Open(stream) => stream,
        other => panic!("{ip}: {other:?}"),
    };
    let mut resident = open("192.0.2.2");
    assert_eq!(say(&mut resident, "topic mine"), b"topic mine");
    let (mut streams, mut taken, mut closed) = (Vec::new(), 0, 0);
    for number in 1..=20 {
        let mut stream = open(&format!("2001:db8:0:1::{number:x}"));
        for topic in [2 * number, 2 * number + 1].map(|topic| format!("topic {topic}")) {
            let answer = say(&mut stream, &topic);
            if answer == topic.as_bytes() {
                taken += 1;
                continue;
            }
            assert!(answer.starts_with(&1013_u16.to_be_bytes()), "{answer:?}");
            let reason = String::from_utf8_lossy(&answer[2..]);
            assert!(
                reason.contains("max-topics is near, and this address has a quarter"),
                "{reason}"
            );
            closed += 1;
            break;
        }
        // It keeps its topics.
        streams.push(stream);
    }
    assert_eq!((taken, closed), (5, 18), "the sixth is in the last quarter");
    // Others make the last, and are not closed.
    let mut newcomer = open("192.0.2.1");
    for topic in ["topic lobby", "topic mine"] {
        assert_eq!(say(&mut newcomer, topic), topic.as_bytes());
    }
    assert_eq!(say(&mut resident, "topic second"), b"topic second");
}

/// A server that listens on all addresses of both families. Its service sends every message back,
/// and subscribes to those that name a topic.
fn start(limits: Limits) -> Running {
    let mut server = Server::new(limits);
    mount_probe(&mut server, "/echo", |peer, message| {
        if let Some(text) = message.as_text().filter(|text| text.starts_with("topic ")) {
            peer.subscribe(text);
        }
        peer.send(message);
    });
    Running::start_at(server, "[::]:0".parse().expect("it is an address"))
}

/// Sends a message. Returns the payload of the next frame.
fn say(stream: &mut TcpStream, text: &str) -> Vec<u8> {
    stream.write_all(&frame(TEXT, text.as_bytes())).expect("it is open");
    let mut header = [0; 2];
    stream.read_exact(&mut header).expect("it is answered");
    let mut payload = vec![0; usize::from(header[1])];
    stream.read_exact(&mut payload).expect("it is answered");
    payload
}

/// Asks for a socket from an address, which is that of the server, too: the system connects an
/// address of its own from the same one.
fn ask(server: &Running, ip: &str) -> Outcome {
    let address = SocketAddr::new(ip.parse().expect("it is one"), server.address().port());
    let mut stream = connect(address);
    let own = stream.local_addr().expect("it has one");
    assert_eq!(own.ip(), address.ip(), "this network connects from elsewhere");
    // It may have been closed already.
    let _ = stream.write_all(
        b"GET /echo HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ if head.is_empty() => return Outcome::Dropped,
            other => panic!("{other:?} after {head:?}"),
        }
    }
    let head = String::from_utf8(head).expect("a head is text");
    if head.starts_with("HTTP/1.1 101 ") { Outcome::Open(stream) } else { Outcome::Refused(head) }
}

/// Whether this process has a network of its own. If not, the test is run again in one, if the
/// system allows that.
fn is_within(test: &str) -> bool {
    if env::var_os(WITHIN).is_some() {
        return true;
    }
    let unshare = ["unshare", "--net", "--map-root-user"];
    let can = Command::new(unshare[0]).args(&unshare[1..]).args(["ip", "link"]).output();
    if !can.as_ref().is_ok_and(|output| output.status.success()) {
        println!("skipped: `{} ip link` gives {can:?}", unshare.join(" "));
        return false;
    }
    let mut addresses = String::from("link set lo up\n");
    for number in 1..=ADDRESSES {
        addresses += &format!("addr add 2001:db8:0:1::{number:x}/128 dev lo nodad\n");
    }
    for ip in ["2001:db8:0:2::1/128", "192.0.2.1/32", "192.0.2.2/32"] {
        addresses += &format!("addr add {ip} dev lo\n");
    }
    let mut child = Command::new(unshare[0])
        .args(&unshare[1..])
        .args(["sh", "-c", "ip -batch - && exec \"$@\"", "sh"])
        .arg(env::current_exe().expect("it is known"))
        .args(["--exact", test, "--nocapture"])
        .env(WITHIN, "yes")
        .stdin(Stdio::piped())
        .spawn()
        .expect("it has been started before");
    // It reads to the end of that.
    let mut stdin = child.stdin.take().expect("it is a pipe");
    stdin.write_all(addresses.as_bytes()).expect("it is read");
    drop(stdin);
    let status = child.wait().expect("it is a child");
    assert!(status.success(), "{test} in a network of its own: {status}");
    false
}

/// A variable of the environment.
const WITHIN: &str = "SWITCHBOARD_TEST_NETWORK";
/// How many addresses of one network there are.
const ADDRESSES: u16 = 592;

//! Each request that is refused or fails has one log line: the request, what was found, what is
//! allowed, and which key or rule that is.

#![cfg(feature = "host")]

mod support;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};

use log::{Level, LevelFilter};
use switchboard::hub::{FilePolicy, Hub, ListenerTraits, Reach};
#[cfg(feature = "programs")]
use switchboard::programs::{Mode, ProgramOptions};
use switchboard::session::Next;
use switchboard::time::Time;
use switchboard::{
    AccessLog, Gate, Handler, Limits, Request, Response, Server, Status, Thread, Verdict, gated,
};

use support::folder::folder;
#[cfg(feature = "programs")]
use support::folder::{programs, write};
use support::http::{get, upgrade};
use support::logged::{Line, forget, keep, line_with, lines_with};
use support::raw::close;
use support::services::mount_echo;
use support::{LIMITS, Raw, Running};

/// Refuses each peer, with a confidential text.
struct Shut;

impl Handler for Shut {}

impl Gate for Shut {
    fn admit(&mut self, _: &Request) -> Verdict {
        Verdict::Refuse(Response::text(Status::FORBIDDEN, "your secret is hushhush"))
    }
}

/// Lets each peer wait for as long as there is a sender.
struct Shy(Arc<Mutex<Receiver<()>>>);

impl Handler for Shy {}

impl Gate for Shy {
    fn admit(&mut self, _: &Request) -> Verdict {
        _ = self.0.lock().expect("nothing panics").recv();
        Verdict::Refuse(Response::text(Status::FORBIDDEN, "it is too late"))
    }
}

/// A request, the status of its answer, and what its line says in this order.
type Row = (Vec<u8>, u16, &'static [&'static str]);

fn targets() -> Vec<Row> {
    vec![
        (
            upgrade("/same?token=hushhush", "Origin: http://evil.example\r\n"),
            403,
            &[
                "method=\"GET\" path=\"/same\" status=403",
                "the origin http://evil.example",
                "of localhost: origin is same; ",
                "set origin: same, http://evil.example",
            ],
        ),
        (
            b"GET /same HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_vec(),
            421,
            &[
                "path=\"/same\" status=421",
                "the Host evil.example",
                "allowed-hosts is auto",
                "set allowed-hosts: auto, evil.example",
            ],
        ),
        (
            b"GET /same HTTP/1.0\r\nSec-WebSocket-Key: a\r\n\r\n".to_vec(),
            426,
            &["path=\"/same\" status=426", "this is HTTP/1.0", "found no Upgrade"],
        ),
        (
            b"POST /same?a HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
            405,
            &[
                "method=\"POST\" path=\"/same\" status=405",
                "is POST, allowed is GET, HEAD, OPTIONS",
            ],
        ),
        (
            get("/nothing", ""),
            404,
            &["path=\"/nothing\" status=404", "static-root has no file there: No such file"],
        ),
        (
            upgrade("/nothing?token=hushhush", ""),
            404,
            &["path=\"/nothing\" status=404", "no service is at /nothing"],
        ),
        (
            get("/out.txt", ""),
            404,
            &["path=\"/out.txt\" status=404", "a link leads to", "/out.txt", "out of static-root"],
        ),
        (
            get("/a/.git/config?token=hushhush", ""),
            404,
            &["path=\"/a/.git/config\" status=404", "begins with a dot"],
        ),
        (get("/a%2fb", ""), 404, &["status=404", "encoded slashes"]),
        (get("/%zz", ""), 400, &["path=\"/%zz\" status=400", "broken percent-encoding"]),
        (get("/same", ""), 426, &["status=426", "a WebSocket service without a page"]),
        (upgrade("/shut", ""), 403, &["path=\"/shut\" status=403", "the gate of /shut"]),
        (get("/%e2%80%8bdeceptive%e2%80%ae", ""), 404, &[r"/\u{200b}deceptive\u{202e}"]),
    ]
}

/// Values that are cut in the log.
fn long_values() -> Vec<Row> {
    let long = "x".repeat(300);
    vec![
        (
            format!("GET /same HTTP/1.1\r\nHost: {long}\r\n\r\n").into_bytes(),
            421,
            &["path=\"/same\" status=421", "the Host xxxx", "allowed-hosts: auto, xxxx"],
        ),
        (
            format!("{long} /same HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes(),
            405,
            &["xxxx\" path=\"/same\" status=405", "the method is xxxx", "x, allowed is GET"],
        ),
        (upgrade("/same", &format!("Origin: {long}\r\n")), 403, &["status=403", "origin xxxxx"]),
        (
            get(&format!("/{long}"), ""),
            404,
            &["xxxx\" status=404", "static-root has no file there"],
        ),
    ]
}

fn heads() -> Vec<Row> {
    let line = "y".repeat(9_000);
    let many = "A: b\r\n".repeat(101);
    let host = "GET /same HTTP/1.1\r\nHost: localhost\r\n";
    let shaken = |more: &str| format!("{host}Upgrade: websocket\r\n{more}\r\n").into_bytes();
    let version = "Connection: upgrade\r\nSec-WebSocket-Version: 8\r\n";
    vec![
        (shaken(""), 400, &["path=\"/same\" status=400", "found no Connection"]),
        (shaken(version), 426, &["status=426", "Sec-WebSocket-Version must be 13", r#"\"8\""#]),
        (
            shaken("Connection: upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: a\r\n"),
            400,
            &["status=400", "Sec-WebSocket-Key", "16 bytes in base64", r#"\"a\""#],
        ),
        (
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
            400,
            &[" path=\"\" status=400", "TLS bytes", "plain HTTP"],
        ),
        (b"PROXY UNKNOWN\r\n".to_vec(), 400, &["the PROXY protocol", "set proxy-protocol"]),
        (b"\r\n\r\n\0\r\nQUIT\n".to_vec(), 400, &["the PROXY protocol", "set proxy-protocol"]),
        (b"GET /a?b HTTP/1.1\r\n\r\n".to_vec(), 400, &["method=\"GET\" path=\"/a\"", "Host"]),
        (
            b"GET /same HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
            400,
            &["method=\"GET\" path=\"/same\" status=400", "Transfer-Encoding"],
        ),
        (
            b"POST /same HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(),
            405,
            &["method=\"POST\" path=\"/same\" status=405", "the method is POST"],
        ),
        (
            b"GET http://u:hush@a/b?token=hushhush HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
            400,
            &["path=\"http://a/b\" status=400", "a user"],
        ),
        (b"GET /same\r\n\r\n".to_vec(), 400, &["status=400", "end in HTTP/1.1 or HTTP/1.0"]),
        (
            b"GET /same HTTP/1.0\n\n".to_vec(),
            400,
            &["path=\"/same\" status=400", "a line feed without a carriage return"],
        ),
        (
            get("/same", "Host: a\r\n"),
            400,
            &["path=\"/same\" status=400", "the Host header is there more than once"],
        ),
        (
            format!("GET /{line} HTTP/1.1\r\n\r\n").into_bytes(),
            414,
            &["method=\"GET\" path=\"\" status=414", "8192 bytes (max-request-line)"],
        ),
        (get("/same", &many), 431, &["status=431", "more than 100 headers (max-headers)"]),
        (
            get("/same", &format!("A: {line}{line}\r\n")),
            431,
            &["status=431", "above 16384 bytes (max-head)"],
        ),
        (
            b"GET /\x1b[2J\xe2 HTTP/1.1\r\n\r\n".to_vec(),
            400,
            &["method=\"GET\" path=\"\" status=400", "request target"],
        ),
    ]
}

fn server(limits: Limits, access: AccessLog) -> Server {
    let mut server = Server::new(limits);
    server.access_log(access);
    mount_echo(&mut server, "/same");
    server.mount("/shut", || gated(Shut));
    server
}

/// A connection, after the lines of earlier ones were dropped.
fn connect(server: &Running) -> Raw {
    forget();
    server.raw()
}

/// The one line of a connection, once it has ended.
fn line_of(raw: Raw) -> Line {
    let peer = format!("peer={} ", raw.stream().local_addr().expect("it has one"));
    drop(raw);
    let line = line_with(&peer);
    assert_eq!(lines_with(&peer).len(), 1, "one line is enough: {line:?}");
    line
}

#[test]
fn each_refusal_has_a_line_that_says_why() {
    let _alone = keep(LevelFilter::Debug);
    let place = folder("refusals");
    fs::create_dir(place.join("root")).expect("it can be made");
    fs::write(place.join("out.txt"), "outside").expect("it can be written");
    symlink(place.join("out.txt"), place.join("root/out.txt")).expect("it can be made");
    let mut server = server(LIMITS, AccessLog::Sockets);
    server.static_root(place.join("root"));
    let server = Running::start(server);
    for (request, status, parts) in targets().into_iter().chain(long_values()).chain(heads()) {
        let shown = String::from_utf8_lossy(&request).chars().take(80).collect::<String>();
        let mut raw = connect(&server);
        raw.try_send(&request);
        assert_eq!(raw.read_answer().status, status, "{shown:?}");
        let Line { level, target, text, fields } = line_of(raw);
        assert_eq!((level, target.as_str()), (Level::Info, "switchboard::access"), "{text}");
        let mut rest = text.as_str();
        for part in parts {
            let at = rest.find(part);
            rest = &rest[at.unwrap_or_else(|| panic!("no {part:?} in {text} to {shown:?}"))..];
        }
        assert!(!text.contains("hushhush"), "neither queries nor what gates say: {text}");
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(!text.contains(&"x".repeat(201)), "what peers send is cut: {text}");
        assert!(fields.starts_with("event=request refused;socket="), "{fields}");
        assert!(fields.contains(&format!(";status={status};reason=")), "{fields}");
    }
    server.stop();
}

#[test]
fn what_never_becomes_a_request() {
    let _alone = keep(LevelFilter::Debug);
    let limits = Limits { handshake_ms_max: 200, ..LIMITS };
    let server = Running::start(server(limits, AccessLog::Sockets));
    // A TCP health check is logged at debug only.
    let silent = line_of(connect(&server));
    assert_eq!(silent.level, Level::Debug, "{silent:?}");
    // RFC 9110, 15.5.9: a 408 may be sent; a browser that connects in advance gets none.
    let mut raw = connect(&server);
    raw.expect_end();
    let silent = line_of(raw);
    assert_eq!(silent.level, Level::Debug, "{silent:?}");
    assert!(silent.text.contains("no request was sent"), "{silent:?}");
    let mut raw = connect(&server);
    raw.send(b"GET /same?secret HTTP/1.1\r\nHost: ");
    assert_eq!(raw.read_answer().status, 408);
    let late = line_of(raw);
    assert_eq!(late.level, Level::Info);
    let parts = ["method=\"GET\" path=\"/same\" status=408", "200 ms (handshake-timeout)"];
    assert!(parts.iter().all(|part| late.text.contains(part)), "{late:?}");
    let mut raw = connect(&server);
    raw.send(b"GET /same");
    let early = line_of(raw);
    assert_eq!(early.level, Level::Info);
    assert!(early.text.contains("left before it was answered"), "{early:?}");
    server.stop();
}

#[test]
fn a_peer_that_leaves_while_it_waits() {
    let _alone = keep(LevelFilter::Debug);
    let (sender, receiver) = channel();
    let receiver = Arc::new(Mutex::new(receiver));
    let mut server = server(LIMITS, AccessLog::Sockets);
    server.mount("/shy", move || gated(Shy(Arc::clone(&receiver)))).thread(Thread::Own);
    let server = Running::start(server);
    let mut raw = connect(&server);
    raw.send(&upgrade("/shy?token=hushhush", ""));
    let line = line_of(raw);
    drop::<Sender<()>>(sender);
    let words = "method=\"GET\" path=\"/shy\" reason=\"the peer left before it was answered\"";
    assert!(line.text.contains(words), "{line:?}");
    server.stop();
}

/// An answer that has not arrived has the reason of that in its line, and a refusal its own.
#[test]
fn what_has_not_arrived_says_why() {
    let _alone = keep(LevelFilter::Debug);
    let place = folder("unread");
    fs::write(place.join("small"), "small").expect("it can be written");
    let large = fs::File::create(place.join("large")).expect("it can be made");
    large.set_len(256 << 20).expect("it takes no blocks");
    let start = |limits| {
        let mut server = server(limits, AccessLog::All);
        server.static_root(&place);
        Running::start(server)
    };
    let hasty = start(Limits { write_ms_max: 50, close_ms_max: 50, ..LIMITS });
    let patient = start(LIMITS);
    let slow = "status=200 reason=\"the peer reads too slowly (write-timeout)\"";
    let stays = "status=200 reason=\"the peer does not close (close-timeout)\"";
    for (path, part) in
        [("/large", slow), ("/small", stays), ("/nothing", "status=404 reason=\"static-root has")]
    {
        let mut raw = connect(&hasty);
        raw.send(&get(path, ""));
        let line = line_with(&format!("path=\"{path}\" "));
        assert!(line.text.contains(part), "{line:?}");
    }
    let mut raw = connect(&patient);
    raw.send(&get("/large", ""));
    assert_eq!(raw.read_head().status, 200);
    rustix::net::sockopt::set_socket_linger(raw.stream(), Some(std::time::Duration::ZERO))
        .expect("it can be set");
    let line = line_of(raw);
    assert!(line.text.contains("status=200 reason=\"the peer reset the connection\""), "{line:?}");
    let mut raw = connect(&patient);
    raw.send(&get("/small", ""));
    assert_eq!(raw.read_answer().status, 200);
    let line = line_of(raw);
    assert!(line.text.contains("status=200 reason=\"page\""), "{line:?}");
    [hasty, patient].into_iter().for_each(Running::stop);
}

#[test]
fn access_lines_have_a_switch() {
    let _alone = keep(LevelFilter::Debug);
    let rows = [
        (AccessLog::All, [true, true, true]),
        (AccessLog::Sockets, [true, true, false]),
        (AccessLog::Off, [false, false, false]),
    ];
    for (access, expected) in rows {
        forget();
        let place = folder("switched");
        fs::write(place.join("a.txt"), "a").expect("it can be written");
        let mut server = server(LIMITS, access);
        server.static_root(place);
        let server = Running::start(server);
        let mut socket = server.open("/same");
        socket.send(&close(1000, ""));
        socket.read_close();
        let mut refused = server.raw();
        refused.send(&get("/nothing", ""));
        assert_eq!(refused.read_answer().status, 404);
        let mut answered = server.raw();
        answered.send(&get("/a.txt", ""));
        assert_eq!(answered.read_answer().status, 200);
        let all = [socket, refused, answered];
        let peers = all.each_ref().map(|raw| raw.stream().local_addr().expect("it has one"));
        drop(all);
        // After the stop, all lines have been logged.
        server.stop();
        let found = peers.map(|peer| !lines_with(&format!("peer={peer} ")).is_empty());
        assert_eq!(found, expected, "{access:?}");
    }
}

/// The peer gets a 404, or a 500 without the reason.
#[cfg(feature = "programs")]
#[test]
fn a_program_that_is_not_served_says_why() {
    let _alone = keep(LevelFilter::Debug);
    let waits = "#!/bin/sh\nread line\n";
    let all = ["slow.sh", "two.sh", "two.py"].map(|name| (name, waits));
    let place = programs("refused", &all);
    write(&place, "plain.sh", waits, "644");
    write(&place, "bad", "#!/no/such/interpreter\n", "755");
    let outside = programs("outside", &[("out.sh", waits)]);
    symlink(outside.join("out.sh"), place.join("out.sh")).expect("it can be made");
    let mut server = Server::new(LIMITS);
    let options = ProgramOptions { mode: Mode::Lines, processes_max: 1, ..ProgramOptions::SHARED };
    server.document_root(&place).program_options(options);
    let server = Running::start(server);
    let _member = server.open("/slow");
    let rows = [
        ("/slow", 503, Level::Info, "max-processes is 1, and as many are in use"),
        ("/out", 404, Level::Info, "a link leads out of the document root, to "),
        ("/plain", 500, Level::Warn, "is not executable: chmod +x makes it so"),
        ("/two", 500, Level::Warn, "two.py and two.sh are executable, and only one"),
        ("/bad", 500, Level::Warn, "the program does not start: "),
    ];
    for (path, status, expected, part) in rows {
        let mut raw = connect(&server);
        raw.send(&upgrade(path, ""));
        assert_eq!(raw.read_answer().status, status, "{path}");
        let Line { level, text, .. } = line_of(raw);
        assert!(text.contains(&format!("path={path:?} status={status} reason=")), "{text}");
        assert!(text.contains(part), "{text}");
        assert_eq!(level, expected, "{text}");
    }
}

/// A hub with simulated time and peers.
struct Rig {
    #[expect(dead_code, reason = "it is held")]
    alone: MutexGuard<'static, ()>,
    hub: Hub,
    now: Time,
}

impl Rig {
    fn new(limits: Limits) -> Self {
        let alone = keep(LevelFilter::Debug);
        Self { alone, hub: Hub::new(limits, FilePolicy::None, Time::ZERO), now: Time::ZERO }
    }

    /// A peer requests a path without a service, and leaves.
    fn ask(&mut self, peer: SocketAddr) {
        let Some(id) = self.hub.accept(Some(peer), ListenerTraits::plain(Reach::Network), self.now)
        else {
            return;
        };
        self.hub.receive(id, &mut get("/nothing", ""), self.now);
        let len = self.hub.unsent_len(id);
        assert_ne!(self.hub.wrote(id, len, self.now), Next::Keep);
        self.hub.remove(id, self.now);
        while self.hub.poll().is_some() {}
    }
}

#[test]
fn a_limit_is_named_with_the_address() {
    let limits = Limits { sockets_per_ip_max: 2, sockets_max: 3, ..LIMITS };
    let mut rig = Rig::new(limits);
    let peer = |host, port| SocketAddr::from(([192, 0, 2, host], port));
    for (host, port) in [(7, 1), (7, 2)] {
        rig.hub
            .accept(Some(peer(host, port)), ListenerTraits::plain(Reach::Network), rig.now)
            .expect("there is space");
    }
    rig.ask(peer(7, 3));
    rig.hub
        .accept(Some(peer(8, 1)), ListenerTraits::plain(Reach::Network), rig.now)
        .expect("there is space");
    rig.ask(peer(8, 2));
    let rows = [
        ("peer=192.0.2.7:3 ", "max-per-ip is 2, and 192.0.2.7 has"),
        ("peer=192.0.2.8:2 ", "max-connections is 3"),
    ];
    for (peer, part) in rows {
        let line = line_with(peer);
        assert!(line.text.contains("status=503"), "{line:?}");
        assert!(line.text.contains(part), "{line:?}");
    }
    // A connection without a request is logged as well, and so is one that is dropped at once.
    let silent = rig
        .hub
        .accept(Some(peer(8, 3)), ListenerTraits::plain(Reach::Network), rig.now)
        .expect("there is space to refuse it");
    rig.hub.remove(silent, rig.now);
    for host in 9..=9 + u8::try_from(Limits::REFUSALS_MAX).expect("they are few") {
        rig.hub.accept(Some(peer(host, 4)), ListenerTraits::plain(Reach::Network), rig.now);
    }
    let dropped = format!("peer=192.0.2.{}:4 ", 9 + Limits::REFUSALS_MAX);
    for peer in ["peer=192.0.2.8:3 ", &dropped] {
        let line = line_with(peer);
        assert_eq!(line.level, Level::Info, "{line:?}");
        assert!(line.text.contains("max-connections is 3"), "{line:?}");
    }
}

/// An answer to such a connection would need a handshake.
#[test]
#[cfg(feature = "tls")]
fn a_tls_connection_that_is_dropped_is_logged() {
    use switchboard::ws::Transport;

    let listener =
        ListenerTraits { transport: Transport::Secure, ..ListenerTraits::plain(Reach::Network) };
    let peer = |host, port| Some(SocketAddr::from(([192, 0, 2, host], port)));
    let mut rig = Rig::new(Limits { handshakes_max: 4, sockets_max: 8, ..LIMITS });
    let ids = [1, 2, 3].map(|port| rig.hub.accept(peer(7, port), listener, rig.now));
    let failed = ids[0].expect("there is space");
    assert_eq!(rig.hub.accept(peer(7, 4), listener, rig.now), None);
    assert!(rig.hub.accept(peer(8, 1), listener, rig.now).is_some());
    let plain = ListenerTraits::plain(Reach::Network);
    for host in 11..=14 {
        assert!(rig.hub.accept(peer(host, 1), plain, rig.now).is_some());
    }
    assert_eq!(rig.hub.accept(peer(10, 1), listener, rig.now), None);
    rig.hub.respond(failed, &Response::text(Status::FORBIDDEN, "no"), rig.now);
    assert_eq!(rig.hub.unsent_len(failed), 0);
    rig.hub.remove(failed, rig.now);
    let rows = [
        ("peer=192.0.2.7:4 ", "max-handshakes is 4, and this address has a quarter"),
        ("peer=192.0.2.10:1 ", "max-connections is 8"),
        ("peer=192.0.2.7:1 ", "TLS: the handshake was not over"),
    ];
    for (peer, part) in rows {
        let line = line_with(peer);
        assert_eq!(line.level, Level::Info, "{line:?}");
        assert!(line.text.contains(part), "{line:?}");
    }
}

#[test]
fn an_address_that_has_a_quarter_is_told_so() {
    let mut rig = Rig::new(Limits { sockets_max: 4, ..LIMITS });
    let peer = |port| SocketAddr::from(([192, 0, 2, 200], port));
    for port in 1..=3 {
        rig.hub
            .accept(Some(peer(port)), ListenerTraits::plain(Reach::Network), rig.now)
            .expect("there is space");
    }
    rig.ask(peer(4));
    let line = line_with("peer=192.0.2.200:4 ");
    let why =
        "max-connections is 4, and this address has a quarter: the last quarter is for others";
    assert!(line.text.contains("status=503") && line.text.contains(why), "{line:?}");
}

/// The log names the key and what counts as one address, and counts those that are too many for it.
#[test]
fn who_connects_too_often_is_named() {
    let mut rig = Rig::new(Limits { sockets_per_ip_max: Limits::OFF_COUNT, ..LIMITS });
    let peer = |host: u16| SocketAddr::from(([0x2001, 0xdb8, 7, 7, 0, 0, 0, host], 9));
    (1..=500).for_each(|host| rig.ask(peer(host)));
    let lines =
        lines_with("new-per-ip is 30/s burst 120, and 2001:db8:7:7::/64 connects more often");
    let told = lines.iter().filter(|line| line.text.contains("status=429")).count();
    let levels = lines.iter().all(|line| line.level == Level::Info);
    // Ten lines of connections with an answer, and ten of those that were closed at once.
    assert_eq!((lines.len(), told, levels), (20, 10, true), "{lines:?}");
    rig.hub.expire(Time::from_ms(1_000));
    for row in [
        "count=6 peer=2001:db8:7:7::/64 status=429 reason=\"new-per-ip is ...\"",
        "count=354 peer=2001:db8:7:7::/64 reason=\"new-per-ip is ...\"",
    ] {
        assert_eq!(lines_with(&format!("more like this in 1 s: {row}")).len(), 1, "{row}");
    }
}

#[test]
fn a_flood_is_counted() {
    let mut rig = Rig::new(Limits { connection_rate: None, ..LIMITS });
    let peer = |host, port| SocketAddr::from(([198, 51, 100, host], port));
    for port in 0..133 {
        rig.ask(peer(1, port));
    }
    (0..3).for_each(|port| rig.ask(peer(2, port)));
    assert_eq!(lines_with("peer=198.51.100.1:").len(), 10);
    assert_eq!(lines_with("peer=198.51.100.2:").len(), 3, "others have a count of their own");
    let count = || {
        let row = "count=123 peer=198.51.100.1 status=404 reason=\"no service ...\"";
        lines_with(&format!("more like this in 1 s: {row}"))
    };
    assert!(count().is_empty(), "the count comes when the second is over");
    let deadline = rig.hub.deadline().expect("a count waits");
    assert_eq!(deadline, Time::from_ms(1_000));
    rig.hub.expire(deadline);
    let told = count();
    assert_eq!(told.len(), 1);
    assert_eq!(rig.hub.deadline(), None, "a host that is idle sleeps");
    rig.now = deadline;
    rig.ask(peer(1, 1_000));
    assert_eq!(lines_with("peer=198.51.100.1:").len(), 11);
    // Addresses beyond the number that is counted separately share a count, which has no address
    // and no reason.
    rig.now = rig.now.after(2_000);
    for host in 0..=u8::MAX {
        rig.ask(peer(host, 1));
    }
    rig.hub.expire(rig.now.after(1_000));
    let shared = lines_with("more like this in 1 s: count=");
    let last = shared.last().expect("there is one");
    assert!(last.text.ends_with("count=182 peer=others"), "{last:?}");
}

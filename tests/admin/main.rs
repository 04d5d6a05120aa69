//! Listeners for operators, over real sockets: what is answered, and that neither a server in
//! trouble nor other peers keep an operator from an answer.

#![cfg(all(feature = "host", feature = "admin", feature = "unix"))]

mod floods;
#[path = "../support/mod.rs"]
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use log::{Level, LevelFilter};
use switchboard::admin::{Admin, AdminToken};
use switchboard::host::raise_descriptor_limit;
use switchboard::{
    BindError, Handler, Limits, ListenAddress, Message, Peer, Server, Thread, handler,
};

use support::folder::socket_path;
use support::http::{Answer, get};
use support::logged;
use support::raw::{BINARY, close};
use support::services::{Seen, mount_echo, mount_probe};
use support::{LIMITS, Raw, Running, next, server_on};

const SECRET: &str = "0123456789abcdef";

/// A server with a Unix socket for operators at a path, and another one on loopback. Returns the
/// second one's address.
fn start_both(mut server: Server, path: &Path) -> (Running, ListenAddress) {
    let mut admin = Admin::new();
    admin.unix_socket(path, 0o600).listen(([127, 0, 0, 1], 0).into());
    server.admin(admin);
    let host = server.bind("127.0.0.1:0").expect("a port is free");
    let addresses: Vec<_> = host.admin_addresses().cloned().collect();
    assert_eq!(addresses[0], ListenAddress::Unix(path.into()));
    (Running::run(host), addresses[1].clone())
}

fn tcp(address: &ListenAddress) -> Raw {
    Raw::connect(address.tcp().expect("it is of TCP"))
}

fn ask(mut raw: Raw, request: &[u8]) -> Answer {
    raw.send(request);
    raw.read_answer()
}

fn ask_unix(path: &Path, request: &[u8]) -> Answer {
    ask(Raw::connect_unix(path), request)
}

fn post(target: &str, more: &str, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let head =
        format!("POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len}\r\n{more}\r\n");
    [head.as_bytes(), content].concat()
}

fn check(answer: &Answer, status: u16, part: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.text().contains(part), "{part:?}: {answer:?}");
    assert_eq!(answer.header("connection"), Some("close"));
    let len = answer.header("content-length").expect("it has a length");
    assert_eq!(len, answer.body.len().to_string());
}

#[test]
fn pages_are_served_over_tcp_and_unix() {
    let path = socket_path("pages");
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    let (_server, address) = start_both(server, &path);
    for open in [&|| tcp(&address) as Raw, &|| Raw::connect_unix(&path)] as [&dyn Fn() -> Raw; 2] {
        check(&ask(open(), &get("/healthz", "")), 200, "ok\n");
        check(&ask(open(), &get("/readyz?verbose", "")), 200, "ready\n");
        let status = ask(open(), &get("/status", ""));
        check(&status, 200, "\"path\":\"/echo\"");
        assert_eq!(status.header("content-type"), Some("application/json"));
        serde_json::from_str::<serde_json::Value>(status.text()).expect("it is JSON");
        let metrics = ask(open(), &get("/metrics", ""));
        check(&metrics, 200, "\nswitchboard_sockets{service=\"/echo\"} 0\n");
        assert_eq!(
            metrics.header("content-type"),
            Some("text/plain; version=0.0.4; charset=utf-8")
        );
        // RFC 9110, 9.3.2: as for GET, without content.
        let head = ask(open(), b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert_eq!((head.status, head.header("content-length")), (200, Some("3")));
        assert!(head.body.is_empty());
        check(&ask(open(), &get("/nothing", "")), 404, "nothing is here");
        check(&ask(open(), b"GET /healthz HTTP/1.0\r\n\r\n"), 200, "ok\n");
    }
}

#[test]
fn messages_and_closes_reach_sockets() {
    let path = socket_path("send");
    let limits = Limits { message_bytes_max: 1_000, ..LIMITS };
    let mut server = Server::new(limits);
    let told = mount_probe(&mut server, "/probe", |peer, _| {
        peer.subscribe("news");
        peer.send("joined");
    });
    mount_echo(&mut server, "/echo");
    let (server, _) = start_both(server, &path);
    let mut raws = [(); 2].map(|()| server.open("/probe"));
    let mut ids = Vec::new();
    while ids.len() < 2 {
        if let Seen::Open(id) = next(&told) {
            ids.push(id.as_u64());
        }
    }
    let mut other = server.open("/echo");
    raws[0].send_text("join");
    assert_eq!(raws[0].read_text(), "joined");
    let send = |to: &str, content: &[u8]| {
        ask_unix(&path, &post(&format!("/send?service=/probe&to={to}"), "", content))
    };
    let answer = send("*", "für alle".as_bytes());
    check(&answer, 202, "{\"sockets\":2}\n");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    raws.iter_mut().for_each(|raw| assert_eq!(raw.read_text(), "für alle"));
    check(&send("@news", b"news"), 202, "{\"sockets\":1}\n");
    assert_eq!(raws[0].read_text(), "news");
    // The order in which they have opened is not known to the service.
    for id in &ids {
        check(&send(&id.to_string(), id.to_string().as_bytes()), 202, "{\"sockets\":1}\n");
    }
    let mut heard = raws.each_mut().map(|raw| raw.read_text().parse::<u64>().expect("an id"));
    heard.sort_unstable();
    ids.sort_unstable();
    assert_eq!(heard[..], ids[..]);
    check(&send("@nobody", b""), 202, "{\"sockets\":0}\n");
    check(&send("*&type=binary", b"\xFF\0"), 202, "{\"sockets\":2}\n");
    for raw in &mut raws {
        let frame = raw.read_frame();
        assert_eq!((frame.first, &frame.payload[..]), (0x80 | BINARY, &b"\xFF\0"[..]));
    }
    check(&send("*", b"\xFF\0"), 415, "not UTF-8");
    check(&send("*", &[b'x'; 1_001]), 413, "the service takes 1000 (max-message)");
    check(&send("*", &[b'x'; 1_000]), 202, "{\"sockets\":2}\n");
    raws.iter_mut().for_each(|raw| assert_eq!(raw.read_text().len(), 1_000));
    let unknown = ask_unix(&path, &post("/send?service=/none&to=*", "", b"hi"));
    check(&unknown, 404, "no service has this path");
    let closing = "/close?service=/probe&to=*&code=4000&reason=so%20long";
    check(&ask_unix(&path, &post(closing, "", b"")), 202, "{\"sockets\":2}\n");
    // Those that are closing are no longer counted, nor sent to.
    check(&ask_unix(&path, &post(closing, "", b"")), 202, "{\"sockets\":0}\n");
    check(&send("*", b"late"), 202, "{\"sockets\":0}\n");
    for raw in &mut raws {
        assert_eq!(raw.read_close(), (4000, "so long".to_owned()));
        raw.send(&close(4000, ""));
        raw.expect_end();
    }
    other.send_text("still here");
    assert_eq!(other.read_text(), "still here");
}

#[test]
fn requests_come_in_any_pieces() {
    let path = socket_path("pieces");
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    let (server, _) = start_both(server, &path);
    let mut socket = server.open("/echo");
    // A client that waits before it sends (curl with large messages).
    let mut raw = Raw::connect_unix(&path);
    let request = post("/send?service=/echo&to=*", "Expect: 100-continue\r\n", b"waited");
    let (head, content) = request.split_at(request.len() - 6);
    raw.send(head);
    let goes_on = raw.read_head();
    assert!(goes_on.status == 100 && goes_on.headers.is_empty(), "{goes_on:?}");
    raw.send(content);
    check(&raw.read_answer(), 202, "{\"sockets\":1}\n");
    assert_eq!(socket.read_text(), "waited");
    // Byte by byte, where this end is not told to wait.
    let mut raw = Raw::connect_unix(&path);
    for byte in post("/send?service=/echo&to=*", "", b"slow") {
        raw.send(&[byte]);
    }
    check(&raw.read_answer(), 202, "{\"sockets\":1}\n");
    assert_eq!(socket.read_text(), "slow");
    // Its own half of the connection has ended.
    let mut raw = Raw::connect_unix(&path);
    raw.send(&post("/send?service=/echo&to=*", "", b"half"));
    raw.end_writing();
    check(&raw.read_answer(), 202, "{\"sockets\":1}\n");
    assert_eq!(socket.read_text(), "half");
    // A request that ends before it is whole asks for nothing, and neither does a second one.
    let mut raw = Raw::connect_unix(&path);
    raw.send(&post("/send?service=/echo&to=*", "", b"cut")[..60]);
    raw.end_writing();
    raw.expect_end();
    let two = [get("/healthz", ""), post("/send?service=/echo&to=*", "", b"two")].concat();
    let answer = ask_unix(&path, &two);
    check(&answer, 200, "ok\n");
    let more = [post("/send?service=/echo&to=*", "", b"one"), get("/healthz", "")].concat();
    check(&ask_unix(&path, &more), 202, "{\"sockets\":1}\n");
    assert_eq!(socket.read_text(), "one");
}

#[test]
fn who_waits_keeps_no_place() {
    let path = socket_path("places");
    let (server, address) = start_both(Server::new(LIMITS), &path);
    // Some say nothing, or half of something; some have an answer, and do not go.
    let mut silent: Vec<_> = (0..80).map(|_| tcp(&address)).collect();
    silent.iter_mut().skip(40).for_each(|raw| _ = raw.try_send(b"GET /healthz"));
    check(&ask(tcp(&address), &get("/healthz", "")), 200, "ok\n");
    let request = post("/send?service=/x&to=*", "Expect: 100-continue\r\n", b"x");
    let mut waiting: Vec<_> = (0..40).map(|_| Raw::connect_unix(&path)).collect();
    waiting.iter_mut().for_each(|raw| _ = raw.try_send(&request[..request.len() - 1]));
    check(&ask(tcp(&address), &get("/healthz", "")), 200, "ok\n");
    let answered: Vec<_> = (0..200)
        .map(|_| {
            let mut raw = tcp(&address);
            raw.send(&get("/healthz", ""));
            assert_eq!(raw.read_head().status, 200);
            raw
        })
        .collect();
    (0..100).for_each(|_| drop(tcp(&address)));
    check(&ask_unix(&path, &get("/healthz", "")), 200, "ok\n");
    drop((silent, waiting, answered));
    for _ in 0..200 {
        check(&ask(tcp(&address), &get("/healthz", "")), 200, "ok\n");
    }
    server.stop();
}

#[test]
fn a_full_house_answers() {
    let max = 1_000;
    assert!(raise_descriptor_limit() > 3 * max, "both ends are in this process");
    let path = socket_path("full");
    let mut server = Server::new(Limits { sockets_max: max, ..LIMITS });
    mount_echo(&mut server, "/echo");
    let (server, _) = start_both(server, &path);
    let _raws: Vec<_> = (0..max).map(|_| server.open("/echo")).collect();
    assert_eq!(server.ask(&support::http::upgrade("/echo", "")).status, 503);
    check(&ask_unix(&path, &get("/healthz", "")), 200, "ok\n");
    let metrics = ask_unix(&path, &get("/metrics", ""));
    check(&metrics, 200, "\nswitchboard_connections_refused_total{reason=\"full\"} 1\n");
    check(&metrics, 200, "\nswitchboard_sockets{service=\"/echo\"} 1000\n");
}

#[test]
fn operators_see_a_clean_stop_to_its_end() {
    let path = socket_path("last");
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    let (server, address) = start_both(server, &path);
    let mut raw = server.open("/echo");
    let answer = ask_unix(&path, &post("/drain", "", b""));
    check(&answer, 202, "the server closes its sockets, and ends");
    assert_eq!(raw.read_close().0, 1001);
    for _ in 0..10 {
        check(&ask_unix(&path, &get("/healthz", "")), 200, "ok\n");
        check(&ask(tcp(&address), &get("/status", "")), 200, "\"sockets\":1");
    }
    raw.send(&close(1001, ""));
    raw.expect_end();
    server.join();
    assert!(!path.exists(), "the file is removed");
    TcpStream::connect(address).expect_err("it has gone");
}

/// A server without sockets is over before its operator has read the answer.
#[test]
fn the_answer_comes_before_the_end() {
    let path = socket_path("drain");
    for _ in 0..30 {
        let (server, _) = start_both(Server::new(LIMITS), &path);
        check(&ask_unix(&path, &post("/drain", "", b"")), 202, "the server closes");
        server.join();
    }
}

#[test]
fn a_host_that_goes_ends_its_operators_connections() {
    let path = socket_path("gone");
    let mut server = Server::new(LIMITS);
    let mut admin = Admin::new();
    admin.unix_socket(&path, 0o600);
    server.admin(admin);
    let host = server.bind("127.0.0.1:0").expect("a port is free");
    let mut silent = Raw::connect_unix(&path);
    let mut waiting = Raw::connect_unix(&path);
    waiting.send(&get("/healthz", ""));
    // This needs no loop: behind its answer, the other request has been read.
    check(&ask_unix(&path, &post("/reload", "", b"")), 501, "no configuration");
    drop(host);
    check(&waiting.read_answer(), 503, "the server has ended");
    silent.expect_end();
    assert!(!path.exists(), "the file is removed");
}

/// Waits for the test with each message in hand.
struct Gated(Sender<()>, Arc<Mutex<Receiver<()>>>);

impl Handler for Gated {
    fn message(&mut self, _: &mut Peer, _: Message) {
        self.0.send(()).expect("the test listens");
        let _ = self.1.lock().expect("one service has it").recv();
    }
}

#[test]
fn a_loop_that_hangs_is_reported() {
    let path = socket_path("hangs");
    let mut server = server_on(Thread::Loop, LIMITS);
    let ((open, gate), (tell, waits)) = (mpsc::channel(), mpsc::channel());
    let gate = Arc::new(Mutex::new(gate));
    server.mount("/gated", move || handler(Gated(tell.clone(), gate.clone())));
    let (server, address) = start_both(server, &path);
    let mut raw = server.open("/gated");
    raw.send_text("wait");
    next(&waits);
    let hanging: Vec<_> = (0..20)
        .map(|_| {
            let mut raw = tcp(&address);
            raw.send(&get("/healthz", ""));
            raw
        })
        .collect();
    for mut raw in hanging {
        check(&raw.read_answer(), 503, "a callback on its loop hangs");
    }
    // What comes late is no answer to another request, which has been read before it.
    let mut other = tcp(&address);
    other.send(&get("/status", ""));
    check(&ask_unix(&path, &post("/reload", "", b"")), 501, "no configuration");
    open.send(()).expect("it waits");
    check(&other.read_answer(), 200, "{");
    for _ in 0..20 {
        check(&ask(tcp(&address), &get("/healthz", "")), 200, "ok\n");
    }
}

#[test]
fn commands_over_tcp_need_the_token() {
    let token = AdminToken::new(SECRET).expect("it is one");
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    let mut admin = Admin::new();
    admin.listen(([127, 0, 0, 1], 0).into()).listen(([0, 0, 0, 0], 0).into()).token(token);
    let slot = admin.token_slot();
    server.admin(admin);
    let host = server.bind("127.0.0.1:0").expect("a port is free");
    let mut addresses: Vec<_> = host.admin_addresses().cloned().collect();
    let server = Running::run(host);
    let port = addresses[1].tcp().expect("it is of TCP").port();
    addresses[1] = ListenAddress::Tcp(([127, 0, 0, 1], port).into());
    let send = |address: &ListenAddress, more: &str| {
        ask(tcp(address), &post("/send?service=/echo&to=*", more, b"x"))
    };
    let bearer = |token: &str| format!("Authorization: Bearer {token}\r\n");
    for (address, look) in addresses.iter().zip([200, 401]) {
        assert_eq!(ask(tcp(address), &get("/healthz", "")).status, 200);
        assert_eq!(ask(tcp(address), &get("/status", "")).status, look);
        assert_eq!(ask(tcp(address), &get("/status", &bearer(SECRET))).status, 200);
        let missing = send(address, "");
        check(&missing, 401, "admin-token");
        assert_eq!(missing.header("www-authenticate"), Some("Bearer"));
        check(&send(address, &bearer("0123456789abcdeF")), 401, "admin-token");
        check(&send(address, &bearer(SECRET)), 202, "{\"sockets\":0}\n");
    }
    let new = "fedcba9876543210";
    slot.set(Some(AdminToken::new(new).expect("it is one")));
    check(&send(&addresses[0], &bearer(SECRET)), 401, "admin-token");
    check(&send(&addresses[0], &bearer(new)), 202, "{\"sockets\":0}\n");
    // Without one, nobody has it.
    slot.set(None);
    for address in &addresses {
        assert_eq!(ask(tcp(address), &get("/healthz", "")).status, 200);
        check(&send(address, &bearer(new)), 403, "set admin-token");
    }
    check(&ask(tcp(&addresses[1]), &get("/status", &bearer(new))), 403, "set admin-token");
    server.stop();
}

#[test]
fn other_machines_need_a_token() {
    let open = |token: Option<AdminToken>| {
        let mut admin = Admin::new();
        admin.listen(([0, 0, 0, 0], 0).into());
        token.into_iter().for_each(|token| _ = admin.token(token));
        let mut server = Server::new(LIMITS);
        server.admin(admin);
        server.bind("127.0.0.1:0")
    };
    match open(None) {
        Err(BindError::Admin(error)) => {
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains("set admin-token"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    open(Some(AdminToken::new(SECRET).expect("it is one"))).expect("with a token it is fine");
}

#[test]
fn pages_reach_nothing() {
    let path = socket_path("browser");
    let (_server, address) = start_both(Server::new(LIMITS), &path);
    for more in
        ["Origin: http://localhost\r\n", "Origin: null\r\n", "Sec-Fetch-Site: same-origin\r\n"]
    {
        check(&ask(tcp(&address), &get("/healthz", more)), 403, "a page in a browser");
        check(&ask_unix(&path, &post("/drain", more, b"")), 403, "a page in a browser");
    }
    check(&ask(tcp(&address), &get("/status", "Sec-Fetch-Site: none\r\n")), 200, "{");
    // DNS rebinding.
    let rebound = b"GET /status HTTP/1.1\r\nHost: example.com\r\n\r\n";
    check(&ask(tcp(&address), rebound), 421, "the Host is no name of loopback");
    check(&ask_unix(&path, rebound), 200, "{");
    check(&ask(tcp(&address), &post("/drain", "", b"")), 403, "set admin-token");
}

/// Each local user reaches an abstract name (unix(7)).
#[test]
fn an_abstract_socket_is_as_open_as_loopback() {
    let name = format!("swb-adm-{}", std::process::id());
    let abstract_name = SocketAddr::from_abstract_name(&name).expect("it is short");
    let listener = UnixListener::bind_addr(&abstract_name).expect("it is free");
    let mut admin = Admin::new();
    admin.listen_on(listener);
    let mut server = Server::new(LIMITS);
    server.admin(admin);
    let _server = Running::start(server);
    let ask = |request: &[u8]| {
        let mut stream = UnixStream::connect_addr(&abstract_name).expect("it listens");
        stream.write_all(request).expect("it is taken");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it is text");
        answer
    };
    assert!(ask(&get("/status", "")).starts_with("HTTP/1.1 200 "));
    assert!(ask(&post("/drain", "", b"")).starts_with("HTTP/1.1 403 "));
}

#[test]
fn what_is_refused_or_changed_is_logged() {
    let _one = logged::keep(LevelFilter::Debug);
    let path = socket_path("logged");
    let (_server, _) = start_both(Server::new(LIMITS), &path);
    let through = format!("through unix:{}", path.display());
    let lines = || logged::lines_with(&through);
    for request in [get("/healthz", ""), get("/metrics", ""), get("/status", "")] {
        assert_eq!(ask_unix(&path, &request).status, 200);
    }
    assert!(lines().is_empty(), "{:?}", lines());
    assert_eq!(ask_unix(&path, &get("/healthz", "Origin: null\r\n")).status, 403);
    assert_eq!(ask_unix(&path, &get("/x%0Ay", "")).status, 404);
    let target = "/send?service=/none&to=*";
    assert_eq!(ask_unix(&path, &post(target, "", b"secret text")).status, 404);
    let level = ask_unix(&path, &post("/log-level?level=debug", "", b""));
    check(&level, 200, "the log level is debug\n");
    let levels: Vec<_> = lines().iter().map(|line| (line.level, line.target.clone())).collect();
    let of = |level| (level, "switchboard::admin".to_owned());
    assert_eq!(
        levels,
        [Level::Warn, Level::Info, Level::Info, Level::Info].map(of),
        "{:?}",
        lines()
    );
    assert!(lines()[0].text.contains("\"GET /healthz\""), "{:?}", lines());
    assert!(lines().iter().all(|line| !line.text.contains("secret")), "{:?}", lines());
    // Many refusals of a kind are counted.
    logged::forget();
    (0..100).for_each(|_| _ = ask_unix(&path, &get("/nothing", "")));
    assert!(lines().len() < 50, "{} lines", lines().len());
    let level = ask_unix(&path, &post("/log-level?level=error", "", b""));
    check(&level, 200, "the log level is error\n");
    assert_eq!(log::max_level(), LevelFilter::Error);
    log::set_max_level(LevelFilter::Debug);
}

#[test]
fn messages_are_logged_at_debug_alone() {
    let _one = logged::keep(LevelFilter::Debug);
    let path = socket_path("quiet");
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    let (_server, _) = start_both(server, &path);
    let sent = ask_unix(&path, &post("/send?service=/echo&to=*", "", b"secret text"));
    assert_eq!(sent.status, 202);
    let line = logged::line_with(&format!("through unix:{}", path.display()));
    assert_eq!(line.level, Level::Debug);
    assert!(line.text.ends_with(": 202: sockets: 0"), "{line:?}");
}

#[test]
fn one_reload_is_under_way() {
    let path = socket_path("reload");
    let ((go, gate), (tell, begun)) = (mpsc::channel(), mpsc::channel::<()>());
    let mut admin = Admin::new();
    admin.unix_socket(&path, 0o600).on_reload(move || {
        tell.send(()).expect("the test listens");
        let done: Result<String, String> = gate.recv().expect("the test says how it ends");
        done.map_err(|text| if text == "panic" { panic!("a bug in it") } else { text })
    });
    let mut server = Server::new(LIMITS);
    server.admin(admin);
    let _server = Running::start(server);
    let reload = || {
        let mut raw = Raw::connect_unix(&path);
        raw.send(&post("/reload", "", b""));
        raw
    };
    for (done, status, text) in [
        (Ok("changed: x".to_owned()), 200, "changed: x\n"),
        (Err("line 3 is wrong".to_owned()), 422, "line 3 is wrong\n"),
        (Err("panic".to_owned()), 503, "could not do it"),
        (Ok("again".to_owned()), 200, "again\n"),
    ] {
        let mut first = reload();
        next(&begun);
        check(&reload().read_answer(), 409, "a reload is under way");
        check(&ask_unix(&path, &get("/healthz", "")), 200, "ok\n");
        go.send(done).expect("it waits");
        check(&first.read_answer(), status, text);
    }
}

#[test]
fn without_a_configuration_nothing_is_reloaded() {
    let path = socket_path("no-reload");
    let (_server, _) = start_both(Server::new(LIMITS), &path);
    check(&ask_unix(&path, &post("/reload", "", b"")), 501, "no configuration");
}

//! Unix sockets, over real ones: their files, their peers, and what holds for slow ones; and
//! listeners that the test has made itself.

#![cfg(feature = "host")]

mod support;

use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, IoSlice, PipeReader, Read, Write, pipe};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;
use std::{env, process};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use switchboard::{
    Handler, Host, Limits, ListenAddress, Message, Peer, Request, Server, Turn, handler,
};
use tungstenite::Message as Text;

use support::http::{UPGRADE, get};
use support::raw::{BINARY, TEXT, frame};
use support::services::mount_echo;
use support::{DEADLINE, LIMITS, Raw, Running, next, on_each_thread, server_on, until};
use support::{read_slowly, until_quick_enough};

/// A folder whose name is short enough for paths of sockets, and that goes with this.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("swb-{}-{number}", process::id()));
        fs::create_dir(&folder).expect("no other has it");
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn open(path: &Path, service: &str) -> Raw {
    let mut raw = Raw::connect_unix(path);
    raw.upgrade(service);
    raw
}

/// The text of the error of a host that listens there.
fn refusal(path: &Path) -> String {
    let mut server = Server::new(LIMITS);
    server.unix_socket(path, 0o600);
    server.listen().expect_err("it cannot listen there").to_string()
}

fn host_at(path: &Path, mode: u32) -> Host {
    let mut server = Server::new(LIMITS);
    server.unix_socket(path, mode);
    server.listen().expect("it can listen there")
}

/// Of many reads and writes each way.
#[test]
fn a_long_message_comes_back_whole() {
    const LEN: usize = 3 << 20;
    let limits = Limits { message_bytes_max: LEN, outbox_bytes_max: 2 * LEN, ..LIMITS };
    on_each_thread(|thread| {
        let (place, mut server) = (Place::new(), server_on(thread, limits));
        mount_echo(&mut server, "/echo");
        let path = place.path("echo.sock");
        let server = Running::start_unix(server, &path);
        let payload: Vec<u8> = (0..=250).cycle().take(LEN).collect();
        let mut raw = open(&path, "/echo");
        let mut sender = raw.stream().try_clone().expect("there is a descriptor");
        let bytes = frame(BINARY, &payload);
        let sends = std::thread::spawn(move || sender.write_all(&bytes));
        assert_eq!(raw.read_frame().payload, payload);
        sends.join().expect("it does not panic").expect("all of it is taken");
        // A client by other authors.
        let stream = UnixStream::connect(&path).expect("it listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("time limits are set");
        let (mut client, _) =
            tungstenite::client("ws://localhost/echo", stream).expect("it is accepted");
        for text in ["", "word", &"long".repeat(100_000)] {
            client.send(Text::text(text)).expect("it is taken");
            assert_eq!(client.read().expect("it comes back"), Text::text(text));
        }
        drop((raw, client));
        server.stop();
        assert!(!path.exists(), "a clean stop removes the file");
    });
}

/// Tells whether its sockets have addresses.
struct Whence(Sender<Option<SocketAddr>>);

impl Handler for Whence {
    fn open(&mut self, _: &mut Peer, request: &Request) {
        self.0.send(request.peer_address()).expect("the test listens");
    }
}

#[test]
fn peers_have_no_address_and_are_not_counted_by_it() {
    let limits = Limits { sockets_per_ip_max: 1, ..LIMITS };
    let (place, mut server) = (Place::new(), Server::new(limits));
    let (tell, told) = mpsc::channel();
    server.mount("/whence", move || handler(Whence(tell.clone())));
    let path = place.path("s");
    let _server = Running::start_unix(server, &path);
    let raws = [(); 3].map(|()| open(&path, "/whence"));
    assert!(raws.iter().all(|_| next(&told).is_none()));
}

/// As on loopback, where a name that is not local has to come from a proxy.
#[test]
fn hosts_are_checked_as_on_loopback() {
    let (place, mut server) = (Place::new(), Server::new(LIMITS));
    mount_echo(&mut server, "/echo");
    let path = place.path("s");
    let _server = Running::start_unix(server, &path);
    for (host, more, status) in [
        ("localhost", "", 101),
        ("localhost", "Origin: http://localhost\r\n", 101),
        ("evil.example", "Origin: http://evil.example\r\n", 421),
        ("chat.example", "Origin: http://chat.example\r\nX-Forwarded-For: 192.0.2.1\r\n", 101),
    ] {
        let mut raw = Raw::connect_unix(&path);
        raw.send(format!("GET /echo HTTP/1.1\r\nHost: {host}\r\n{UPGRADE}{more}\r\n").as_bytes());
        assert_eq!(raw.read_head().status, status, "{host} {more}");
    }
}

#[test]
fn the_file_has_its_mode_whatever_the_umask_is() {
    let place = Place::new();
    for mode in [0o600, 0o660, 0o666, 0o777, 0o700] {
        let path = place.path("s");
        let _host = host_at(&path, mode);
        let found = fs::symlink_metadata(&path).expect("it is there").mode();
        assert_eq!(found & 0o7777, mode, "{mode:o}");
    }
}

#[test]
fn a_second_host_does_not_take_the_path_of_the_first() {
    let place = Place::new();
    let path = place.path("s");
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    let server = Running::start_unix(server, &path);
    let text = refusal(&path);
    let expected = format!("cannot bind unix:{}: it is in use by a running server", path.display());
    assert_eq!(text, expected);
    let mut raw = open(&path, "/echo");
    raw.send_text("still here");
    assert_eq!(raw.read_text(), "still here");
    drop(raw);
    server.stop();
    drop(host_at(&path, 0o600));
}

/// A server that accepts nothing any more has a full queue, in which a connection would wait.
#[test]
fn a_server_that_hangs_is_in_use() {
    let place = Place::new();
    let path = place.path("s");
    let host = host_at(&path, 0o600);
    let (mut streams, mut is_full) = (Vec::new(), false);
    while !is_full {
        let socket = rustix::net::socket_with(
            rustix::net::AddressFamily::UNIX,
            rustix::net::SocketType::STREAM,
            rustix::net::SocketFlags::NONBLOCK | rustix::net::SocketFlags::CLOEXEC,
            None,
        );
        let socket = socket.expect("there is a descriptor");
        let name = rustix::net::SocketAddrUnix::new(&path).expect("it is short");
        is_full = rustix::net::connect(&socket, &name).is_err();
        streams.push(socket);
    }
    assert!(refusal(&path).contains("in use by a running server"));
    drop(host);
}

#[test]
fn what_a_dead_server_has_left_is_replaced() {
    let place = Place::new();
    let path = place.path("s");
    // The standard library does not remove the file.
    drop(UnixListener::bind(&path).expect("the path is free"));
    assert!(path.exists());
    let host = host_at(&path, 0o600);
    UnixStream::connect(&path).expect("it listens");
    drop(host);
    assert!(!path.exists(), "a host that is dropped removes the file");
}

#[test]
fn a_file_of_another_kind_is_never_replaced() {
    let place = Place::new();
    fs::write(place.path("file"), "data").expect("it can be written");
    fs::create_dir(place.path("folder")).expect("it can be made");
    drop(UnixListener::bind(place.path("dead")).expect("the path is free"));
    for (link, target) in [("to-file", "file"), ("to-dead", "dead"), ("to-nothing", "nothing")] {
        symlink(target, place.path(link)).expect("it can be made");
    }
    for name in ["file", "folder", "to-file", "to-dead", "to-nothing"] {
        let kind = |name| fs::symlink_metadata(place.path(name)).expect("it is there").file_type();
        let before = kind(name);
        let text = refusal(&place.path(name));
        assert!(text.contains("a file is there that is no socket"), "{name}: {text}");
        assert_eq!(kind(name), before);
    }
    assert_eq!(fs::read_to_string(place.path("file")).expect("it is there"), "data");
    assert!(!place.path("nothing").exists() && place.path("dead").exists());
}

#[test]
fn only_the_own_file_is_removed() {
    let place = Place::new();
    let path = place.path("s");
    let host = host_at(&path, 0o600);
    fs::remove_file(&path).expect("it is there");
    let other = host_at(&path, 0o600);
    drop(host);
    UnixStream::connect(&path).expect("the other one listens");
    fs::remove_file(&path).expect("it is there");
    File::create(&path).expect("it can be made");
    drop(other);
    assert!(path.exists(), "a file is no socket");
}

#[test]
fn a_path_that_no_socket_can_have_is_an_error() {
    let place = Place::new();
    let free = 107 - place.0.as_os_str().len() - 1;
    drop(host_at(&place.path(&"x".repeat(free)), 0o600));
    for name in ["x".repeat(free + 1), "a\0b".to_owned()] {
        let text = refusal(&place.path(&name));
        assert!(text.ends_with("a path has 1 to 107 bytes, none of them zero"), "{text}");
    }
    assert!(refusal(&place.path("no/s")).contains("No such file or directory"));
    assert!(refusal(Path::new("")).ends_with("none of them zero"));
}

/// A host that cannot listen on everything leaves nothing behind.
#[test]
fn a_start_that_fails_removes_its_files() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it is bound");
    let mut server = Server::new(LIMITS);
    server.unix_socket(place.path("a"), 0o600).unix_socket(place.path("no/b"), 0o600);
    server.listen().expect_err("a folder is missing");
    let mut server = Server::new(LIMITS);
    server.unix_socket(place.path("a"), 0o600);
    let error = server.bind(address).expect_err("the port is taken");
    assert!(error.to_string().starts_with(&format!("cannot bind {address}: ")), "{error}");
    assert!(!place.path("a").exists());
}

#[test]
fn addresses_are_those_of_all_listeners() {
    let place = Place::new();
    let mut server = Server::new(LIMITS);
    server.unix_socket(place.path("a"), 0o600).unix_socket(place.path("b"), 0o600);
    let host = server.bind("127.0.0.1:0").expect("a port is free");
    let all: Vec<String> = host.addresses().map(ToString::to_string).collect();
    let unix = ["a", "b"].map(|name| format!("unix:{}", place.path(name).display()));
    assert_eq!(all[1..], unix);
    assert_eq!(host.address().tcp().map(|address| address.to_string()).as_ref(), all.first());
    TcpStream::connect(host.address()).expect("it listens");
    let host = host_at(&place.path("c"), 0o600);
    assert_eq!(*host.address(), ListenAddress::Unix(place.path("c")));
    let error = TcpStream::connect(host.address()).expect_err("it has no port");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let none = Server::new(LIMITS).listen().expect_err("there is nothing");
    assert_eq!(none.to_string(), "there is no address to listen on");
}

#[test]
fn a_host_serves_listeners_that_were_made_before() {
    let place = Place::new();
    let path = place.path("s");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = tcp.local_addr().expect("it is bound");
    let unix = UnixListener::bind(&path).expect("the path is free");
    // It has come before the server, and waits.
    let mut early = Raw::connect_unix(&path);
    let mut server = Server::new(LIMITS);
    mount_echo(&mut server, "/echo");
    server.listen_on(unix).listen_on(tcp);
    let host = server.listen().expect("both listen");
    assert_eq!(host.addresses().count(), 2);
    assert_eq!(*host.address(), ListenAddress::Tcp(address));
    let (stopper, thread) = (host.stopper(), std::thread::spawn(move || host.run()));
    early.upgrade("/echo");
    let mut raw = Raw::connect(address);
    raw.upgrade("/echo");
    for raw in [&mut early, &mut raw] {
        raw.send_text("word");
        assert_eq!(raw.read_text(), "word");
    }
    stopper.stop_now();
    thread.join().expect("it does not panic").expect("it ends without an error");
    assert!(path.exists(), "the file is not the host's");
}

/// Two hosts share a port if both allow it, and each gets some of the connections.
#[test]
fn hosts_share_a_port_if_both_allow_it() {
    let mut server = Server::new(LIMITS);
    server.reuse_port();
    let mut first = server.bind("127.0.0.1:0").expect("a port is free");
    let address = first.address().tcp().expect("it is of TCP");
    Server::new(LIMITS).bind(address).expect_err("this one does not allow it");
    let mut server = Server::new(LIMITS);
    server.reuse_port();
    let mut second = server.bind(address).expect("both allow it");
    let mut streams = Vec::new();
    // The system chooses by the port of the peer.
    while first.sockets_len() == 0 || second.sockets_len() == 0 {
        assert!(streams.len() < 1_000, "each of them gets some");
        streams.push(TcpStream::connect(address).expect("they listen"));
        for host in [&mut first, &mut second] {
            host.turn(Some(Duration::ZERO)).expect("it polls");
        }
    }
}

/// Waits for the test with its first message.
struct Gated {
    gate: Receiver<()>,
    told: Sender<Message>,
}

impl Handler for Gated {
    fn message(&mut self, _: &mut Peer, message: Message) {
        // Once it is open it stays so.
        let _ = self.gate.recv();
        let _ = self.told.send(message);
    }
}

/// The end of a peer of a Unix socket is one of both halves at once. What it has sent before counts
/// all the same, also if it is read later.
#[test]
fn what_a_peer_sent_before_it_left_comes_even_if_it_was_not_read_then() {
    const LEN: usize = 8_000;
    let (place, mut server) =
        (Place::new(), Server::new(Limits { mail_messages_max: 16, ..LIMITS }));
    let ((open_gate, gate), (told, messages)) = (mpsc::channel(), mpsc::channel());
    let gated = std::sync::Mutex::new(Some(Gated { gate, told }));
    server.mount("/gated", move || {
        handler(gated.lock().expect("nobody panics").take().expect("it starts once"))
    });
    let path = place.path("s");
    server.unix_socket(&path, 0o600);
    let mut host = server.listen().expect("the path is free");
    let mut stream = UnixStream::connect(&path).expect("it listens");
    stream.write_all(&support::http::upgrade("/gated", "")).expect("it is taken");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        host.turn(Some(Duration::from_millis(10))).expect("it polls");
        stream.set_nonblocking(true).expect("it can be");
        let mut byte = [0];
        while stream.read(&mut byte).is_ok_and(|len| len > 0) {
            head.push(byte[0]);
        }
    }
    stream.set_nonblocking(false).expect("it can be");
    // More than one read, so that the end is behind what is read, and no more than fits.
    let all: Vec<u8> =
        (0..LEN).flat_map(|number| frame(TEXT, number.to_string().as_bytes())).collect();
    stream.write_all(&all).expect("it is taken");
    for _ in 0..50 {
        host.turn(Some(Duration::ZERO)).expect("it polls");
    }
    drop(stream);
    for _ in 0..50 {
        host.turn(Some(Duration::ZERO)).expect("it polls");
    }
    drop(open_gate);
    for number in 0..LEN {
        let message = loop {
            match messages.try_recv() {
                Ok(message) => break message,
                Err(mpsc::TryRecvError::Empty) => {
                    assert_eq!(host.turn(Some(DEADLINE)).expect("it polls"), Turn::Another);
                }
                Err(mpsc::TryRecvError::Disconnected) => panic!("the service is there"),
            }
        };
        assert_eq!(message.as_text(), Some(&*number.to_string()));
    }
}

/// A file of zeros.
fn large_file(place: &Place, len: u64) {
    let file = File::create(place.path("large")).expect("it can be made");
    file.set_len(len).expect("it can be long");
    file.set_permissions(Permissions::from_mode(0o644)).expect("it is ours");
}

/// The system says when the peer has read something, and of how much: in lumps of some 36 KiB.
#[test]
fn a_slow_reader_of_a_file_gets_all_of_it() {
    const LEN: usize = 8 << 20;
    let place = Place::new();
    large_file(&place, LEN as u64);
    until_quick_enough("a slow reader gets its file", |limit_ms| {
        let mut server = Server::new(Limits { write_ms_max: limit_ms, ..LIMITS });
        server.static_root(&place.0);
        mount_echo(&mut server, "/echo");
        let path = place.path("s");
        let _server = Running::start_unix(server, &path);
        let mut echo = open(&path, "/echo");
        let mut stream = UnixStream::connect(&path).expect("it listens");
        stream.write_all(&get("/large", "")).expect("the server takes it");
        read_slowly(&mut stream, &mut echo, LEN / 2, limit_ms) > LEN
    });
}

/// The system cannot take back what lies at the peer. That is no more than the buffer of a socket,
/// and goes with the peer.
#[test]
fn who_reads_nothing_is_dropped_in_time() {
    const LEN: usize = 8 << 20;
    let place = Place::new();
    large_file(&place, LEN as u64);
    let mut server = Server::new(Limits { write_ms_max: 300, ..LIMITS });
    server.static_root(&place.0);
    let path = place.path("s");
    let _server = Running::start_unix(server, &path);
    let mut stream = UnixStream::connect(&path).expect("it listens");
    stream.write_all(&get("/large", "")).expect("the server takes it");
    until("it is dropped", || {
        let mut fds = [PollFd::new(&stream, PollFlags::empty())];
        poll(&mut fds, Some(&Timespec::default())).is_ok_and(|len| len > 0)
            && fds[0].revents().contains(PollFlags::HUP)
    });
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(!rest.is_empty() && rest.len() < LEN / 2, "{} bytes were left", rest.len());
}

/// A peer can pass descriptors along with its bytes. They are closed, and the bytes count.
#[test]
fn descriptors_that_a_peer_passes_are_closed() {
    let (place, mut server) = (Place::new(), Server::new(LIMITS));
    mount_echo(&mut server, "/echo");
    let path = place.path("s");
    let _server = Running::start_unix(server, &path);
    let mut raw = open(&path, "/echo");
    let (mut reader, writer): (PipeReader, _) = pipe().expect("there are descriptors");
    let fds = [writer.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&fds)));
    let bytes = frame(TEXT, b"word");
    let sent = sendmsg(raw.stream(), &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::empty());
    assert_eq!(sent, Ok(bytes.len()));
    assert_eq!(raw.read_text(), "word");
    drop(writer);
    // It ends once nobody has the other end any more.
    assert_eq!(reader.read(&mut [0]).expect("it can be read"), 0);
    raw.send_text("more");
    assert_eq!(raw.read_text(), "more");
}

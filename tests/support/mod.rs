//! Shared by the tests over real sockets: a server on a thread of its own, clients that can send
//! any bytes, services that report their events. Nothing here sleeps: a test waits for an event,
//! and a distant deadline makes a missing one a failure.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unused_imports, reason = "each test file uses a part of it")]

pub mod binary;
pub mod folder;
pub mod http;
pub mod logged;
pub mod manager;
pub mod mount;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod process;
pub mod raw;
#[cfg(feature = "redis")]
pub mod redis;
pub mod services;
#[cfg(feature = "processes")]
pub mod several;
#[cfg(feature = "tls")]
pub mod tls;

use std::io::{self, ErrorKind, Read};
use std::iter;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

#[cfg(feature = "programs")]
use switchboard::Reloader;
use switchboard::{Host, Limits, Server, Stopper, Thread};
use tungstenite::client::IntoClientRequest;
use tungstenite::{ClientRequestBuilder, Error, HandshakeError, WebSocket};

pub use raw::Raw;

/// How long a test waits for an event, on any machine. Where bugs are planted, which make some
/// events impossible, it is less (`tests/mutations`).
pub const DEADLINE: Duration = Duration::from_secs(match option_env!("TEST_DEADLINE_S") {
    Some(text) => match u64::from_str_radix(text, 10) {
        Ok(seconds) => seconds,
        Err(_) => panic!("TEST_DEADLINE_S is no number of seconds"),
    },
    None => 120,
});

/// A time limit that no test reaches, longer than [`DEADLINE`] by far.
pub const NEVER_MS: u64 = 3_600_000;

/// The usual bounds, but for a stop that closes all sockets at once, and without time limits that
/// a well-behaved peer or service would miss on a slow machine.
pub const LIMITS: Limits = patient(Limits::SERVER);

/// The same for tests whose peers do not answer a stop: what is left is dropped soon.
pub const SOON: Limits = Limits { drain_ms_max: 200, ..LIMITS };

/// These bounds without their time limits. A test that needs a time limit sets only that one, and
/// nothing that has to survive is subject to it.
pub const fn patient(limits: Limits) -> Limits {
    Limits {
        handshake_ms_max: NEVER_MS,
        admission_ms_max: NEVER_MS,
        ping_interval_ms: NEVER_MS,
        pong_ms_max: NEVER_MS,
        write_ms_max: NEVER_MS,
        close_ms_max: NEVER_MS,
        drain_ms_max: NEVER_MS,
        drain_spread_ms: 0,
        ..limits
    }
}

/// Tests what has to hold wherever services run.
pub fn on_each_thread(test: impl Fn(Thread)) {
    for thread in [Thread::Own, Thread::Loop] {
        println!("with services on the thread {thread:?}");
        test(thread);
    }
}

/// A server whose services run there.
pub fn server_on(thread: Thread, limits: Limits) -> Server {
    let mut server = Server::new(limits);
    server.thread(thread);
    server
}

/// A client by other authors.
pub type Client = WebSocket<TcpStream>;

/// A server that runs on a thread.
pub struct Running {
    address: SocketAddr,
    stopper: Stopper,
    #[cfg(feature = "programs")]
    reloader: Reloader,
    thread: Option<JoinHandle<()>>,
    ended: Mutex<Receiver<io::Result<()>>>,
}

impl Running {
    /// Starts a server on a free port.
    pub fn start(server: Server) -> Self {
        Self::start_at(server, ([127, 0, 0, 1], 0).into())
    }

    /// Starts a server on a Unix socket as well.
    pub fn start_unix(mut server: Server, path: &Path) -> Self {
        server.unix_socket(path, 0o600);
        Self::start(server)
    }

    /// Starts a server at an address.
    pub fn start_at(server: Server, address: SocketAddr) -> Self {
        Self::run(server.bind(address).expect("the port is free"))
    }

    /// Runs a host.
    pub fn run(host: Host) -> Self {
        let (address, stopper) = (tcp(&host), host.stopper());
        #[cfg(feature = "programs")]
        let reloader = host.reloader();
        let (end, ended) = mpsc::channel();
        let thread = thread::spawn(move || {
            // A test that has failed no longer waits for it.
            let _ = end.send(host.run());
        });
        Self {
            address,
            stopper,
            #[cfg(feature = "programs")]
            reloader,
            thread: Some(thread),
            ended: Mutex::new(ended),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its stopper.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// What replaces its programs.
    #[cfg(feature = "programs")]
    pub fn reloader(&self) -> &Reloader {
        &self.reloader
    }

    /// A connection on which nothing has been said.
    pub fn raw(&self) -> Raw {
        Raw::connect(self.address)
    }

    /// An open socket of the client that sends any bytes.
    pub fn open(&self, path: &str) -> Raw {
        let mut raw = self.raw();
        raw.upgrade(path);
        raw
    }

    /// An open socket of the client by other authors.
    pub fn connect(&self, path: &str) -> Client {
        let url = format!("ws://{}{path}", self.address);
        self.connect_with(url.as_str())
    }

    /// The same, with a request that offers a subprotocol.
    pub fn connect_offering(&self, path: &str, protocol: &str) -> Client {
        let url = format!("ws://{}{path}", self.address).parse().expect("a path makes an address");
        self.connect_with(ClientRequestBuilder::new(url).with_sub_protocol(protocol))
    }

    fn connect_with(&self, request: impl IntoClientRequest) -> Client {
        let request = request.into_client_request().expect("it is a request");
        loop {
            match tungstenite::client(request.clone(), connect(self.address)) {
                Ok((client, _)) => return client,
                // A read with a limit is not restarted when a signal comes to this process.
                Err(HandshakeError::Failure(Error::Io(error)))
                    if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("the socket is admitted: {error}"),
            }
        }
    }

    /// The answer to a request, up to the end of the connection.
    pub fn ask(&self, request: &[u8]) -> http::Answer {
        let mut raw = self.raw();
        raw.send(request);
        raw.read_answer()
    }

    /// Asks for a clean stop, and waits for its end.
    pub fn stop(self) {
        self.stopper.stop();
        self.join();
    }

    /// Waits for the end of a stop that was asked for.
    pub fn join(mut self) {
        let ended = self.ended.lock().expect("nobody panics with it").recv_timeout(DEADLINE);
        ended.expect("the host ends in time").expect("the host ends without an error");
        let thread = self.thread.take().expect("it is joined once");
        thread.join().expect("the host does not panic");
    }

    /// Whether the host still runs.
    pub fn is_running(&self) -> bool {
        let ended = self.ended.lock().expect("nobody panics with it").try_recv();
        matches!(ended, Err(TryRecvError::Empty))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        // Whatever is still there.
        self.stopper.stop_now();
        let Ok(ended) = self.ended.lock().map(|ended| ended.recv_timeout(DEADLINE)) else {
            return;
        };
        if thread::panicking() {
            return;
        }
        ended.expect("the host ends in time").expect("the host ends without an error");
        thread.join().expect("the host does not panic");
    }
}

/// The address of a host that listens by TCP.
pub fn tcp(host: &Host) -> SocketAddr {
    host.address().tcp().expect("it listens by TCP")
}

/// A connection whose reads and writes fail rather than wait for ever.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    prepare(&stream);
    stream
}

/// Nothing is delayed, and nothing waits for ever.
fn prepare(stream: &TcpStream) {
    stream.set_nodelay(true).expect("delays are switched off");
    limit_waits(stream);
}

/// Nothing waits for ever.
fn limit_waits(stream: &TcpStream) {
    stream.set_read_timeout(Some(DEADLINE)).expect("time limits are set");
    stream.set_write_timeout(Some(DEADLINE)).expect("time limits are set");
}

/// What comes next through a channel.
pub fn next<T>(receiver: &Receiver<T>) -> T {
    match receiver.recv_timeout(DEADLINE) {
        Ok(value) => value,
        Err(RecvTimeoutError::Timeout) => panic!("nothing comes"),
        Err(RecvTimeoutError::Disconnected) => panic!("nothing can come any more"),
    }
}

/// Tries again until the result is true, and fails if it never is. For conditions without an event,
/// such as the number of threads.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < DEADLINE, "it never comes out true that {what}");
        thread::yield_now();
    }
}

/// Reads half of a large answer slowly for three time limits at most, beside an echo that is never
/// idle, and then the rest. Returns how many bytes came; a peer that is dropped may be reset.
pub fn read_slowly(
    stream: &mut impl Read,
    echo: &mut Raw,
    half_len: usize,
    limit_ms: u64,
) -> usize {
    let (mut part, mut got) = (vec![0; 65_536], 0);
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(3 * limit_ms) && got < half_len {
        got += stream.read(&mut part).expect("it goes on");
        let next = Instant::now() + Duration::from_millis(limit_ms / 8);
        while Instant::now() < next {
            echo.send_text("?");
            assert_eq!(echo.read_text(), "?");
        }
    }
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    got + rest.len()
}

/// Repeats a test with a time limit in milliseconds that doubles until this machine is quick enough
/// to keep to it. A fault fails with each limit.
pub fn until_quick_enough(what: &str, mut is_so: impl FnMut(u64) -> bool) {
    let mut limits = iter::successors(Some(500), |ms| Some(2 * ms))
        .take_while(|ms| Duration::from_millis(*ms) < DEADLINE / 4);
    let is_so_in_time = limits.any(&mut is_so);
    assert!(is_so_in_time, "with no time limit below {:?}: {what}", DEADLINE / 4);
}

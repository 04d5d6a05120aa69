//! The binary, as a user starts it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// The section `[limits]` of a configuration, with these lines in it and without any other time
/// limit that a well-behaved peer or service would miss on a slow machine.
pub fn patience(lines: &[(&str, &str)]) -> String {
    let mut text = String::from("[limits]\n");
    let others = TIME_LIMITS.iter().filter(|key| lines.iter().all(|(other, _)| other != *key));
    let others = others.map(|key| (*key, "3600s"));
    for (key, value) in others.chain(lines.iter().copied()) {
        text += &format!("{key}: {value}\n");
    }
    text
}

/// The time limits that a slow machine would miss.
pub const TIME_LIMITS: [&str; 7] = [
    "handshake-timeout",
    "admission-timeout",
    "ping-interval",
    "pong-timeout",
    "write-timeout",
    "close-timeout",
    "drain-timeout",
];

/// A configuration that is patient.
pub fn patient_file() -> PathBuf {
    place().join("server.conf")
}

/// The working directory of the binaries of this test, with a patient configuration, which they use
/// unless they are given another one. It lets tests of an ordinary user look into the process.
fn place() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME"));
        fs::create_dir_all(&folder).expect("it can be made");
        let programs = if cfg!(feature = "programs") { "stop-timeout: 3600s\n" } else { "" };
        let text = patience(&[]) + "[server]\ndumpable: yes\n" + programs;
        fs::write(folder.join("server.conf"), text).expect("it can be written");
        folder
    })
}

/// The binary on a free port.
pub struct Binary {
    child: Child,
    address: SocketAddr,
}

impl Binary {
    /// Starts it with its own services and the defaults.
    pub fn start() -> Self {
        Self::run(&mut Command::new(env!("CARGO_BIN_EXE_switchboard")))
    }

    /// Starts it by a command whose last words are for it.
    pub fn run(command: &mut Command) -> Self {
        Self::spawn(command.stderr(Stdio::null()))
    }

    /// The same, and returns the lines of its log.
    pub fn run_logged(command: &mut Command) -> (Self, Receiver<String>) {
        let (binary, errors) = Self::run_unread(command);
        (binary, Self::read(errors))
    }

    /// Starts it by a command to which nothing is added, with no listeners but those of TLS.
    /// Returns the lines of its log, too.
    pub fn run_secure(command: &mut Command) -> (Self, Receiver<String>) {
        let mut binary = Self::begin(command.stderr(Stdio::piped()), "https://");
        let errors = binary.child.stderr.take().expect("it was piped");
        (binary, Self::read(errors))
    }

    /// Starts it by a command to which nothing is added. Returns the lines of its log, too.
    pub fn run_loud(command: &mut Command) -> (Self, Receiver<String>) {
        let mut binary = Self::run_as_it_is(command.stderr(Stdio::piped()));
        let errors = binary.child.stderr.take().expect("it was piped");
        (binary, Self::read(errors))
    }

    fn read(errors: ChildStderr) -> Receiver<String> {
        let (sender, lines) = mpsc::channel();
        // It ends with the binary, or when there is no reader any more.
        thread::spawn(move || {
            BufReader::new(errors)
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        lines
    }

    /// The same, and returns its log, which is not read.
    pub fn run_unread(command: &mut Command) -> (Self, ChildStderr) {
        let mut binary = Self::spawn(command.stderr(Stdio::piped()));
        let errors = binary.child.stderr.take().expect("it was piped");
        (binary, errors)
    }

    fn spawn(command: &mut Command) -> Self {
        Self::run_as_it_is(command.args(["--port", "0", "--quiet"]))
    }

    /// Starts it by a command to which nothing is added.
    pub fn run_as_it_is(command: &mut Command) -> Self {
        Self::begin(command, "http://")
    }

    fn begin(command: &mut Command, scheme: &str) -> Self {
        let mut child =
            command.current_dir(place()).stdout(Stdio::piped()).spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it was piped")).lines();
        let address = lines.find_map(|line| {
            let line = line.expect("its output is text");
            let address = line.strip_prefix("listening on ")?.strip_prefix(scheme);
            address.map(|address| address.parse().expect("it is one"))
        });
        Self { child, address: address.expect("it says where it listens") }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of its process.
    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.pid()]).status();
        assert!(sent.expect("there is a kill").success());
    }

    /// Its exit code, for which this waits.
    pub fn exit_code(&mut self) -> Option<i32> {
        let mut status = None;
        super::until("the binary has ended", || {
            status = self.child.try_wait().expect("it can be waited for");
            status.is_some()
        });
        status.and_then(|status| status.code())
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        // Whether it runs still or not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

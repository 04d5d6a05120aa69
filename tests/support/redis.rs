//! A real Redis server for a test: a folder and a process of its own, as an unprivileged user. It
//! ends with the test, also if that is killed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{DEADLINE, until};

/// A server that runs, or that [`Redis::kill`] has ended.
#[derive(Debug)]
pub struct Redis {
    folder: PathBuf,
    settings: Vec<String>,
    running: Option<Child>,
}

impl Redis {
    /// Starts a server with a Unix socket.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with `settings`, which are words of its command line.
    pub fn start_with(settings: &[&str]) -> Self {
        Self::start_beside(settings, &[])
    }

    /// The same with copies of files in its folder, which it may read.
    pub fn start_beside(settings: &[&str], files: &[&Path]) -> Self {
        let folder = super::folder::socket_path("redis");
        fs::create_dir(&folder).expect("it is free");
        let copy = |file: &&Path| {
            let copy = folder.join(file.file_name().expect("it has a name"));
            fs::copy(file, &copy).expect("it can be copied");
            copy
        };
        let copies: Vec<_> = files.iter().map(copy).collect();
        if rustix::process::geteuid().is_root() {
            let (user, group) = NOBODY;
            for path in copies.iter().chain([&folder]) {
                chown(path, Some(user), Some(group)).expect("root may");
            }
        }
        let settings = settings.iter().map(|word| (*word).to_owned()).collect();
        let mut server = Self { folder, settings, running: None };
        server.run();
        server
    }

    /// Starts the server again, and waits until it accepts connections.
    pub fn run(&mut self) {
        assert!(self.running.is_none(), "it does not run");
        let mut command = Command::new("setpriv");
        if rustix::process::geteuid().is_root() {
            let (user, group) = NOBODY;
            command
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={group}"))
                .arg("--clear-groups");
        }
        command.args(["--pdeathsig", "KILL", "redis-server", "--port", "0", "--save", ""]);
        command.args(["--appendonly", "no", "--unixsocketperm", "777", "--unixsocket"]);
        command.arg(self.socket()).arg("--dir").arg(&self.folder).args(&self.settings);
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        self.running = Some(command.spawn().expect("it runs"));
        until("it accepts connections", || UnixStream::connect(self.socket()).is_ok());
    }

    /// Ends the server at once, with what it has not sent.
    pub fn kill(&mut self) {
        let Some(mut child) = self.running.take() else { return };
        child.kill().expect("it is a child");
        child.wait().expect("it is a child");
        let _ = fs::remove_file(self.socket());
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.running.as_ref().expect("it runs").id()
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// A port that is free a moment later, too, for a server that listens by TCP.
    pub fn free_port() -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.local_addr().expect("it is bound").port()
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Has it execute a command, and returns the first `len` lines of the answer.
    pub fn ask(&self, command: &str, len: usize) -> Vec<String> {
        let mut stream = UnixStream::connect(self.socket()).expect("it runs");
        stream.set_read_timeout(Some(DEADLINE)).expect("time limits are set");
        stream.write_all(format!("{command}\r\n").as_bytes()).expect("it reads");
        let lines = BufReader::new(stream).lines().take(len);
        lines.map(|line| line.expect("it answers")).collect()
    }

    /// The same for an answer of one line.
    pub fn command(&self, command: &str) -> String {
        self.ask(command, 1).concat()
    }

    /// Waits until so many connections have subscribed to a channel.
    pub fn wait_for_subscribers(&self, channel: &str, len: usize) {
        until("all have subscribed", || {
            let lines = self.ask(&format!("PUBSUB NUMSUB \"{channel}\""), 4);
            lines.last() == Some(&format!(":{len}"))
        });
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A user and a group without rights, on any system.
const NOBODY: (u32, u32) = (65_534, 65_534);

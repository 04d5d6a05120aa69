//! A real PostgreSQL server for a test: a folder, a port and a process of its own, as an
//! unprivileged user. It ends with the test, also if that is killed.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// A server that runs, or that [`Postgres::end`] has ended.
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    settings: Vec<String>,
    running: Option<Child>,
    log: Receiver<String>,
}

/// How a server ends.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// It ends its sessions, and writes all that it has.
    Fast,
    /// It ends as if the machine had no power any more, and recovers at the next start.
    Immediate,
}

impl Postgres {
    /// Makes a cluster and starts its server.
    pub fn start() -> Self {
        Self::start_with(&[], &[], &[])
    }

    /// The same with `settings`, which are lines of postgresql.conf, with `rules`, which are lines
    /// of pg_hba.conf before those that admit all, and with copies of files beside its own.
    pub fn start_with(settings: &[&str], rules: &[&str], files: &[&Path]) -> Self {
        let folder = super::folder::socket_path("postgres");
        let data = folder.join("data");
        fs::create_dir(&folder).expect("it is free");
        let give = |path: &Path| {
            if rustix::process::geteuid().is_root() {
                let (user, group) = NOBODY;
                chown(path, Some(user), Some(group)).expect("root may");
            }
        };
        give(&folder);
        let words = ["--no-sync", "-A", "trust", "-U", "tester", "-E", "UTF8", "--no-locale", "-D"];
        let made = unprivileged("initdb").args(words).arg(&data).output().expect("it runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let rules =
            [rules, &["local all all trust", "host all all 127.0.0.1/32 trust", ""]].concat();
        fs::write(data.join("pg_hba.conf"), rules.join("\n")).expect("it is ours");
        for file in files {
            let copy = data.join(file.file_name().expect("it has a name"));
            fs::copy(file, &copy).expect("it is there");
            fs::set_permissions(&copy, Permissions::from_mode(0o600)).expect("it is ours");
            give(&copy);
        }
        let settings = settings.iter().map(|line| (*line).to_owned()).collect();
        let port = TcpListener::bind("127.0.0.1:0").and_then(|one| one.local_addr());
        let port = port.expect("a port is free").port();
        let mut server = Self { folder, port, settings, running: None, log: mpsc::channel().1 };
        server.run();
        server
    }

    /// Starts the server again, and waits until it accepts connections.
    pub fn run(&mut self) {
        assert!(self.running.is_none(), "it does not run");
        let mut command = unprivileged("postgres");
        command.arg("-D").arg(self.folder.join("data")).arg("-k").arg(&self.folder);
        command.args(["-p", &self.port.to_string(), "-h", "127.0.0.1"]);
        for setting in SETTINGS.iter().copied().chain(self.settings.iter().map(|line| &**line)) {
            command.args(["-c", setting]);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().expect("it runs");
        self.log = lines(child.stderr.take().expect("it is a pipe"));
        self.running = Some(child);
        self.wait_for_line("ready to accept connections");
    }

    /// Ends the server, and waits until it has ended.
    pub fn end(&mut self, how: End) {
        let Some(mut child) = self.running.take() else { return };
        // `timeout` passes it on.
        let signal = match how {
            End::Fast => "INT",
            End::Immediate => "QUIT",
        };
        signal_process(&child, signal);
        child.wait().expect("it is a child");
    }

    /// Waits for a line of the server's log.
    pub fn wait_for_line(&self, part: &str) {
        while !super::next(&self.log).contains(part) {}
    }

    /// The address of the server, for a socket in its folder.
    pub fn url(&self) -> String {
        format!("postgres://tester@/postgres?host={}&port={}", self.folder.display(), self.port)
    }

    /// The port of loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the server.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.end(End::Immediate);
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A program of PostgreSQL, which refuses to run as root. It ends with this process, or after ten
/// minutes. Debian keeps it out of the path.
fn unprivileged(name: &str) -> Command {
    let mut command = Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        let (user, group) = NOBODY;
        command
            .arg(format!("--reuid={user}"))
            .arg(format!("--regid={group}"))
            .arg("--clear-groups");
    }
    command.args(["--pdeathsig", "QUIT", "timeout", "-k", "5", "-s", "QUIT", "600"]);
    command.arg(program(name)).current_dir("/");
    command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// The newest version that is installed.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin").join(name));
    found.filter(|path| path.exists()).max().unwrap_or_else(|| name.into())
}

fn signal_process(child: &Child, signal: &str) {
    let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
    assert!(sent.expect("it runs").success());
}

fn lines(stderr: ChildStderr) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    lines
}

/// What makes a server quick, since its machine survives the test.
const SETTINGS: [&str; 4] =
    ["fsync=off", "shared_buffers=16MB", "max_connections=40", "log_line_prefix="];
/// A user and a group without rights, on any system.
const NOBODY: (u32, u32) = (65_534, 65_534);

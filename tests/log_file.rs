//! The log of the binary in a file (`log-file`), which tools rotate, and the state of the server in
//! it (SIGUSR1).

#![cfg(all(feature = "admin", feature = "programs", feature = "chatroom"))]

mod support;

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::Value;

use support::folder::{by_short_path, folder, programs};
use support::http::get;
use support::raw::close;
use support::{Raw, until};

/// The binary, whose log is the file `log` of a folder.
struct Server {
    child: Child,
    log: PathBuf,
    address: SocketAddr,
}

impl Server {
    /// Starts it in a folder, with these lines in the section `[server]`.
    fn start(folder: &Path, lines: &str) -> Self {
        Self::run(folder, lines, &mut Command::new(env!("CARGO_BIN_EXE_switchboard")))
    }

    /// The same, by a command whose last words are for it.
    fn run(folder: &Path, lines: &str, command: &mut Command) -> Self {
        let conf = format!("[server]\nport: 0\nlog-file: log\nlog-format: json\n{lines}\n");
        fs::write(folder.join("conf"), conf).expect("it can be written");
        let log = folder.join("log");
        // That of an earlier server.
        let before = fs::read_to_string(&log).unwrap_or_default().len();
        let child = command
            .current_dir(folder)
            .args(["-c", "conf"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut address = None;
        until("it says where it listens", || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            let own = text.get(before..).unwrap_or_default();
            let begin = own.split_once("listening on http://").map(|(_, begin)| begin);
            let end = begin.and_then(|text| text.split_once('"'));
            address = end.map(|(address, _)| address.parse().expect("it is one"));
            address.is_some()
        });
        Self { child, log, address: address.expect("it was found") }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("there is a kill").success());
    }

    /// Stops it. Nothing was on standard error.
    fn stop(mut self) {
        self.signal("TERM");
        let mut errors = String::new();
        let stderr = self.child.stderr.as_mut().expect("it was piped");
        stderr.read_to_string(&mut errors).expect("it is text");
        assert_eq!((self.child.wait().expect("it ends").code(), &*errors), (Some(0), ""));
    }

    /// A socket that comes and goes, whose life is one line.
    fn come_and_go(&self) {
        come_and_go(self.address);
    }

    /// Waits until the file of the log has this in it.
    fn await_text(&self, text: &str) {
        until(&format!("the log has {text:?}"), || {
            fs::read_to_string(&self.log).is_ok_and(|log| log.contains(text))
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Whether it runs still or not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn come_and_go(address: SocketAddr) {
    let mut raw = Raw::connect(address);
    raw.upgrade("/echo");
    raw.send(&close(1000, ""));
    raw.read_close();
}

/// The lines of a file, all of which are JSON.
fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("it is text");
    assert!(text.is_empty() || text.ends_with('\n'), "{path:?} ends within a line");
    let line = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line:?} is no JSON"));
    text.lines().map(line).collect()
}

/// How many lines have this message.
fn count(lines: &[Value], message: &str) -> usize {
    lines.iter().filter(|line| line["message"] == message).count()
}

/// The first line with this message.
fn find<'a>(lines: &'a [Value], message: &str) -> &'a Value {
    let found = lines.iter().find(|line| line["message"] == message);
    found.unwrap_or_else(|| panic!("no line says {message:?}: {lines:?}"))
}

/// Sets a flag when it is dropped, also by a panic: threads of the test wait for it.
struct SetsAtEnd<'a>(&'a AtomicBool);

impl Drop for SetsAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// As logrotate does without `copytruncate`: it renames the file and signals. A part of the signals
/// comes while nobody has renamed it, as when a tool does it twice.
#[test]
fn a_rotation_loses_no_line_and_splits_none() {
    let folder = folder("rotation");
    let server = Server::start(&folder, "");
    let is_over = AtomicBool::new(false);
    let len: usize = thread::scope(|scope| {
        let over = SetsAtEnd(&is_over);
        let peers = [(); 3].map(|()| {
            scope.spawn(|| {
                let mut len = 0;
                while !is_over.load(Ordering::SeqCst) {
                    server.come_and_go();
                    len += 1;
                }
                len
            })
        });
        for number in 1..=12 {
            let old = folder.join(format!("log.{number}"));
            server.await_text("socket closed");
            fs::rename(&server.log, &old).expect("it is there");
            let is_spare = number % 3 == 0;
            (0..=u8::from(is_spare)).for_each(|_| server.signal(["USR1", "HUP"][number % 2]));
            until("there is a new file", || server.log.exists());
        }
        drop(over);
        peers.map(|peer| peer.join().expect("it does not panic")).iter().sum()
    });
    let log = server.log.clone();
    server.stop();
    let files = (1..=12).map(|number| folder.join(format!("log.{number}"))).chain([log]);
    let files: Vec<_> = files.map(|file| lines(&file)).collect();
    let told: usize = files.iter().map(|lines| count(lines, "socket closed")).sum();
    assert_eq!(told, len);
    let states: usize = files.iter().map(|lines| count(lines, "state of the server")).sum();
    assert!((1..=8).contains(&states), "SIGUSR1 tells the state, and SIGHUP does not: {states}");
}

/// As logrotate does with `copytruncate`: what was written before the copy is in the copy, and the
/// file goes on at its beginning.
#[test]
fn a_file_that_is_emptied_goes_on_at_its_beginning() {
    let folder = folder("emptied");
    let server = Server::start(&folder, "");
    server.come_and_go();
    server.await_text("socket closed");
    File::create(&server.log).expect("it can be emptied");
    server.come_and_go();
    server.await_text("socket closed");
    let lines = lines(&server.log);
    assert_eq!(count(&lines, "socket closed"), 1, "{lines:?}");
    server.stop();
}

#[test]
fn a_file_that_cannot_be_opened_again_leaves_the_log_in_the_old_one() {
    let folder = folder("fault");
    let server = Server::start(&folder, "");
    let old = folder.join("log.1");
    fs::rename(&server.log, &old).expect("it is there");
    fs::create_dir(&server.log).expect("the name is free");
    server.signal("USR1");
    until("the old file says so", || {
        fs::read_to_string(&old).is_ok_and(|text| text.contains("state of the server"))
    });
    server.come_and_go();
    until("the log goes on there", || {
        fs::read_to_string(&old).is_ok_and(|text| text.contains("socket closed"))
    });
    let fault = lines(&old).into_iter().find(|line| line["level"] == "warn").expect("it says so");
    let text = fault["message"].as_str().expect("it is text");
    assert!(text.starts_with("log-file is log, which cannot be opened: Is a directory"), "{text}");
    assert!(text.ends_with("; the log goes on in the file that was open"), "{text}");
    fs::remove_dir(&server.log).expect("it is empty");
    server.signal("HUP");
    server.await_text("the configuration was read again");
    server.come_and_go();
    server.await_text("socket closed");
    assert_eq!(count(&lines(&old), "socket closed"), 1);
    server.stop();
}

#[test]
fn a_new_file_is_for_its_owner_and_group() {
    let folder = folder("mode");
    let mut command = Command::new("sh");
    command.args(["-c", "umask 022; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_switchboard")]);
    let server = Server::run(&folder, "", &mut command);
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&server.log), 0o640);
    // One that is there keeps its own.
    let other = folder.join("new");
    fs::write(&other, "").expect("it can be written");
    fs::set_permissions(&other, PermissionsExt::from_mode(0o604)).expect("it is ours");
    fs::rename(&other, &server.log).expect("it can be replaced");
    server.signal("USR1");
    server.await_text("state of the server");
    assert_eq!(mode(&server.log), 0o604);
    server.stop();
}

/// Whether the server starts with this file, its exit code, and what is on standard error.
fn refused(folder: &Path, file: &str, words: &[&str]) -> (Option<i32>, String) {
    let conf = format!("[server]\nlog-file: {file}\nport: 0\n");
    fs::write(folder.join("conf"), conf).expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.current_dir(folder).args(["-c", "conf"]).args(words);
    let output = command.output().expect("it runs");
    (output.status.code(), String::from_utf8(output.stderr).expect("it is text"))
}

#[test]
fn what_no_log_can_be_written_to_is_an_error_that_names_the_key() {
    let folder = folder("refused");
    let made = Command::new("mkfifo").arg(folder.join("fifo")).status();
    assert!(made.expect("there is a mkfifo").success());
    for file in ["missing/log", "."] {
        for words in [&[][..], &["--check-config"]] {
            let (code, text) = refused(&folder, file, words);
            let fault = format!("conf:2: log-file is \"{file}\", allowed is a file in a directory");
            assert!(code == Some(4) && text.contains(&fault), "{file} {code:?} {text}");
        }
    }
    let (code, text) = refused(&folder, "fifo", &[]);
    assert_eq!(code, Some(4), "{text}");
    assert!(text.starts_with("switchboard: log-file is fifo, which cannot be opened"), "{text}");
    assert!(text.ends_with("; a FIFO needs a reader first\n"), "{text}");
    // The log is not for all who visit.
    fs::create_dir(folder.join("public")).expect("the name is free");
    let (code, text) = refused(&folder, "public/log\nstatic-root: public", &["--check-config"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("public/log lies inside of static-root public"), "{text}");
}

/// A FIFO whose reader goes keeps nobody waiting, and its next reader reads how much is missing.
#[test]
fn a_fifo_without_a_reader_costs_lines_and_nothing_else() {
    let folder = folder("fifo");
    let path = folder.join("log");
    assert!(Command::new("mkfifo").arg(&path).status().expect("it runs").success());
    // This end makes a reader, so that the other can be opened.
    let open = || OpenOptions::new().read(true).write(true).open(&path).expect("it is a FIFO");
    let holder = open();
    let conf = "[server]\nport: 0\nlog-file: log\n";
    fs::write(folder.join("conf"), conf).expect("it can be written");
    let mut child = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .current_dir(&folder)
        .args(["-c", "conf"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut said = BufReader::new(child.stdout.take().expect("it was piped")).lines();
    let address = said.find_map(|line| {
        let line = line.expect("it is text");
        line.strip_prefix("listening on http://").map(|address| address.parse().expect("one"))
    });
    let address = address.expect("it says where it listens");
    drop(holder);
    (0..20).for_each(|_| come_and_go(address));
    let mut log = BufReader::new(open()).lines();
    until("the log says that lines are missing", || {
        come_and_go(address);
        let line = log.next().expect("it does not end").expect("it is text");
        line.contains(" lines of the log were dropped: Broken pipe")
    });
    let stopped = Command::new("kill").arg(child.id().to_string()).status();
    assert!(stopped.expect("there is a kill").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

/// The system lets the files of a process have so many bytes only, as a small disk does: of the
/// line that goes beyond it, a part is written. The next server begins with a line of its own.
#[test]
fn lines_that_a_full_disk_has_cut_end_where_they_were_cut() {
    let folder = folder("full");
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_switchboard")]);
    let server = Server::run(&folder, "", &mut command);
    let (pid, before) = (Pid::from_child(&server.child), getrlimit(Resource::Fsize));
    let little = Rlimit { current: Some(ROOM), ..before };
    prlimit(Some(pid), Resource::Fsize, little).expect("the child is ours");
    let size = || fs::metadata(&server.log).expect("it is there").size();
    until("the disk is full", || {
        server.come_and_go();
        size() == ROOM
    });
    // The file is opened again while it ends within a line.
    server.signal("USR1");
    server.come_and_go();
    prlimit(Some(pid), Resource::Fsize, before).expect("the child is ours");
    until("the loss is logged", || {
        server.come_and_go();
        fs::read_to_string(&server.log).is_ok_and(|text| text.contains(" lines of the log were"))
    });
    // A server that is killed while the disk is full leaves a part of a line.
    let text = fs::read_to_string(&server.log).expect("it is text");
    drop(server);
    let len = text.trim_end().len() as u64;
    File::options()
        .write(true)
        .open(folder.join("log"))
        .and_then(|log| log.set_len(len - 9))
        .expect("it is ours");
    Server::start(&folder, "").stop();
    let text = fs::read_to_string(folder.join("log")).expect("it is text");
    let mut at = 0;
    for line in text.lines() {
        let end = at + line.len() as u64;
        let is_cut = end == ROOM || end == len - 9;
        assert_eq!(serde_json::from_str::<Value>(line).is_err(), is_cut, "{line:?} at {at}");
        at = end + 1;
    }
}

/// Where it listens is in use: standard error and the log say so.
#[test]
fn what_keeps_a_server_from_starting_is_on_standard_error_as_well() {
    let folder = folder("unserved");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = taken.local_addr().expect("it is bound").port();
    for format in ["text", "json"] {
        let file = format!("{format}\nlog-format: {format}");
        let (code, text) = refused(&folder, &file, &["--port", &port.to_string()]);
        assert_eq!(code, Some(3), "{text}");
        assert!(text.starts_with("switchboard: cannot bind 127.0.0.1:"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        let log = fs::read_to_string(folder.join(format)).expect("it is text");
        assert!(log.contains("cannot bind 127.0.0.1:"), "{log}");
    }
}

/// Without a file, SIGUSR1 tells the state on standard error.
#[test]
fn sigusr1_tells_the_state_of_the_server_and_of_each_service() {
    let program = "#!/bin/sh\nread hello\necho READY 1\nwhile read -r line; do :; done\n";
    let folder = programs("state", &[("root/found.sh", program)]);
    let conf = "[server]\nport: 0\nlog-format: json\ndocument-root: root\n";
    fs::write(folder.join("conf"), conf).expect("it can be written");
    let mut child = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .current_dir(&folder)
        .args(["-c", "conf"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let log = BufReader::new(child.stderr.take().expect("it was piped")).lines();
    let mut log = log
        .map(|line| serde_json::from_str::<Value>(&line.expect("it is text")).expect("it is JSON"));
    let listening = log.find_map(|line| {
        let text = line["message"].as_str()?.strip_prefix("listening on http://")?;
        Some(text.parse::<SocketAddr>().expect("it is one"))
    });
    let address = listening.expect("it says where it listens");
    let mut sockets = ["/echo", "/echo", "/found"].map(|path| {
        let mut raw = Raw::connect(address);
        raw.upgrade(path);
        raw
    });
    sockets[0].send_text("so that its service has taken all");
    sockets[0].read_text();
    for _ in 0..2 {
        let pid = child.id().to_string();
        let sent = Command::new("kill").args(["-s", "USR1", &pid]).status();
        assert!(sent.expect("there is a kill").success());
        let state = log.find(|line| line["target"] == "switchboard::status").expect("it comes");
        assert_eq!(state["message"], "state of the server", "{state}");
        assert_eq!(state["version"], env!("CARGO_PKG_VERSION"), "{state}");
        assert_eq!((&state["sockets"], &state["paused"]), (&3.into(), &0.into()), "{state}");
        assert_eq!(state["running"], 2, "{state}");
        let len = state["services"].as_u64().expect("it is a number");
        let services: Vec<_> = log.by_ref().take(len.try_into().expect("few")).collect();
        let of = |path: &str| services.iter().find(|line| line["service"] == path).expect("one");
        let facts = |path| {
            let of = of(path);
            let words = ["kind", "state", "sockets", "restarts"].map(|key| of[key].to_string());
            words.join(" ").replace('"', "")
        };
        assert_eq!(facts("/echo"), "mounted running 2 0");
        assert_eq!(facts("/clock"), "mounted idle 0 0");
        assert_eq!(facts("/found"), "program running 1 0");
        assert_eq!((&of("/echo")["mail"], &of("/echo")["topics"]), (&0.into(), &0.into()));
    }
    let stopped = Command::new("kill").arg(child.id().to_string()).status();
    assert!(stopped.expect("there is a kill").success());
    drop(sockets);
    assert!(log.all(|line| line["level"] != "error"));
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

/// What a line in JSON has of a request: with two listeners, and with a client behind a proxy.
#[cfg(all(feature = "proxy", feature = "unix"))]
#[test]
fn json_says_which_listener_and_client_a_line_is_about() {
    let folder = folder("fields");
    let more = "unix-socket: socket\ntrusted-proxy: unix\naccess-log: all\n[limits]\n\
                close-timeout: 3600s\n";
    let server = Server::start(&folder, more);
    let long = "x".repeat(300);
    let head = format!("User-Agent: probe \"1\" {long}\r\n");
    let mut raw = Raw::connect(server.address);
    raw.send(&get("/nothing", &head));
    raw.read_answer();
    drop(raw);
    server.await_text("request refused");
    let mut raw = by_short_path(&folder, |folder| Raw::connect_unix(&folder.join("socket")));
    let head = format!("X-Forwarded-For: 192.0.2.7\r\nUser-Agent: b\r\n{}", support::http::UPGRADE);
    raw.send(&get("/echo", &head));
    raw.read_101();
    server.await_text("socket opened");
    raw.send(&close(1000, ""));
    raw.read_close();
    drop(raw);
    server.await_text("socket closed");
    let lines = lines(&server.log);
    let fields = |message: &str, keys: &[&str]| {
        let line = find(&lines, message);
        keys.iter().map(|key| format!("{key}={}\n", line[*key])).collect::<String>()
    };
    let (all, address) = (["listener", "proxy", "host", "user_agent", "status"], server.address);
    let agent = format!("\"probe \\\"1\\\" {}\"", &long[..190]);
    assert_eq!(
        fields("request refused", &all),
        format!(
            "listener=\"{address}\"\nproxy=null\nhost=\"localhost\"\nuser_agent={agent}\n\
             status=404\n"
        )
    );
    let socket = "listener=\"unix:socket\"\nproxy=";
    assert_eq!(
        fields("socket opened", &all),
        format!("{socket}\"unix\"\nhost=\"localhost\"\nuser_agent=\"b\"\nstatus=101\n")
    );
    assert_eq!(
        fields("socket opened", &["peer", "path"]),
        "peer=\"192.0.2.7:0\"\npath=\"/echo\"\n"
    );
    // The line at the end of a socket has what costs an open one nothing.
    assert_eq!(
        fields("socket closed", &all),
        format!("{socket}null\nhost=null\nuser_agent=null\nstatus=null\n")
    );
    let ids = ["socket opened", "socket closed"].map(|line| fields(line, &["socket"]));
    assert_eq!(ids[0], ids[1]);
    server.stop();
}

/// In bytes.
const ROOM: u64 = 16 << 10;

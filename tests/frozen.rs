//! A disk that hangs: requests for files and for programs wait in bounds, and what has gone leaves
//! nothing. The threads of the binary that wait for a disk, or for the reader of the log, are
//! stopped, as these would do it, by a debugger.

#![cfg(all(feature = "host", target_os = "linux"))]
#![expect(unsafe_code, reason = "ptrace has no safe form")]

mod support;

use std::fs;
#[cfg(feature = "programs")]
use std::io::{BufRead, BufReader};
#[cfg(feature = "programs")]
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
#[cfg(feature = "programs")]
use std::process::Stdio;
use std::ptr::null_mut;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use switchboard::host::raise_descriptor_limit;

use support::binary::{Binary, patience};
#[cfg(feature = "programs")]
use support::folder::{folder, write};
use support::http::get;
#[cfg(feature = "programs")]
use support::http::upgrade;
use support::process::resident;
use support::{Raw, until};

/// A thread that is stopped until this is dropped. The thread that has stopped it has to do so.
struct Frozen(libc::pid_t);

impl Frozen {
    /// Stops the thread of this name.
    fn new(process: &str, name: &str) -> Self {
        let threads = fs::read_dir(format!("/proc/{process}/task")).expect("the process runs");
        let mut threads = threads.map(|thread| thread.expect("it can be read").path());
        let is_it = |thread: &PathBuf| {
            fs::read_to_string(thread.join("comm")).is_ok_and(|comm| comm.trim() == name)
        };
        let thread = threads.find(is_it).expect("there is such a thread");
        // Once it has nothing to do, it holds no lock.
        until("the thread waits", || {
            let stat = fs::read_to_string(thread.join("stat")).expect("the thread runs");
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
        });
        let id = thread.file_name().and_then(|id| id.to_str()).and_then(|id| id.parse().ok());
        let id: libc::pid_t = id.expect("a thread has a number");
        // SAFETY: the first two calls take numbers; the third writes a status, which is not wanted.
        let stopped = unsafe {
            let none = null_mut::<libc::c_void>();
            libc::ptrace(libc::PTRACE_SEIZE, id, none, none) == 0
                && libc::ptrace(libc::PTRACE_INTERRUPT, id, none, none) == 0
                && libc::waitpid(id, null_mut(), libc::__WALL) == id
        };
        assert!(stopped, "it can be stopped: {}", std::io::Error::last_os_error());
        Self(id)
    }

    /// Waits until it has ended with its process, which is not gone before it is waited for.
    #[cfg(feature = "programs")]
    fn end(self) {
        until("the stopped thread has ended", || {
            // SAFETY: the call takes numbers, and writes a status, which is not wanted.
            unsafe { libc::waitpid(self.0, null_mut(), libc::__WALL | libc::WNOHANG) == self.0 }
        });
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // SAFETY: the call takes numbers. The thread may have ended with its process.
        unsafe {
            libc::ptrace(libc::PTRACE_DETACH, self.0, null_mut::<libc::c_void>(), 0);
        }
    }
}

#[test]
fn a_disk_that_hangs_costs_no_more_than_its_bounds() {
    assert!(raise_descriptor_limit() > 2 * WAITING_MAX, "there are descriptors for all");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("frozen");
    fs::create_dir_all(folder.join("root")).expect("it can be made");
    fs::write(folder.join("root/x.txt"), "inside").expect("it can be written");
    let root = folder.join("root");
    let text =
        format!("[server]\ndumpable: yes\nstatic-root: {}\n{}", root.display(), patience(&[]));
    fs::write(folder.join("frozen.conf"), text).expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    let server = Binary::run(command.arg("--config").arg(folder.join("frozen.conf")));
    let mut other = Raw::connect(server.address());
    other.upgrade("/echo");
    let mut echo = || {
        other.send_text("still here");
        assert_eq!(other.read_text(), "still here");
    };
    echo();
    let ask = |more: &str| {
        let mut raw = Raw::connect(server.address());
        raw.send(&get("/x.txt", more));
        raw
    };
    assert_eq!(ask("").read_answer().text(), "inside");
    let pid = server.pid();
    let frozen = Frozen::new(&pid, "files");
    let start = resident(&pid);
    let more = format!("X: {}\r\n", "y".repeat(8_000));
    for _ in 0..GONE / 100 {
        let sockets: Vec<Raw> = (0..100).map(|_| ask(&more)).collect();
        // They have been accepted in one turn, and read in another one.
        (0..3).for_each(|_| echo());
        for raw in &sockets {
            // So that the end is a reset.
            set_socket_linger(raw.stream(), Some(Duration::ZERO)).expect("it can be set");
        }
    }
    let grown = resident(&pid).saturating_sub(start);
    println!("{grown} bytes for {GONE} requests that have gone");
    assert!(grown < GROWN_MAX, "{grown} bytes");
    // Clients that stay wait, up to a bound.
    let mut waiting = Vec::new();
    let refused = loop {
        let mut raw = ask("");
        // As above, and whatever a turn writes first.
        (0..3).for_each(|_| echo());
        raw.stream().set_nonblocking(true).expect("it can be");
        let is_answered = raw.stream().peek(&mut [0]).is_ok();
        raw.stream().set_nonblocking(false).expect("it can be");
        if is_answered {
            break raw.read_answer();
        }
        waiting.push(raw);
        assert!(waiting.len() <= WAITING_MAX, "there is a bound");
    };
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    // The disk is back.
    drop(frozen);
    for raw in &mut waiting {
        let answer = raw.read_answer();
        assert_eq!((answer.status, answer.text()), (200, "inside"));
    }
    assert_eq!(ask("").read_answer().text(), "inside");
}

/// The configuration of a server with a program and a file, below a folder.
#[cfg(feature = "programs")]
fn hanging(folder: &Path) -> PathBuf {
    write(folder, "services/cat", "#!/bin/sh\nexec cat\n", "755");
    write(folder, "files/x.txt", "inside", "644");
    let text = format!(
        "[server]\ndumpable: yes\nmode: per-socket\nstatic-root: {}\ndocument-root: {}\n{}",
        folder.join("files").display(),
        folder.join("services").display(),
        patience(&[("drain-timeout", "200ms")])
    );
    write(folder, "conf", &text, "644");
    folder.join("conf")
}

/// Programs that run and services that are compiled in serve on while the threads that look paths
/// up, read files and write the log hang, and a stop waits for none of them.
#[cfg(feature = "programs")]
#[test]
fn threads_that_hang_hold_up_neither_sockets_nor_a_stop() {
    let conf = hanging(&folder("hang"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    let mut server = Binary::run(command.arg("-v").arg("--config").arg(conf));
    let ask = |request: &[u8]| {
        let mut raw = Raw::connect(server.address());
        raw.send(request);
        raw
    };
    let open = |path: &str| {
        let mut raw = ask(&upgrade(path, ""));
        raw.read_101();
        raw
    };
    let echo = |raws: &mut [Raw]| {
        for raw in raws {
            raw.send_text("still here");
            assert_eq!(raw.read_text(), "still here");
        }
    };
    let mut honest = [open("/cat"), open("/echo")];
    echo(&mut honest);
    let pid = server.pid();
    let freeze = || ["lookups", "files", "log"].map(|name| Frozen::new(&pid, name));
    let (frozen, start) = (freeze(), resident(&pid));
    let more = format!("X: {}\r\n", "y".repeat(8_000));
    for round in 0..20 {
        let request = if round % 2 == 0 { upgrade } else { get };
        let path = |number| format!("/unknown/{round}/{number}");
        let sockets: Vec<_> = (0..100).map(|number| ask(&request(&path(number), &more))).collect();
        // They have been accepted in one turn, and read in another one.
        (0..3).for_each(|_| echo(&mut honest));
        // Clients that come meanwhile are served by services, which need no disk, and their lines
        // are logged.
        echo(&mut [open("/echo")]);
        for raw in &sockets {
            set_socket_linger(raw.stream(), Some(Duration::ZERO)).expect("it can be set");
        }
    }
    let grown = resident(&pid).saturating_sub(start);
    println!("{grown} bytes for 2,000 requests that have gone");
    assert!(grown < GROWN_MAX, "{grown} bytes");
    // Clients that stay are answered once the disk answers again.
    let mut strangers: Vec<_> = (0..100).map(|_| ask(&upgrade("/unknown", ""))).collect();
    let (mut cat, mut file) = (ask(&upgrade("/cat", "")), ask(&get("/x.txt", "")));
    echo(&mut honest);
    drop(frozen);
    cat.read_101();
    echo(&mut [cat]);
    assert_eq!(file.read_answer().text(), "inside");
    strangers.iter_mut().for_each(|raw| assert_eq!(raw.read_answer().status, 404));
    let frozen = freeze();
    let waiting = ["/cat", "/unknown"].map(|path| ask(&upgrade(path, "")));
    let file = ask(&get("/x.txt", ""));
    echo(&mut honest);
    server.signal("TERM");
    honest.iter_mut().for_each(|raw| assert_eq!(raw.read_close().0, 1001));
    frozen.into_iter().for_each(Frozen::end);
    assert_eq!(server.exit_code(), Some(0));
    drop((waiting, file));
}

/// A command that runs the binary with a document root on a disk that hangs. None if this system
/// does not let an ordinary user mount one.
#[cfg(feature = "programs")]
fn beside_a_disk_that_hangs(since: &str, root: &Path) -> Option<Command> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frozen/hang.py");
    let command = |program: &str| {
        let mut command = Command::new("unshare");
        command.args(["-Urm", "python3"]).arg(&script).arg(since).arg(root).arg(program);
        command
    };
    let can = command("/bin/true").output();
    if !can.as_ref().is_ok_and(|output| output.status.success()) {
        println!("skipped: unshare -Urm and a mount of FUSE give {can:?}");
        return None;
    }
    let mut command = command(env!("CARGO_BIN_EXE_switchboard"));
    command.arg("--document-root").arg(root);
    Some(command)
}

/// The list of programs is given up, and what needs no disk is served.
#[cfg(feature = "programs")]
#[test]
fn a_document_root_that_hangs_holds_up_neither_the_start_nor_a_stop() {
    let root = folder("root");
    let Some(mut command) = beside_a_disk_that_hangs("list", &root) else { return };
    let mut server = Binary::run(&mut command);
    let mut echo = Raw::connect(server.address());
    echo.upgrade("/echo");
    let mut other = Raw::connect(server.address());
    other.send(&get("/unknown", ""));
    echo.send_text("still here");
    assert_eq!(echo.read_text(), "still here");
    drop(other);
    server.signal("TERM");
    assert_eq!(echo.read_close().0, 1001);
    drop(echo);
    assert_eq!(server.exit_code(), Some(0));
}

/// Before it listens, signals have their default actions.
#[cfg(feature = "programs")]
#[test]
fn a_start_that_hangs_ends_by_a_signal() {
    let root = folder("root");
    for (name, number) in [("TERM", libc::SIGTERM), ("INT", libc::SIGINT)] {
        let Some(mut command) = beside_a_disk_that_hangs("stat", &root) else { return };
        let mut server = command.stderr(Stdio::piped()).spawn().expect("it starts");
        let stderr = BufReader::new(server.stderr.take().expect("it was piped"));
        let hangs = stderr.lines().map_while(Result::ok).any(|line| line == "hangs");
        assert!(hangs, "it looks at its document root");
        let sent = Command::new("kill").args(["-s", name, &server.id().to_string()]).status();
        assert!(sent.expect("there is a kill").success());
        let mut status = None;
        until("it has ended", || {
            status = server.try_wait().expect("it can be waited for");
            status.is_some()
        });
        assert_eq!(status.and_then(|status| status.signal()), Some(number), "{name}");
    }
}

const GONE: usize = 5_000;
/// Each of those has a head of 8 kB.
const GROWN_MAX: usize = 8 << 20;
const WAITING_MAX: usize = 1_100;

//! One server as several processes: what a process that ends does to connections, signals, reports
//! to a service manager, and the shares of the processes.

#![cfg(feature = "processes")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use support::binary::{Binary, patience};
use support::folder::{folder, socket_path};
use support::http::{get, upgrade};
use support::manager::NotifySocket;
use support::process::children;
use support::raw::{TEXT, close, frame};
use support::several::{command, conf, next_with, pids, signal, start, text};
use support::{Raw, until};

/// How many sockets a process has.
fn sockets(pid: &str) -> usize {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let is_socket = |path: &Path| {
        fs::read_link(path).is_ok_and(|link| link.to_string_lossy().starts_with("socket:"))
    };
    files.filter(|file| is_socket(&file.path())).count()
}

#[test]
fn connections_are_shared() {
    for (processes, percent) in [(2, 6), (4, 10)] {
        let (server, _lines) = start("shares", processes);
        let pids = pids(&server, processes);
        let before: Vec<_> = pids.iter().map(|pid| sockets(pid)).collect();
        let held = |pids: &[String]| -> Vec<_> {
            pids.iter().zip(&before).map(|(pid, before)| sockets(pid) - before).collect()
        };
        let connect = |_| TcpStream::connect(server.address()).expect("it is accepted");
        let clients: Vec<_> = (0..CONNECTIONS).map(connect).collect();
        until("all are accepted", || held(&pids).iter().sum::<usize>() == CONNECTIONS);
        // The system draws by a hash of the addresses. A share is this far off once in 10^8 runs.
        let share = CONNECTIONS / processes;
        for held in held(&pids) {
            assert!(held.abs_diff(share) * 100 <= share * percent, "{held} of {CONNECTIONS}");
        }
        drop(clients);
    }
}

/// So many that chance moves a share by little.
const CONNECTIONS: usize = 10_000;

/// They wait at a listener that the parent keeps open.
#[test]
fn what_waits_for_a_process_that_is_killed_is_served_by_the_next() {
    let (server, lines) = start("waits", 2);
    let [stuck, other] = &pids(&server, 2)[..] else { unreachable!("there are two") };
    signal(stuck, "STOP");
    let mut clients: Vec<_> = (0..64).map(|_| Raw::connect(server.address())).collect();
    clients.iter_mut().for_each(|raw| raw.send(&upgrade("/echo", "")));
    signal(stuck, "KILL");
    let line = next_with(&lines, "has ended");
    assert!(line.contains(&format!("process 0 (pid {stuck}) has ended: signal: 9")), "{line}");
    assert!(line.contains("it is started again at once"), "{line}");
    for (number, raw) in clients.iter_mut().enumerate() {
        raw.read_101();
        raw.send_text(&number.to_string());
        assert_eq!(raw.read_text(), number.to_string());
    }
    let pids = pids(&server, 2);
    assert!(pids.contains(other) && !pids.contains(stuck), "{pids:?}");
    // Some of them did wait.
    let new = pids.iter().find(|pid| *pid != other).expect("it is there");
    assert!(sockets(new) > sockets(&server.pid()) / 2, "the new process has sockets");
}

#[test]
fn nobody_is_refused_while_processes_are_killed() {
    let (server, _lines) = start("load", 2);
    let (is_over, done, cut) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let address = server.address();
    let client = || {
        while !is_over.load(Ordering::SeqCst) {
            match talk(address) {
                Ok(()) => _ = done.fetch_add(1, Ordering::SeqCst),
                Err(_) => _ = cut.fetch_add(1, Ordering::SeqCst),
            }
        }
    };
    let wait = |more: usize| {
        let end = done.load(Ordering::SeqCst) + more;
        until("connections are served", || done.load(Ordering::SeqCst) >= end);
    };
    thread::scope(|scope| {
        (0..CLIENTS).for_each(|_| _ = scope.spawn(client));
        for kill in 0..KILLS {
            wait(200);
            let pids = pids(&server, 2);
            signal(&pids[kill % 2], "KILL");
            until("it is another one", || {
                let now = children(&server.pid());
                now.len() == 2 && now != pids
            });
        }
        wait(200);
        is_over.store(true, Ordering::SeqCst);
    });
    // What the killed process had accepted is lost: each client has one connection at a time.
    let cut = cut.load(Ordering::SeqCst);
    assert!(cut <= CLIENTS * KILLS, "{cut} connections ended");
    println!("{} connections served, {cut} ended", done.load(Ordering::SeqCst));
}

const CLIENTS: usize = 8;
const KILLS: usize = 4;

/// One socket with one echo. An error is a connection that was accepted and ended.
fn talk(address: SocketAddr) -> std::io::Result<()> {
    // This panics if it is refused.
    let mut stream = support::connect(address);
    stream.write_all(&upgrade("/echo", ""))?;
    stream.write_all(&frame(TEXT, b"hello"))?;
    let (mut all, mut bytes) = (Vec::new(), [0; 1_024]);
    while !all.ends_with(b"hello") {
        match stream.read(&mut bytes)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            len => all.extend_from_slice(&bytes[..len]),
        }
    }
    Ok(())
}

#[test]
fn a_stop_ends_all_processes() {
    let (mut server, _lines) = start("stop", 3);
    let pids = pids(&server, 3);
    let mut clients: Vec<_> = (0..20).map(|_| Raw::connect(server.address())).collect();
    clients.iter_mut().for_each(|raw| raw.upgrade("/echo"));
    server.signal("TERM");
    for raw in &mut clients {
        assert_eq!(raw.read_close().0, 1001);
    }
    // Nobody listens any more, although no process has ended.
    until("connections are refused", || {
        TcpStream::connect(server.address())
            .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    });
    clients.iter_mut().for_each(|raw| raw.send(&close(1001, "")));
    assert_eq!(server.exit_code(), Some(0));
    assert!(pids.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()), "{pids:?}");
}

/// A process that hangs does not keep the server from ending.
#[test]
fn a_second_signal_waits_for_nothing() {
    let (mut server, _lines) = start("twice", 2);
    let pids = pids(&server, 2);
    signal(&pids[0], "STOP");
    server.signal("INT");
    until("the other one has ended", || !Path::new(&format!("/proc/{}", pids[1])).exists());
    server.signal("INT");
    assert_eq!(server.exit_code(), Some(1), "one process was killed");
}

#[test]
fn children_end_with_their_parent() {
    let (mut server, lines) = start("orphans", 2);
    let pids = pids(&server, 2);
    server.signal("KILL");
    assert_eq!(server.exit_code(), None);
    next_with(&lines, "the parent process has gone");
    until("they have ended", || {
        pids.iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists())
    });
}

#[test]
fn a_reload_reaches_all_processes() {
    let folder = conf("reload", 2, "");
    let (server, lines) = Binary::run_loud(command(&folder).args(["--port", "0"]));
    pids(&server, 2);
    let statuses = || -> BTreeSet<_> {
        (0..40)
            .map(|_| {
                let mut raw = Raw::connect(server.address());
                raw.send(&get("/health", ""));
                raw.read_answer().status
            })
            .collect()
    };
    assert_eq!(statuses(), BTreeSet::from([404]));
    let reload = |processes: usize| {
        let text = text(processes, "health-path: /health\n");
        fs::write(folder.join("conf"), text).expect("it can be written");
        server.signal("HUP");
    };
    reload(2);
    let read = [(); 2].map(|()| next_with(&lines, "the configuration was read again"));
    for number in 0..2 {
        let mark = format!("[{number}] ");
        assert!(read.iter().any(|line| line.contains(&mark)), "{read:?}");
    }
    assert_eq!(statuses(), BTreeSet::from([200]));
    // Another number of processes waits for a restart, and the log says so.
    reload(3);
    next_with(&lines, "processes has changed; restart the server to apply it");
    next_with(&lines, "the configuration was read again");
    assert_eq!(pids(&server, 2).len(), 2);
    assert_eq!(statuses(), BTreeSet::from([200]));
}

/// Here it cannot read its configuration any more.
#[test]
fn a_process_that_ends_at_once_is_not_started_without_a_pause() {
    let folder = conf("again", 2, "");
    let (server, lines) = Binary::run_logged(&mut command(&folder));
    let pids = pids(&server, 2);
    fs::write(folder.join("conf"), "[server]\nprot: 1\n").expect("it can be written");
    signal(&pids[0], "KILL");
    for pause in ["at once", "in 1 s", "in 2 s"] {
        let line = next_with(&lines, "process 0 ");
        assert!(line.ends_with(&format!("it is started again {pause}")), "{line}");
        assert_eq!(line.contains("it refuses the configuration"), pause != "at once", "{line}");
    }
    // Meanwhile the other one serves, and what comes to the first one waits.
    let mut clients: Vec<_> = (0..40).map(|_| Raw::connect(server.address())).collect();
    clients.iter_mut().for_each(|raw| raw.send(&upgrade("/echo", "")));
    fs::write(folder.join("conf"), text(2, "")).expect("it can be written");
    clients.iter_mut().for_each(|raw| _ = raw.read_101());
}

#[test]
fn a_process_with_other_values_than_the_server_is_named() {
    let folder = conf("values", 2, "");
    let (server, lines) = Binary::run_logged(&mut command(&folder));
    let pids = pids(&server, 2);
    let own = "health-path: /health\n[service /echo]\nshare: topics\n";
    fs::write(folder.join("conf"), text(2, own)).expect("it can be written");
    signal(&pids[1], "KILL");
    let line = next_with(&lines, "than the server, of ");
    assert!(line.contains("process 1 is started with other values"), "{line}");
    assert!(line.contains(" of [service /echo] share: restart the server"), "{line}");
}

#[test]
fn an_address_in_use_is_no_address_of_two_servers() {
    let (server, _lines) = start("first", 2);
    let folder = conf("second", 2, &format!("port: {}\n", server.address().port()));
    let output = command(&folder).output().expect("it runs");
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).expect("it is text");
    assert!(said.contains("cannot bind 127.0.0.1") && said.contains("-p chooses"), "{said}");
    // Nor can one that has a single process.
    let folder = conf("third", 1, &format!("port: {}\n", server.address().port()));
    assert_eq!(command(&folder).output().expect("it runs").status.code(), Some(3));
}

#[test]
fn all_processes_accept_at_a_unix_socket() {
    let path = socket_path("all");
    let folder = conf("unix", 3, &format!("port: none\nunix-socket: {}\n", path.display()));
    let mut server = command(&folder).arg("--quiet").spawn().expect("it starts");
    let connect = || {
        let mut raw = Raw::connect_unix(&path);
        raw.upgrade("/echo");
        raw
    };
    until("it listens", || path.exists());
    let mut clients: Vec<_> = (0..20).map(|_| connect()).collect();
    signal(&server.id().to_string(), "TERM");
    for raw in &mut clients {
        assert_eq!(raw.read_close().0, 1001);
        raw.send(&close(1001, ""));
    }
    assert!(server.wait().expect("it ends").success());
    assert!(!path.exists(), "the parent has removed its file");
}

#[test]
fn the_budget_of_memory_is_divided() {
    let folder = folder("budget");
    let conf = "[server]\nprocesses: 4\n[limits]\nmemory-max: 2g\nmax-connections: 100\n";
    fs::write(folder.join("conf"), conf).expect("it can be written");
    let (_server, lines) = Binary::run_loud(command(&folder).args(["--port", "0"]));
    let line = next_with(&lines, "memory-max");
    assert!(line.contains("at most 512 MiB"), "{line}");
}

#[test]
fn what_several_processes_cannot_have_is_said() {
    let folder = folder("refused");
    let check = |text: &str| {
        fs::write(folder.join("conf"), text).expect("it can be written");
        let output = command(&folder).arg("--check-config").output().expect("it runs");
        (output.status.code(), String::from_utf8(output.stderr).expect("it is text"))
    };
    assert_eq!(check("[server]\nprocesses: cores\n").0, Some(0));
    let (code, said) = check("[server]\nprocesses: 65\n");
    assert_eq!(code, Some(4));
    assert!(said.contains("allowed is a number from 1 to 64, or cores"), "{said}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.args(["--config", "/dev/stdin", "--check-config"]).stdin(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("it runs");
    let mut input = child.stdin.take().expect("it was piped");
    input.write_all(b"[server]\nprocesses: 2\n").expect("it is read");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8(output.stderr).expect("it is text");
    assert_eq!(output.status.code(), Some(4));
    assert!(said.contains("processes is 2, allowed is 1 with a configuration"), "{said}");
}

#[test]
fn a_share_with_nobody_is_warned_of() {
    let folder = folder("idle");
    let faults = |text: &str| {
        fs::write(folder.join("conf"), text).expect("it can be written");
        let output = command(&folder).arg("--check-config").output().expect("it runs");
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stderr).expect("it is text")
    };
    let own = "[service /broadcast]\nshare: all\n[service /clock]\nshare: none\n";
    let said = faults(own);
    assert!(said.contains("conf:1: [service /broadcast] share is \"all\", without"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let said = faults(&format!("[server]\nshare: topics\n{own}"));
    assert!(said.contains("warning: [server]: share is \"topics\", without effect"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(faults(&format!("[server]\nprocesses: 2\n{own}")), "");
    assert_eq!(faults("[service /clock]\nshare: none\n"), "");
}

#[test]
fn the_start_names_what_each_process_has_alone() {
    let folder = conf("names", 2, "");
    let output = command(&folder).arg("--list-services").output().expect("it runs");
    let said = String::from_utf8(output.stdout).expect("it is text");
    let line = said.lines().last().expect("it says something");
    assert!(line.starts_with("processes: 2; each has its own state"), "{line}");
    assert!(line.contains("/echo") && line.contains("/clock"), "{line}");
}

#[test]
fn the_service_manager_gets_one_service() {
    let manager = NotifySocket::new("one");
    let folder = conf("manager", 2, "");
    let mut start = manager.command();
    start.arg("--config").arg(folder.join("conf"));
    let mut server = Binary::run(&mut start);
    assert_eq!(manager.next(), format!("READY=1\nMAINPID={}", server.pid()));
    assert_eq!(manager.next(), "STATUS=0 sockets, 2 processes");
    let mut raw = Raw::connect(server.address());
    raw.upgrade("/echo");
    server.signal("HUP");
    assert!(manager.next_with("RELOADING=1\n").contains("MONOTONIC_USEC="));
    assert_eq!(manager.next_with("READY"), "READY=1");
    server.signal("TERM");
    assert_eq!(manager.next_with("STOPPING"), "STOPPING=1");
    manager.next_with("STATUS=stopping: ");
    assert_eq!(raw.read_close().0, 1001);
    for _ in 0..2 {
        manager.next_with("EXTEND_TIMEOUT_USEC=10000000");
    }
    raw.send(&close(1001, ""));
    assert_eq!(server.exit_code(), Some(0));
}

/// Otherwise the manager would end all of them.
#[test]
fn a_process_that_gives_no_sign_of_life_is_killed() {
    let manager = NotifySocket::new("watchdog");
    let folder = conf("watchdog", 2, "");
    let mut start = manager.command();
    start.env("WATCHDOG_USEC", "3000000").arg("--config").arg(folder.join("conf"));
    let (server, lines) = Binary::run_logged(&mut start);
    let before = pids(&server, 2);
    manager.next_with("WATCHDOG=1");
    signal(&before[1], "STOP");
    let line = next_with(&lines, "is killed");
    assert!(line.contains(&format!("process 1 (pid {})", before[1])), "{line}");
    next_with(&lines, "process 1 ");
    until("another one runs", || {
        let now = children(&server.pid());
        now.len() == 2 && now[1] != before[1]
    });
    manager.waiting();
    manager.next_with("WATCHDOG=1");
}

/// It would keep the addresses, also without a service manager that ends it.
#[test]
fn a_stop_ends_a_process_that_hangs() {
    let folder = folder("hangs");
    let limits = patience(&[("drain-timeout", "100ms")]);
    let text = format!("{limits}[server]\nprocesses: 2\ndumpable: yes\n");
    fs::write(folder.join("conf"), text).expect("it can be written");
    let (mut server, lines) = Binary::run_logged(&mut command(&folder));
    signal(&pids(&server, 2)[0], "STOP");
    server.signal("TERM");
    assert!(next_with(&lines, "process 0 ").contains("has ended: signal: 9"));
    assert_eq!(server.exit_code(), Some(1));
}

/// A session of one process is resumed on any.
#[cfg(feature = "tls")]
#[test]
fn all_processes_have_the_same_tickets() {
    use rustls::HandshakeKind;
    use rustls::client::{ClientSessionMemoryCache, Resumption};
    use std::sync::Arc;
    use support::tls::{VERSIONS, certificates, client, secure};

    let place = certificates().display();
    let keys = format!(
        "port: none\ntls-port: 0\ntls-certificate: {place}/first.pem\ntls-key: {place}/first.key\n"
    );
    let folder = conf("tickets", 4, &keys);
    let (server, _lines) = Binary::run_secure(&mut command(&folder));
    for version in VERSIONS {
        let mut config = client(&[version]);
        config.resumption = Resumption::store(Arc::new(ClientSessionMemoryCache::new(8)));
        for number in 0..20 {
            let mut raw = secure(server.address(), config.clone(), "first.example");
            raw.upgrade("/echo");
            let kind = raw.tls().rustls().handshake_kind();
            let expected = if number == 0 { HandshakeKind::Full } else { HandshakeKind::Resumed };
            assert_eq!(kind, Some(expected), "{version:?} {number}");
        }
    }
}

/// The first process finds it, and no other one is started.
#[cfg(feature = "tls")]
#[test]
fn a_fault_at_the_start_is_the_exit_of_the_server() {
    let keys = "port: none\ntls-port: 0\ntls-certificate: /nowhere/chain.pem\n";
    let folder = conf("fault", 3, keys);
    let output = command(&folder).output().expect("it runs");
    assert_eq!(output.status.code(), Some(4));
    let said = String::from_utf8(output.stderr).expect("it is text");
    assert_eq!(said.matches("/nowhere/chain.pem").count(), 1, "{said}");
    assert!(said.contains("process 0 "), "{said}");
}

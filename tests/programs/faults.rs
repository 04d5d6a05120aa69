//! What goes wrong with programs that serve all sockets of their paths: each fault has the outcome
//! that `docs/programs.md` states, no other socket notices, and no process is left.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::Command;
use std::{fs, process, thread};

use switchboard::Limits;
use switchboard::programs::ProgramOptions;

use crate::bench::{is_alive, is_known, patient, serve};
use crate::shared::{OBEY, request, status};
use crate::support::binary::Binary;
use crate::support::folder::{folder, write};
use crate::support::process::resident;
use crate::support::raw::{close, frame};
use crate::support::{LIMITS, Raw, Running, SOON, until};

/// The process of the program that serves a socket.
fn leader_of(raw: &mut Raw) -> u32 {
    raw.send_text("!p = str(os.getpid()); write(f'TEXT {words[1]} +{len(p)}\\n{p}\\n'.encode())");
    raw.read_text().parse().expect("it is a number")
}

fn assert_answers(raw: &mut Raw) {
    raw.send_text("TEXT {} +4\nwell");
    assert_eq!(raw.read_text(), "well");
}

#[test]
fn every_fault_takes_its_own_sockets_along_and_no_others() {
    let programs = [("obey.py", OBEY), ("other.py", OBEY)];
    let faults = [
        ("garbage without end", "!write(b'x' * 2000)"),
        ("words for people", "!write(b'\\x07\\n')"),
        ("half a header", "!write(b'TEXT 1'); sys.exit()"),
        ("half a body", "!write(b'TEXT 1 +10\\nhalf'); sys.exit()"),
        ("a wrong length", "!write(b'TEXT 1 +1\\nlong\\n')"),
        ("no length", "!write(b'TEXT 1\\nhello\\n')"),
        ("a length that is none", "!write(b'TEXT 1 +x\\n')"),
        ("an exit", "!sys.exit(3)"),
        ("a signal", "!os.kill(os.getpid(), 9)"),
        ("a crash", "!os.abort()"),
        ("its output closed", "!os.close(1)"),
        (
            "its input closed, while it lives on",
            "!os.close(0); write(b'LOG info +1\\nx\\n'); \
          subprocess.run(['sleep', '1000'])",
        ),
        ("an exit that a grandchild outlives", "!subprocess.Popen(['sleep', '1000']); sys.exit()"),
        (
            "its output closed, and no end by itself",
            "!os.close(1); \
          signal.signal(15, signal.SIG_IGN); time.sleep(1000)",
        ),
    ];
    for (number, (fault, text)) in faults.into_iter().enumerate() {
        // Each has its server, since one that keeps failing is not started at once.
        let (server, _) =
            serve(&format!("fault{number}"), &programs, ProgramOptions::SHARED, LIMITS);
        let mut other = server.open("/other");
        assert_answers(&mut other);
        let (mut one, mut two) = (server.open("/obey"), server.open("/obey"));
        let process = leader_of(&mut one);
        one.send_text(text);
        if text.contains("close(0)") {
            // It is found out when there is something to tell.
            until("the program reads no more", || {
                two.try_send(&frame(1, b"!")) && !is_alive(process)
            });
        }
        println!("{fault}");
        assert_eq!((one.read_close().0, two.read_close().0), (1012, 1012), "{fault}");
        until("the process has gone, and is no zombie", || !is_known(process));
        assert_answers(&mut other);
        let mut again = server.open("/obey");
        assert_answers(&mut again);
        assert_ne!(leader_of(&mut again), process);
        drop(server);
    }
}

#[test]
fn a_program_that_does_not_begin_well_is_answered_500_and_then_503() {
    let programs = [
        ("lines", "#!/bin/sh\necho hello\nexec cat\n"),
        ("nothing", "#!/bin/sh\nexit 1\n"),
        ("missing", "#!/no/such/interpreter\n"),
        ("none", "hello"),
        ("newer", "#!/bin/sh\necho READY 2\nexec cat\n"),
        ("fine.py", OBEY),
    ];
    let (server, _) = serve("begin", &programs, ProgramOptions::SHARED, SOON);
    for path in ["/lines", "/nothing", "/missing", "/none", "/newer"] {
        does_not_begin(&server, path);
    }
    assert_answers(&mut server.open("/fine"));
    server.stop();
    let programs = [("silent", "#!/bin/sh\nexec sleep 1000\n")];
    let limits = Limits { admission_ms_max: 200, ..SOON };
    let (server, _) = serve("silent", &programs, ProgramOptions::SHARED, limits);
    does_not_begin(&server, "/silent");
    server.stop();
}

fn does_not_begin(server: &Running, path: &str) {
    assert_eq!(status(server, path), 500, "{path}");
    // The first end is forgiven, the second is not.
    let second = status(server, path);
    assert!(matches!(second, 500 | 503), "{path}: {second}");
    until("it has to wait", || {
        let answer = server.ask(request(path).as_bytes());
        let retry = answer.headers.iter().any(|(name, _)| name == "retry-after");
        assert!(answer.status == 500 || retry, "{path}: {answer:?}");
        answer.status == 503
    });
}

/// It stops reading under load, until the test lets it go on.
#[test]
fn a_program_that_stalls_gets_all_in_order() {
    let folder = folder("stall");
    write(&folder, "stall.py", STALL, "755");
    write(&folder, "obey.py", OBEY, "755");
    let made = Command::new("mkfifo").arg(folder.join("go")).status();
    assert!(made.expect("it runs").success());
    let host = host(&folder);
    let (mut raw, mut other) = (open(&host, "/stall"), open(&host, "/obey"));
    assert_answers(&mut other);
    let before = resident(&host.pid());
    let text = |number: usize| format!("{number:0MESSAGE_BYTES$}");
    // Until the pipe, the mail and the connection are full.
    raw.stream().set_nonblocking(true).expect("it can be");
    let (mut sent, mut unsent, mut refused) = (0, Vec::new(), 0);
    while refused < 2_000 {
        if unsent.is_empty() {
            unsent = frame(1, text(sent).as_bytes());
            sent += 1;
        }
        match raw.stream().write(&unsent) {
            Ok(len) => {
                refused = 0;
                unsent.drain(..len);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                refused += 1;
                assert_answers(&mut other);
            }
            Err(error) => panic!("it is lost: {error}"),
        }
    }
    let more = resident(&host.pid()).saturating_sub(before);
    println!("{sent} messages are on their way, {more} bytes more");
    assert!(sent < MESSAGES / 2, "the sender is pushed back");
    let held_max = LIMITS.mail_bytes_max as u64 + LIMITS.program_memory_bytes_max();
    assert!((more as u64) < held_max, "{more} bytes are held");
    raw.stream().set_nonblocking(false).expect("it can be");
    let mut writer = raw.stream().try_clone().expect("there are descriptors");
    let sender = thread::spawn(move || {
        writer.write_all(&unsent).expect("it is read");
        (sent..MESSAGES).for_each(|number| {
            writer.write_all(&frame(1, text(number).as_bytes())).expect("it is read");
        });
    });
    let go = OpenOptions::new().write(true).open(folder.join("go")).expect("it waits for that");
    (0..MESSAGES).for_each(|number| assert_eq!(raw.read_text(), text(number)));
    sender.join().expect("it sends all");
    drop(go);
}

/// A peer that does not read ends its own socket only, and costs no other socket anything.
#[test]
fn a_flood_ends_the_socket_that_does_not_read_it() {
    let (server, _) =
        serve("floods", &[("obey.py", OBEY), ("other.py", OBEY)], ProgramOptions::SHARED, SOON);
    let (mut flooded, mut same) = (server.open("/obey"), server.open("/obey"));
    let mut other = server.open("/other");
    flooded.send_text(
        "!write(b'TEXT %s +1000000\\n%s\\n' % (words[1].encode(), b'x' * 1000000) * 100)",
    );
    for raw in [&mut same, &mut other] {
        assert_answers(raw);
    }
    let end = loop {
        let frame = flooded.read_frame();
        if frame.first == 0x88 {
            break u16::from_be_bytes([frame.payload[0], frame.payload[1]]);
        }
    };
    assert_eq!(end, 1013);
    for raw in [&mut same, &mut other] {
        assert_answers(raw);
    }
    server.stop();
}

/// Standard error of a program is not read by the host's peers.
#[test]
fn a_program_without_a_standard_error_goes_on() {
    let (server, _) = serve("mute", &[("obey.py", OBEY)], ProgramOptions::SHARED, SOON);
    let mut raw = server.open("/obey");
    let process = leader_of(&mut raw);
    raw.send_text("!os.close(2)");
    assert_answers(&mut raw);
    assert_eq!(leader_of(&mut raw), process);
    server.stop();
}

/// A process that leaves the group cannot be reached; it delays nothing, and holds nothing of the
/// host.
#[test]
fn a_grandchild_of_its_own_session_holds_nothing_up() {
    let (server, _) = serve("session", &[("obey.py", OBEY)], ProgramOptions::SHARED, SOON);
    let mut raw = server.open("/obey");
    let process = leader_of(&mut raw);
    raw.send_text(
        "!c = subprocess.Popen(['sleep', '1000'], start_new_session=True); \
         p = str(c.pid); write(f'TEXT {words[1]} +{len(p)}\\n{p}\\n'.encode())",
    );
    let daemon: u32 = raw.read_text().parse().expect("it is a number");
    // As it starts, it opens files of its own for a moment.
    until("it holds nothing of ours", || descriptors_of(daemon).iter().all(|number| *number < 3));
    raw.send_text("!sys.exit()");
    assert_eq!(raw.read_close().0, 1012);
    until("the process has gone", || !is_known(process));
    assert_answers(&mut server.open("/obey"));
    server.stop();
    assert!(is_alive(daemon), "nobody could have ended it");
    let killed = Command::new("kill").args(["-KILL", &daemon.to_string()]).status();
    assert!(killed.expect("it runs").success());
}

/// The system ends no program when a host is killed: each program sees the end of its input, since
/// none holds a pipe of another.
#[test]
fn programs_of_a_host_that_is_killed_see_the_end_of_their_input() {
    let folder = folder("orphans");
    write(&folder, "one.py", OBEY, "755");
    write(&folder, "two.py", OBEY, "755");
    let mut host = host(&folder);
    let (mut one, mut two) = (open(&host, "/one"), open(&host, "/two"));
    let processes = [leader_of(&mut one), leader_of(&mut two)];
    for process in processes {
        assert_eq!(descriptors_of(process), BTreeSet::from([0, 1, 2]), "nothing else is inherited");
    }
    host.signal("KILL");
    host.exit_code();
    for process in processes {
        until("the program has ended", || !is_alive(process));
    }
}

/// The binary with a document root, as a process of its own.
fn host(folder: &Path) -> Binary {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    Binary::run(command.arg("--document-root").arg(folder))
}

fn open(host: &Binary, path: &str) -> Raw {
    let mut raw = Raw::connect(host.address());
    raw.upgrade(path);
    raw
}

fn descriptors_of(process: u32) -> BTreeSet<u32> {
    let entries = fs::read_dir(format!("/proc/{process}/fd")).expect("it runs");
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    entries.filter_map(|entry| number(entry.expect("it can be listed"))).collect()
}

#[test]
fn a_program_that_reads_nothing_holds_up_no_stop() {
    let programs = [("deaf", "#!/bin/sh\necho READY 1\nexec sleep 1000\n"), ("obey.py", OBEY)];
    // It ends after its own time limit, not after that of the drain.
    let options = ProgramOptions { stop_ms: 100, ..ProgramOptions::SHARED };
    let (server, _) = serve("deaf", &programs, options, LIMITS);
    let (mut raw, mut other) = (server.open("/deaf"), server.open("/obey"));
    // Until the pipe, the mail and the connection are full.
    raw.fill(&frame(1, &[b'x'; 100_000]), 100 << 20, || assert_answers(&mut other));
    drop((raw, other));
    server.stop();
}

#[test]
fn a_program_is_told_to_stop_and_ends_by_itself() {
    // Nothing else ends it.
    let (server, folder) = serve("stop", &[("stop.py", STOP)], patient(), LIMITS);
    let mut raw = server.open("/stop");
    server.stopper().stop();
    assert_eq!(raw.read_close().0, 1001);
    raw.send(&close(1001, ""));
    server.join();
    let told = fs::read_to_string(folder.join("told")).expect("it has written");
    assert!(told.starts_with("HELLO 1 service=/stop ") && told.contains("OPEN "), "{told}");
    assert!(told.contains(" 1001 ") && told.ends_with("STOP 3600000\nend\n"), "{told}");
}

#[test]
fn nothing_outlives_a_host_that_is_dropped() {
    let (server, _) = serve("drop", &[("obey.py", OBEY)], ProgramOptions::SHARED, LIMITS);
    let mut raw = server.open("/obey");
    let process = leader_of(&mut raw);
    raw.send_text(
        "!c = subprocess.Popen(['sleep', '1000']); \
                   p = str(c.pid); write(f'TEXT {words[1]} +{len(p)}\\n{p}\\n'.encode())",
    );
    let grandchild: u32 = raw.read_text().parse().expect("it is a number");
    raw.send_text("!signal.signal(15, signal.SIG_IGN); time.sleep(1000)");
    assert!(is_alive(process) && is_alive(grandchild) && process != process::id());
    // Two stops end it at once.
    drop::<Running>(server);
    until("nothing is left", || !is_alive(process) && !is_alive(grandchild));
}

/// Reads nothing, from the beginning, until a pipe is opened; then echoes everything.
const STALL: &str = r#"#!/usr/bin/env python3
import sys
receive, send = sys.stdin.buffer, sys.stdout.buffer
send.write(b"READY 1\n")
send.flush()
stalls = True
for line in receive:
    words = line.decode().split()
    if words[-1].startswith("+"):
        length = int(words.pop())
        body = receive.read(length + 1)
    if words[0] == "TEXT":
        if stalls:
            stalls = False
            open("go").close()
        send.write(b"TEXT %s +%d\n%s" % (words[1].encode(), length, body))
        send.flush()
"#;

/// Records its input lines.
const STOP: &str = r#"#!/usr/bin/env python3
import os, sys
receive = sys.stdin.buffer
print("READY 1", flush=True)
with open("told", "w") as told:
    for line in receive:
        told.write(line.decode())
        words = line.decode().split()
        if words[-1].startswith("+"):
            receive.read(int(words[-1]) + 1)
    told.write("end\n")
"#;

const MESSAGES: usize = 40_000;
const MESSAGE_BYTES: usize = 1_000;

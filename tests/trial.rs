//! The binary with programs: what the keys of `server.conf` do to them, a single one that is
//! tried, and its transcript, which is recorded and held against it.

#![cfg(feature = "programs")]

mod support;

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::Raw;
use support::binary::{Binary, patience, patient_file};
use support::folder::{folder, programs, write};
use support::http::{Answer, get};
use support::raw::close;

fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_switchboard"))
}

/// The binary with a program that is tried, whose path comes next.
fn tried() -> Command {
    let mut command = binary();
    command.arg("--config").arg(patient_file()).arg("--try");
    command
}

fn open(server: &Binary, path: &str) -> Raw {
    let mut raw = Raw::connect(server.address());
    raw.upgrade(path);
    raw
}

fn ask(server: &Binary, path: &str) -> Answer {
    let mut raw = Raw::connect(server.address());
    raw.send(&get(path, ""));
    raw.read_answer()
}

/// What is printed on standard output and standard error, and the exit code.
fn run(command: &mut Command) -> (String, String, Option<i32>) {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("its output is text");
    (text(stdout), text(stderr), status.code())
}

/// How long a program is waited for.
enum Wait {
    /// For longer than any test.
    Long,
    /// For the next line: 100 ms.
    Line,
    /// For its end: 100 ms.
    End,
}

/// Holds a program against a transcript.
fn replay(folder: &Path, program: &str, transcript: &str, wait: &Wait) -> (String, Option<i32>) {
    let (line, end) = match wait {
        Wait::Long => ("3600s", "3600s"),
        Wait::Line => ("100ms", "3600s"),
        Wait::End => ("3600s", "100ms"),
    };
    let conf = format!("[server]\nstop-timeout: {end}\n[limits]\nadmission-timeout: {line}\n");
    fs::write(folder.join("t"), transcript).expect("it can be written");
    fs::write(folder.join("conf"), conf).expect("it can be written");
    let mut command = binary();
    command.current_dir(folder).args(["-q", "-c", "conf", "--try", program, "--replay", "t"]);
    let (out, err, code) = run(&mut command);
    (out + &err, code)
}

#[test]
fn keys_are_for_all_programs_or_for_one() {
    let show = "#!/bin/sh\necho \"$SWITCHBOARD_PROTOCOL$TRIAL $PATH_INFO\"\nexec cat\n";
    let folder = programs("keys", &[("own.sh", show), ("other.sh", show), ("talk", ECHO)]);
    let conf = "[server]\ndocument-root: .\nmode: per-socket\nframing: bytes\nsubpaths: yes\n\
        [service /own]\nframing: lines\npass-env: TRIAL\nmax-processes: 1\nsubpaths: no\n\
        [service /talk]\nmode: shared\n";
    let conf = patience(&[]) + conf;
    fs::write(folder.join("conf"), conf).expect("it can be written");
    let mut command = binary();
    let conf = folder.join("conf");
    // Binaries run elsewhere, and paths in a file are relative to that.
    let text = fs::read_to_string(&conf).expect("it was written");
    fs::write(&conf, text.replace("root: .", &format!("root: {}", folder.display()))).expect("so");
    let server = Binary::run(command.env("TRIAL", " passed").arg("--config").arg(&conf));

    let mut own = open(&server, "/own");
    assert_eq!(own.read_text(), "lines passed ");
    let mut beyond = Raw::connect(server.address());
    beyond.send(&support::http::upgrade("/own", ""));
    assert_eq!(beyond.read_answer().status, 503, "one process is the most");
    let mut below = Raw::connect(server.address());
    below.send(&support::http::upgrade("/own/x", ""));
    assert_eq!(below.read_answer().status, 404, "it has no paths below");

    for (path, info) in [("/other", ""), ("/other/a%20b/c", "/a b/c"), ("/other.sh/x", "/x")] {
        let mut other = open(&server, path);
        assert_eq!(other.read_frame().payload, format!("bytes {info}\n").as_bytes(), "{path}");
    }
    let (mut one, mut two) = (open(&server, "/talk"), open(&server, "/talk/below"));
    for raw in [&mut one, &mut two] {
        raw.send_text("hello");
        assert_eq!(raw.read_text(), "hello");
    }
}

#[test]
fn the_examples_are_served_by_their_configuration() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let conf = "examples/programs/server.conf";
    let (out, err, code) =
        run(binary().current_dir(root).args(["--check-config", "--config", conf]));
    assert_eq!((err.as_str(), code), ("", Some(0)), "{out}");
    let mut command = binary();
    command.arg("--config").arg(root.join(conf));
    command.arg("--document-root").arg(root.join("examples/programs"));
    let server = Binary::run(&mut command);
    for (path, told, heard) in [
        ("/python/echo", "hello", "hello"),
        ("/python/echo_async", "hello", "hello"),
        ("/bash/echo", "hello", "hello"),
        ("/per-socket/lines", "hello", "HELLO"),
    ] {
        let mut raw = open(&server, path);
        raw.send_text(told);
        assert_eq!(raw.read_text(), heard, "{path}");
    }
    let mut count = open(&server, "/per-socket/count");
    assert_eq!(count.read_text(), "1");
    for path in ["/python/chat", "/python/clock", "/bash/chat", "/python/chat_transactions"] {
        open(&server, path);
    }
}

/// What a server logs at the start, and then it is killed.
fn log_of(command: &mut Command, lines_len: usize) -> Vec<String> {
    let mut child =
        command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let log = BufReader::new(child.stderr.take().expect("it is piped")).lines();
    let warnings = log.map_while(Result::ok).filter(|line| line.contains(" warn "));
    let told = warnings.take(lines_len).collect();
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    told
}

/// A server starts with it, and so it is a warning, in its log and of `--check-config`.
#[test]
fn what_has_no_effect_is_warned_of() {
    let folder = programs("idle", &[("secret.py", ECHO), ("taken.py", ECHO), ("x/own", ECHO)]);
    let text = "[service /nosuch]\norigin: any\n[service /secert]\n[service /secret.py]\n\
                [service /takn]\n[service /taken]\n[service /clokc]\n[service /echo]\n\
                mode: per-socket\n[service /x/own]\n[service /plain]\n";
    fs::write(folder.join("plain.py"), "#!/bin/sh\n").expect("it can be");
    let plain = folder.canonicalize().expect("it is there").join("plain.py");
    fs::write(folder.join("conf"), text).expect("it can be");
    let command = || {
        let mut command = binary();
        command.current_dir(&folder).args(["--config", "conf", "--document-root", "."]);
        command
    };
    let not_found = "configures no service: neither one of --list-services nor a program of this \
                     path without its extension; ";
    let unknown = |line, path, cure| format!("conf:{line}: [service {path}] {not_found}{cure}");
    let faults = [
        unknown(7, "/clokc", "did you mean [service /clock]?"),
        unknown(1, "/nosuch", "correct its path, or leave it out"),
        format!(
            "conf:11: [service /plain] configures no service: {plain:?} is not executable: \
             chmod +x makes it so"
        ),
        unknown(3, "/secert", "did you mean [service /secret]?"),
        unknown(4, "/secret.py", "did you mean [service /secret]?"),
        unknown(5, "/takn", "correct its path, or leave it out"),
        "conf:8: [service /echo] has keys of programs, such as mode or on-death, without effect: \
         this service is compiled in; leave them out"
            .to_owned(),
    ];
    let (out, err, code) = run(command().arg("--check-config"));
    let expected: Vec<_> = faults.iter().map(|f| format!("switchboard: warning: {f}")).collect();
    assert_eq!(err.lines().collect::<Vec<_>>(), expected);
    assert_eq!((&*out, code), ("conf: the configuration is good, with 7 warnings\n", Some(0)));
    let log = log_of(command().args(["--port", "0"]), faults.len());
    for (line, fault) in log.iter().zip(&faults) {
        assert!(line.ends_with(fault), "{line}\n{fault}");
    }
}

/// Its rooms are in one thread. What holds for all services does not concern it.
#[cfg(all(feature = "chatroom", feature = "workers"))]
#[test]
fn the_chat_has_one_worker() {
    let folder = folder("alone");
    let check = |text: &str| {
        fs::write(folder.join("conf"), text).expect("it can be");
        run(binary().current_dir(&folder).args(["-c", "conf", "--check-config"]))
    };
    let (_, err, code) = check("[service /demo_chatroom]\nworkers: 2\n");
    let fault = "switchboard: conf:1: [service /demo_chatroom] workers is 2, allowed is 1 with \
                 rooms that are in the memory of one thread\n";
    assert_eq!((&*err, code), (fault, Some(4)));
    let (_, err, code) = check("[server]\nworkers: 2\n[service /demo_chatroom]\norigin: any\n");
    assert_eq!((&*err, code), ("", Some(0)));
    let (out, ..) = run(binary().current_dir(&folder).args(["-c", "conf", "--list-services"]));
    let line = |path: &str| out.lines().find(|line| line.contains(path)).map(str::to_owned);
    assert!(line("/echo").is_some_and(|line| line.ends_with("(2 workers)")), "{out}");
    assert!(line("/demo_chatroom").is_some_and(|line| !line.contains("workers")), "{out}");
    let server = Binary::run(binary().arg("-c").arg(folder.join("conf")));
    let mut people = ["Mia", "Ole"].map(|_| open(&server, "/demo_chatroom"));
    for raw in &mut people {
        raw.send_text(r#"{"type":"name","name":"Mia"}"#);
    }
    people[0].send_text(r#"{"type":"create","chatroom":"one"}"#);
    // A worker of its own would not know the room.
    while !people[1].read_text().contains("\"one\"") {}
}

#[test]
fn what_anybody_could_download_is_warned_of() {
    let folder = folder("exposed");
    fs::write(folder.join("server.conf"), "[server]\nstatic-root: .\n").expect("it can be");
    let (out, err, code) = run(binary().current_dir(&folder).arg("--check-config"));
    let fault = "server.conf lies inside of static-root .: any client can download";
    assert!(err.starts_with(&format!("switchboard: warning: {fault}")), "{err}");
    assert_eq!((err.lines().count(), code), (1, Some(0)), "{err}");
    assert_eq!(out, "server.conf: the configuration is good, with a warning\n");
    let mut command = binary();
    command.args(["--config", "server.conf", "--port", "0"]).current_dir(&folder);
    assert!(log_of(&mut command, 1)[0].contains(fault));
}

/// That the default is missing, too, is no second fault.
#[test]
fn a_root_without_a_name_is_one_fault() {
    let folder = folder("unnamed");
    fs::write(folder.join("server.conf"), "[server]\ndocument-root:\n").expect("it can be");
    let (_, err, code) = run(binary().current_dir(&folder).arg("--check-config"));
    let fault = "server.conf:2: document-root is \"\", allowed is a directory that exists";
    assert_eq!((err, code), (format!("switchboard: {fault}\n"), Some(4)));
}

#[test]
fn a_program_is_tried_at_once() {
    let folder = programs("once", &[("_any.name", ECHO), ("other", ECHO)]);
    let server = Binary::run(tried().arg(folder.join("_any.name")));
    let mut raw = open(&server, "/");
    raw.send_text("hello");
    assert_eq!(raw.read_text(), "hello");
    let page = ask(&server, "/");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("new WebSocket(address)"), "{}", page.text());
    for path in ["/other", "/_any", "/echo"] {
        assert_eq!(ask(&server, path).status, 404, "{path}");
    }
    let plain = Binary::run(tried().args(["/bin/cat", "--mode=per-socket"]));
    let mut raw = open(&plain, "/");
    raw.send_text("a line");
    assert_eq!(raw.read_text(), "a line");
}

#[test]
fn what_cannot_be_tried_is_told() {
    let folder = programs("wrong", &[("echo", ECHO)]);
    for (name, text) in [("plain", "x"), ("t", "> \\q\n"), ("full", "mine\n")] {
        fs::write(folder.join(name), text).expect("it can be written");
    }
    let rows: [(&[&str], &str); 7] = [
        (&["--try", "none"], "--try is \"none\": nothing is there"),
        (&["--try", "."], "--try is \".\", which is a folder: name a file in it, or serve all"),
        (&["--try", "plain"], "is not executable: chmod +x makes it so"),
        (&["--try", "echo", "--replay", "none"], "--replay is \"none\", which cannot be read: "),
        (&["--try", "echo", "--replay", "t"], "t: line 1 has a backslash before none of"),
        (
            &["--try", "echo", "--record", "full"],
            "--record is \"full\", which has something in it, and transcripts are not overwritten",
        ),
        (&["--try", "echo", "--record", "no/such"], "--record is \"no/such\", which cannot be"),
    ];
    for (words, expected) in rows {
        let (out, err, code) = run(binary().current_dir(&folder).args(["-q"]).args(words));
        assert!(err.contains(expected) && out.is_empty(), "{words:?}: {out}{err}");
        assert_eq!(code, Some(2), "{words:?}");
    }
    assert_eq!(fs::read_to_string(folder.join("full")).expect("it is there"), "mine\n");
}

/// A recording can be replayed, and shows that a program has changed.
#[test]
fn a_recording_is_replayed() {
    let folder = programs(
        "record",
        &[("echo", ECHO), ("shout", &ECHO.replace("= receive", "= b'!' + receive"))],
    );
    let transcript = folder.join("transcript");
    let mut command = tried();
    command.arg(folder.join("echo")).arg("--record").arg(&transcript);
    let mut server = Binary::run(&mut command);
    for text in ["hello", "two\nlines", "", "caf\u{e9}"] {
        let mut raw = open(&server, "/");
        raw.send_text(text);
        assert_eq!(raw.read_text(), text);
    }
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    let text = fs::read_to_string(&transcript).expect("it was written");
    for part in
        ["< HELLO 1 service=/ ", "> READY 1\n", "\n| two\n| lines\n> TEXT ", "\n< STOP 3600000\n"]
    {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
    assert!(text.ends_with("# it exited with exit status: 0\n"), "{text}");
    let count = text.lines().filter(|line| line.starts_with(['<', '>'])).count();
    let (said, code) = replay(&folder, "./echo", &text, &Wait::Long);
    assert_eq!((said, code), (format!("t: {count} messages, all as expected\n"), Some(0)));
    let (said, code) = replay(&folder, "./shout", &text, &Wait::Long);
    assert!(said.ends_with(": recorded \"hello\", now \"!hello\"\n"), "{said}");
    assert_eq!(code, Some(1));
}

#[test]
fn a_recording_is_of_the_first_run() {
    let folder = programs("first", &[("once", "#!/bin/sh\necho READY 1\nread x\nread x\n")]);
    let transcript = folder.join("transcript");
    let mut command = tried();
    command.arg(folder.join("once")).arg("--record").arg(&transcript);
    let server = Binary::run(&mut command);
    for _ in 0..2 {
        assert_eq!(open(&server, "/").read_close().0, 1012);
    }
    let text = fs::read_to_string(&transcript).expect("it was written");
    assert_eq!(text.matches("< HELLO").count(), 1, "{text}");
}

/// It has headers of browsers in it, cookies included.
#[test]
fn a_recording_is_for_its_user_alone() {
    let folder = programs("own", &[("echo", ECHO)]);
    let record = |name: &str| {
        let mut command = tried();
        command.current_dir(&folder).arg(folder.join("echo"));
        command.arg("--record").arg(folder.join(name));
        command
    };
    let mode = |name: &str| {
        fs::metadata(folder.join(name)).expect("it is there").permissions().mode() & 0o777
    };
    fs::write(folder.join("empty"), "").expect("it can be");
    fs::set_permissions(folder.join("empty"), Permissions::from_mode(0o640)).expect("it can be");
    for (name, expected) in [("new", 0o600), ("empty", 0o640)] {
        let server = Binary::run(&mut record(name));
        let mut raw = open(&server, "/");
        raw.send_text("hello");
        assert_eq!(raw.read_text(), "hello");
        assert_eq!(mode(name), expected, "{name}");
        assert!(fs::read_to_string(folder.join(name)).expect("it is there").contains("hello"));
    }
    // Neither what a link leads to, nor what it could make.
    for (link, to) in [("there", "target"), ("nowhere", "made")] {
        symlink(to, folder.join(link)).expect("it can be made");
    }
    fs::write(folder.join("target"), "").expect("it can be");
    for link in ["there", "nowhere"] {
        let (_, err, code) = run(record(link).arg("-q"));
        assert!(err.contains("which is a link, and none is followed"), "{err}");
        assert_eq!(code, Some(2));
    }
    // A pipe is not waited for.
    let made = Command::new("mkfifo").arg(folder.join("pipe")).status();
    assert!(made.expect("mkfifo is there").success());
    let (_, err, code) = run(record("pipe").arg("-q"));
    assert!(err.contains("which is a pipe"), "{err}");
    assert_eq!(code, Some(2));
    assert!(!folder.join("made").exists());
    assert_eq!(fs::metadata(folder.join("target")).expect("it is there").len(), 0);
}

/// A page that is open finds the program again, and the next version without another start.
#[test]
fn a_program_that_is_tried_has_a_port_of_its_own_and_is_replaced() {
    let shout = ECHO.replace("= receive", "= b'!' + receive");
    let folder = programs("port", &[("echo", ECHO), ("other", ECHO)]);
    let serve = |name: &str| {
        let mut command = binary();
        command.arg("--config").arg(patient_file()).arg("--try").arg(folder.join(name));
        Binary::run_as_it_is(command.stderr(Stdio::null()))
    };
    let mut server = serve("echo");
    let address = server.address();
    let (second, other) = (serve("echo"), serve("other"));
    assert!(second.address() != address && other.address() != address);
    let mut raw = open(&server, "/");
    raw.send_text("hello");
    assert_eq!(raw.read_text(), "hello");
    write(&folder, "_new", &shout, "755");
    fs::rename(folder.join("_new"), folder.join("echo")).expect("it can be moved");
    assert_eq!(raw.read_close().0, 1012);
    raw.send(&close(1012, ""));
    let mut raw = open(&server, "/");
    raw.send_text("hello");
    assert_eq!(raw.read_text(), "!hello");
    server.signal("TERM");
    assert_eq!(raw.read_close().0, 1001);
    raw.send(&close(1001, ""));
    assert_eq!(server.exit_code(), Some(0));
    drop((server, raw));
    assert_eq!(serve("echo").address(), address);
}

/// If the transcript cannot be written, the program is still served.
#[test]
fn a_full_disk_ends_the_transcript_alone() {
    let folder = programs("full", &[("echo", ECHO)]);
    let mut command = tried();
    command.arg(folder.join("echo")).args(["--record", "/dev/full"]);
    let server = Binary::run(&mut command);
    let mut raw = open(&server, "/");
    for text in ["one", "two"] {
        raw.send_text(text);
        assert_eq!(raw.read_text(), text);
    }
}

/// Each has an outcome, and none is waited for without end.
#[test]
fn programs_that_depart_from_their_transcript() {
    let departing = [
        ("stall", "#!/bin/sh\nexec sleep 1000\n"),
        ("exit", "#!/bin/sh\necho READY 1\nexit 3\n"),
        ("more", "#!/bin/sh\necho READY 1\nread x\necho PAUSE 17\necho PAUSE 18\nread x\n"),
        ("late", "#!/bin/sh\necho READY 1\nread x\necho PAUSE 17\nread x\necho PAUSE 18\n"),
        ("stay", "#!/bin/sh\necho READY 1\nread x\necho PAUSE 17\nexec sleep 1000\n"),
        ("fail", "#!/bin/sh\necho READY 1\nread x\necho PAUSE 17\nexit 7\n"),
        ("flood", "#!/bin/sh\nyes\n"),
        ("deaf", "#!/bin/sh\nexec <&-\necho READY 1\necho PAUSE 17\n"),
        ("gone", "#!/nowhere/at/all\n"),
        ("right", "#!/bin/sh\necho READY 1\nread x\necho PAUSE 17\nread x\nexit 0\n"),
    ];
    let folder = programs("depart", &departing);
    let rows = [
        (
            "stall",
            "t: message 1 in line 1: recorded \"READY 1\", now nothing more; it was waited for 100 \
             ms",
        ),
        ("exit", "recorded \"PAUSE 17\", now nothing more; it exited with exit status: 3"),
        ("more", "behind the last message: recorded nothing, now \"PAUSE 18\""),
        ("late", "behind the last message: recorded nothing, now \"PAUSE 18\""),
        ("stay", "does not end with status 0 at the end of its input: it exited with signal: 15"),
        (
            "fail",
            "does not end with status 0 at the end of its input: it exited with exit status: 7",
        ),
        ("flood", "message 1 in line 1: recorded \"READY 1\", now \"y\""),
        ("deaf", "all as expected"),
        ("gone", "the interpreter that its first line names is missing"),
        ("right", "t: 3 messages, all as expected"),
    ];
    for (program, expected) in rows {
        let wait = match program {
            "stall" => Wait::Line,
            "stay" => Wait::End,
            _ => Wait::Long,
        };
        let text = "> READY 1\n< HELLO 1\n> PAUSE 17\n";
        let (said, code) = replay(&folder, &format!("./{program}"), text, &wait);
        assert!(said.contains(expected), "{program}: {said}");
        assert_eq!(code, Some(i32::from(!expected.contains("all as expected"))), "{program}");
    }
}

/// Sends every message back.
const ECHO: &str = r#"#!/usr/bin/env python3
import sys
receive, send = sys.stdin.buffer, sys.stdout.buffer
send.write(b"READY 1\n")
send.flush()
for line in receive:
    words, body = line.decode().split(), b""
    if words[-1].startswith("+"):
        length = int(words.pop())
        body = receive.read(length + 1)[:length]
    if words[0] == "TEXT":
        send.write(b"TEXT %s +%d\n%s\n" % (words[1].encode(), len(body), body))
        send.flush()
"#;

//! SIGHUP: it is handled from the first moment on, and a terminal that has gone ends the server.

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::Receiver;

use crate::keep::TELLS;
use crate::support::binary::{Binary, patience};
use crate::support::folder::{folder, programs};
use crate::support::next;

/// A signal that comes while the configuration is read, before anything is served, is done later.
#[test]
fn a_hangup_before_the_start_is_kept() {
    let folder = folder("early");
    let made = Command::new("mkfifo").arg(folder.join("conf")).status();
    assert!(made.expect("it runs").success());
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.args(["--port", "0", "--config"]).arg(folder.join("conf")).current_dir(&folder);
    command.stderr(Stdio::piped()).stdout(Stdio::piped());
    let mut server = command.spawn().expect("it runs");
    let pid = server.id().to_string();
    // It is opened once the server reads it, so that its first moment is over.
    let mut conf = OpenOptions::new().write(true).open(folder.join("conf")).expect("it is read");
    let signal = |name: &str| {
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.expect("it runs").success());
    };
    signal("HUP");
    conf.write_all(patience(&[]).as_bytes()).expect("it is read");
    drop(conf);
    let said = BufReader::new(server.stdout.take().expect("it is piped"));
    let mut said = said.lines().map_while(Result::ok);
    assert!(said.any(|line| line.contains("listening on")));
    // The signal has it read once more.
    fs::write(folder.join("conf"), patience(&[])).expect("it is read");
    let log = BufReader::new(server.stderr.take().expect("it is piped"));
    let mut lines = log.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("the configuration was read again")));
    signal("TERM");
    assert_eq!(server.wait().expect("it ends").code(), Some(0));
}

/// The binary with a patient configuration, the lines of its log, and the file.
fn serve_logged(name: &str) -> (Binary, Receiver<String>, PathBuf) {
    let conf = folder(name).join("conf");
    fs::write(&conf, patience(&[])).expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    let (server, lines) = Binary::run_logged(command.arg("--config").arg(&conf));
    (server, lines, conf)
}

/// Each fault of a configuration has a line of its own.
#[test]
fn a_hangup_tells_what_is_wrong_with_the_configuration() {
    let (server, lines, conf) = serve_logged("typos");
    fs::write(&conf, "[server]\nprot: 1\nhots: ::1\n").expect("it can be written");
    server.signal("HUP");
    for fault in ["conf:2: ", "conf:3: "] {
        let line = next(&lines);
        assert!(line.contains("the new one is not valid: ") && line.contains(fault), "{line}");
        assert_eq!(line.matches("conf:").count(), 1, "{line}");
    }
}

/// A file that has gone is no wish for the defaults, also if no flag names it.
#[test]
fn a_hangup_without_the_configuration_file_changes_nothing() {
    for name in ["server.conf", "server.config"] {
        let folder = folder("gone");
        fs::write(folder.join(name), patience(&[])).expect("it can be written");
        let mut command = Command::new("sh");
        command.args(["-c", "cd \"$0\" && exec \"$@\""]).arg(&folder);
        command.arg(env!("CARGO_BIN_EXE_switchboard"));
        let (server, lines) = Binary::run_logged(&mut command);
        fs::remove_file(folder.join(name)).expect("it is there");
        server.signal("HUP");
        let line = next(&lines);
        let words = ["the configuration stays as it is: ", &format!("{name}: cannot be read: ")];
        assert!(words.iter().all(|words| line.contains(words)), "{line}");
    }
}

/// What holds for programs alone needs no other start, and is checked as at the start.
#[test]
fn a_hangup_warns_of_variables_that_are_not_set() {
    let (server, lines, conf) = serve_logged("variables");
    let others = "[server]\npass-env: SWITCHBOARD_NO_SUCH\n".to_owned() + &patience(&[]);
    fs::write(&conf, others).expect("it can be written");
    server.signal("HUP");
    let line = next(&lines);
    assert!(line.contains("pass-env has SWITCHBOARD_NO_SUCH, which is not set here"), "{line}");
    // The next line is that of the next reload.
    fs::write(&conf, "[server]\nprot: 1\n").expect("it can be written");
    server.signal("HUP");
    let line = next(&lines);
    assert!(line.contains("the new one is not valid: "), "{line}");
}

/// The server leads the session of a terminal that goes. The result is printed.
const TERMINAL: &str = r#"
import os, pty, re, signal, sys
ignores, trial = sys.argv[1] == "nohup", sys.argv[2] == "try"
server, words = sys.argv[3], sys.argv[4:]
heard, log = os.pipe()
child, terminal = pty.fork()
if child == 0:
    # Whatever started this test, such as nohup.
    signal.signal(signal.SIGHUP, signal.SIG_IGN if ignores else signal.SIG_DFL)
    os.dup2(log, 2)
    os.execv(server, [server, "--port", "0"] + words)
os.close(log)
text = b""
while b"listening on http" not in text:
    text += os.read(terminal, 1000)
lines = open(heard, "rb")
def until(word):
    for line in lines:
        if word in line:
            return
    sys.exit(f"the log ends without {word}")
if not trial:
    # While it is there, it is a reload.
    os.kill(child, signal.SIGHUP)
    until(b"the configuration was read again")
os.close(terminal)
if ignores:
    # Whether the system has sent one or not, this is one.
    os.kill(child, signal.SIGHUP)
    until(b"the configuration was read again")
    os.kill(child, signal.SIGTERM)
else:
    until(b"the terminal has gone")
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"#;

#[test]
fn a_terminal_that_goes_ends_the_server_unless_that_is_to_outlive_it() {
    let folder = programs("terminal", &[("tells.py", TELLS)]);
    fs::write(folder.join("conf"), patience(&[])).expect("it can be written");
    let server = env!("CARGO_BIN_EXE_switchboard");
    for (start, kind, words) in [
        ("usual", "serve", ["--document-root", "."]),
        ("nohup", "serve", ["--document-root", "."]),
        ("usual", "try", ["--try", "tells.py"]),
    ] {
        let mut python = Command::new("python3");
        python.args(["-c", TERMINAL, start, kind, server, "--config", "conf"]).args(words);
        let output = python.current_dir(&folder).output().expect("python3 is there");
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said, "0\n", "{start} {kind}: {errors}");
    }
}

//! The binary with a configuration of several files, with variables of its environment, and what
//! `--print-config` says of it.

#![cfg(feature = "admin")]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::folder::{by_short_path, folder};

/// Files in an empty folder, each as its name and its text.
fn files(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = folder(name);
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }
    folder
}

/// The binary in a folder, with no variables besides its own.
fn binary(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.current_dir(folder).env_clear();
    command
}

/// What is printed on standard output and standard error, and the exit code.
fn run(command: &mut Command) -> (String, String, Option<i32>) {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("its output is text");
    (text(stdout), text(stderr), status.code())
}

#[test]
fn a_check_covers_all_files() {
    let folder = files(
        "check",
        &[
            ("etc/server.conf", "include: conf.d/*.conf\n[server]\nport: 0\n"),
            ("etc/conf.d/2.conf", "[service /nosuch]\n"),
            ("etc/conf.d/1.conf", "[server]\nhost: ::1\n"),
            ("etc/conf.d/.3.conf", "nonsense"),
            ("etc/conf.d/4.conf.old", "nonsense"),
        ],
    );
    // Names are relative to the file, and not to the working directory.
    fs::create_dir(folder.join("etc/conf.d/5.conf")).expect("it can be made");
    let check = || run(binary(&folder).args(["--check-config", "-c", "etc/server.conf"]));
    let (out, err, code) = check();
    assert_eq!(code, Some(0), "{err}");
    let good = "etc/server.conf and 2 included files: the configuration is good, with a warning\n";
    assert_eq!(out, good);
    let warning = "switchboard: warning: etc/conf.d/2.conf:1: [service /nosuch] configures no";
    assert!(err.starts_with(warning), "{err}");

    fs::write(folder.join("etc/conf.d/3.conf"), "[server]\n\nport: x\n").expect("it can be");
    fs::remove_file(folder.join("etc/conf.d/1.conf")).expect("it can be");
    let (out, err, code) = check();
    let faults = "switchboard: etc/server.conf:3: port is given before, in etc/conf.d/3.conf:3\n\
                  etc/conf.d/3.conf:3: port is \"x\", allowed is a number from 0 to 65535, or \
                  none\n";
    assert_eq!((out.as_str(), err.as_str(), code), ("", faults, Some(4)));
}

/// None of them keeps the server waiting.
#[test]
fn what_is_no_file_is_refused() {
    let folder = files("kinds", &[("sub/x", "")]);
    assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().expect("it runs").success());
    let bound = by_short_path(&folder, |folder| UnixListener::bind(folder.join("socket")));
    drop(bound.expect("it can be made"));
    symlink("nowhere", folder.join("dangling")).expect("it can be made");
    symlink("server.conf", folder.join("again")).expect("it can be made");
    symlink("/dev/zero", folder.join("zero")).expect("it can be made");
    let irregular = "which cannot be read: it is no regular file";
    let missing = "which cannot be read: No such file or directory (os error 2)";
    let rows = [
        ("pipe", "pipe", irregular),
        ("pip*", "pipe", irregular),
        ("zero", "zero", irregular),
        ("sub", "sub", irregular),
        ("sub/", "sub/", irregular),
        ("dangling", "dangling", missing),
        ("dang*", "dangling", missing),
        ("nowhere/*", "nowhere/*", missing),
        ("nowhere", "nowhere", missing),
        ("again", "again", "which is this file itself: name another one"),
        ("./sub/../again", "./sub/../again", "which is this file itself: name another one"),
    ];
    for (value, path, expected) in rows {
        let text = format!("[server]\ninclude: {value}\n");
        fs::write(folder.join("server.conf"), text).expect("it can be written");
        let (_, err, code) = run(binary(&folder).arg("--check-config"));
        let expected = format!("switchboard: server.conf:2: include is \"{path}\", {expected}\n");
        assert_eq!((err, code), (expected, Some(4)), "{value}");
    }
    // Folders hold no lines, and a pattern leaves them out.
    fs::write(folder.join("server.conf"), "include: su*\n").expect("it can be written");
    assert_eq!(run(binary(&folder).arg("--check-config")).2, Some(0));
}

#[test]
fn the_environment_is_read() {
    let text = "[server]\nport: ${PORT:-0}\nstatic-root: ${ROOT}\ninclude: ${DIR:-conf.d}/*\n";
    let folder = files("environment", &[("server.conf", text), ("conf.d/a", "[service /a]\n")]);
    let (_, err, code) = run(binary(&folder).arg("--check-config").env("PORT", "x"));
    let expected = "switchboard: server.conf:2: port is \"x\", allowed is a number from 0 to \
                    65535, or none\nserver.conf:3: static-root needs ROOT, not set in the \
                    environment: set it, or write a default as in ${ROOT:-value}\n";
    assert_eq!((err.as_str(), code), (expected, Some(4)));
    // A path is bytes.
    let bytes = OsStr::from_bytes(b"r\xff");
    fs::create_dir(folder.join(bytes)).expect("it can be made");
    let (out, err, code) = run(binary(&folder).arg("--check-config").env("ROOT", bytes));
    assert_eq!(code, Some(0), "{err}");
    let good = "server.conf and 1 included file: the configuration is good, with a warning\n";
    assert_eq!(out, good);
}

#[test]
fn what_is_printed_starts_the_same_server() {
    let text = "include: more\n[server]\nport: ${PORT}\nhealth-path: /health # $\n";
    let more = "[limits]\nmax-message: 4m\n[service /echo]\norigin: any\nmax-message: 8m\n";
    let folder = files("print", &[("server.conf", text), ("more", more)]);
    let print = |words: &[&str]| {
        let (out, err, code) =
            run(binary(&folder).arg("--print-config").args(words).env("PORT", "7"));
        assert_eq!((err.as_str(), code), ("", Some(0)), "{out}");
        out
    };
    let out = print(&["-q"]);
    for line in [
        "# Read: server.conf",
        "# Read: more",
        "#host: 127.0.0.1  # default; restart",
        "port: 7  # server.conf:3, from PORT; restart",
        "health-path: /health  # server.conf:4",
        "log-level: warn  # command line",
        "max-message: 4m  # more:2",
        "#outbox-max: 8m  # follows max-message",
        "[service /echo]  # more:3",
        "origin: any  # more:4",
        "#outbox-max: 16m  # follows max-message",
    ] {
        assert!(out.lines().any(|other| other == line), "{line}\n{out}");
    }
    // In a folder and an environment without all that.
    let other = files("other", &[("server.conf", &out)]);
    let (again, err, code) = run(binary(&other).arg("--print-config"));
    assert_eq!((err.as_str(), code), ("", Some(0)));
    let values = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("# Read: "));
        let values = lines.map(|line| line.split("  # ").next().unwrap_or("").to_owned());
        values.collect::<Vec<_>>()
    };
    assert_eq!(values(&again), values(&out));
    let (help, _, _) = run(binary(&other).arg("--help"));
    assert!(help.contains("--print-config"), "{help}");
}

#[cfg(feature = "programs")]
#[test]
fn secrets_are_not_printed() {
    let text = "[server]\nenv: A=hunter2\n[service /a]\nenv: B=x${SECRET}y\n";
    let folder = files("secrets", &[("server.conf", text)]);
    let (out, err, code) =
        run(binary(&folder).arg("--print-config").env("SECRET", "hunter2 \"\\ # \n[x]"));
    assert_eq!((err.as_str(), code), ("", Some(0)));
    assert!(!out.contains("hunter2"), "{out}");
    assert!(out.contains("\nenv: A=***  # server.conf:2\n"), "{out}");
    assert!(out.ends_with("\nenv: B=***  # server.conf:4, from SECRET\n"), "{out}");
    // It is no configuration any more.
    fs::write(folder.join("server.conf"), &out).expect("it can be written");
    let (_, err, code) = run(&mut binary(&folder));
    assert!(err.contains("server.conf:1: \"*** or a comment stands for a value"), "{err}");
    assert_eq!(code, Some(4));
}

/// SIGHUP reads all files again, with new ones, and the faults of each.
#[cfg(feature = "programs")]
#[test]
fn a_reload_reads_all_files_again() {
    use support::binary::{Binary, patience};
    use support::folder::write;
    use support::next;

    let text = patience(&[]) + "include: conf.d/*.conf\n[server]\nhealth-path: ${HEALTH:-/one}\n";
    let folder = files("reload", &[("server.conf", &text), ("conf.d/a.conf", "")]);
    write(&folder, "programs/cat", "#!/bin/sh\nexec cat\n", "755");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.arg("-v").arg("-c").arg(folder.join("server.conf"));
    command.arg("-d").arg(folder.join("programs"));
    let (server, log) = Binary::run_logged(&mut command);
    let open = || {
        let mut raw = support::Raw::connect(server.address());
        raw.upgrade("/cat");
        raw.send_text("word");
        raw
    };
    let reload = |expected: &str| {
        server.signal("HUP");
        while !next(&log).contains(expected) {}
    };
    let put = |name: &str, text: &str| {
        fs::write(folder.join("conf.d").join(name), text).expect("it can be written");
    };
    put("b.conf", "[service /cat]\nmode: per-socket\n");
    reload("the configuration was read again");
    assert_eq!(open().read_text(), "word");
    put("c.conf", "[service /cat]\nmode: shared\n");
    reload("conf.d/c.conf:2: mode is given before, in ");
    assert_eq!(open().read_text(), "word", "nothing has changed");
    put("c.conf", "include: ../gone.conf\n");
    reload("conf.d/c.conf:1: include is ");
    fs::remove_file(folder.join("conf.d/c.conf")).expect("it can be removed");
    reload("the configuration was read again");
    assert_eq!(open().read_text(), "word");
}

//! What a program finds when it begins: its place, its environment, its descriptors.

use std::env;
use std::fs::{self, File};
use std::net::TcpListener;
use std::process::Command;

use switchboard::host::{raise_descriptor_limit, seal_descriptors};
use switchboard::process::{Launch, StartError};
use switchboard::programs::Variable;

use crate::bench::Bench;
use crate::support::folder::write;

#[test]
fn a_program_inherits_three_descriptors_and_no_other() {
    seal_descriptors().expect("the system is new enough");
    let script = "#!/usr/bin/env python3\n\
                  import os\n\
                  fds = '/proc/self/fd/'\n\
                  there = sorted(fd for fd in os.listdir(fds) if os.path.exists(fds + fd))\n\
                  print(there, [os.readlink(fds + fd)[:4] for fd in there])\n";
    let mut bench = Bench::new("descriptors", &[("list.py", script), ("cat", CAT)]);
    let file = File::open("/dev/null").expect("it is there");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    // Of a program that runs already, there are three pipes and an exit descriptor.
    let cat = bench.start("/cat");
    let id = bench.start("/list");
    let (said, exit) = bench.rest(id);
    assert_eq!(said, "['0', '1', '2'] ['pipe', 'pipe', 'pipe']\n");
    assert!(exit.status().is_some_and(|status| status.success()), "{exit}");
    bench.pump.kill(cat);
    drop((file, listener));
}

#[test]
fn the_environment_is_what_it_is_given() {
    let mut bench = Bench::new("environment", &[("env", "#!/bin/sh\ncat /proc/$$/environ\n")]);
    let program = bench.root.find("/env").expect("it is there");
    let variable = |name: &str, value: &str| Variable { name: name.into(), value: value.into() };
    let variables =
        [variable("SWITCHBOARD_SERVICE", "/env"), variable("CARGO_MANIFEST_DIR", "mine")];
    let pass_env = ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "THERE_IS_NO_SUCH"].map(str::to_owned);
    let launch = Launch { program: &program, pass_env: &pass_env, variables: &variables };
    let id = bench.pump.start(launch).expect("it starts");
    let (said, _) = bench.rest(id);
    let mut found: Vec<_> = said.split_terminator('\0').collect();
    found.sort_unstable();
    let path = format!("PATH={}", env::var("PATH").expect("the test has one"));
    let mut expected =
        vec!["CARGO_MANIFEST_DIR=mine", "LANG=C.UTF-8", &path, "SWITCHBOARD_SERVICE=/env"];
    // It is there whenever cargo runs the test.
    if env::var_os("CARGO_PKG_NAME").is_some() {
        expected.insert(1, "CARGO_PKG_NAME=switchboard");
    }
    assert_eq!(found, expected);
}

#[test]
fn signals_are_as_programs_expect() {
    let script = "#!/bin/sh\n\
                  grep -E '^Sig(Blk|Ign)' /proc/self/status\n\
                  read -r _ _ _ _ group _ </proc/$$/stat\n\
                  [ \"$group\" = $$ ] && echo leads\n";
    let mut bench = Bench::new("signals", &[("signals", script)]);
    let own = fs::read_to_string("/proc/self/status").expect("it is there");
    let ignored = |text: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        u64::from_str_radix(line.expect("it is there").trim(), 16).expect("it is a number")
    };
    assert_ne!(ignored(&own) & SIGPIPE, 0, "the test would see nothing: this process has it");
    let id = bench.start("/signals");
    let (said, _) = bench.rest(id);
    assert_eq!(ignored(&said) & SIGPIPE, 0, "{said}");
    assert!(said.contains("SigBlk:\t0000000000000000\n"), "{said}");
    assert!(said.ends_with("\nleads\n"), "{said}");
}

#[test]
fn a_program_runs_in_its_folder_and_finds_what_stands_beside_it() {
    let script = "#!/usr/bin/env python3\n\
                  import os, sys, _shared\n\
                  print(os.getcwd(), sys.argv[0], _shared.WORD)\n";
    let mut bench = Bench::new("place", &[("games/chess.py", script)]);
    write(&bench.folder, "games/_shared.py", "WORD = 'mate'\n", "644");
    let id = bench.start("/games/chess");
    let (said, _) = bench.rest(id);
    let folder = bench.folder.join("games").canonicalize().expect("it is there");
    assert_eq!(said, format!("{} ./chess.py mate\n", folder.display()));
}

#[test]
fn what_cannot_start_tells_why() {
    let programs = [
        ("nothing", ""),
        ("bare", "echo no first line\n"),
        ("lost", "#!/there/is/no/such\n"),
        ("binary", "\u{7f}ELF but not really"),
    ];
    let mut bench = Bench::new("unable", &programs);
    for (path, told) in [
        ("/nothing", "neither made for this machine nor a script"),
        ("/bare", "neither made for this machine nor a script"),
        ("/lost", "the interpreter that its first line names is missing"),
        ("/binary", "neither made for this machine nor a script"),
    ] {
        let error = bench.try_start(path).expect_err("it does not start").to_string();
        assert!(error.contains(told), "{path}: {error}");
        assert!(bench.pump.is_empty() && bench.groups.is_empty());
    }
}

#[test]
fn a_file_that_was_replaced_is_not_the_one_that_was_found() {
    let mut bench = Bench::new("replaced", &[("old", CAT), ("new", CAT)]);
    let program = bench.root.find("/old").expect("it is there");
    fs::rename(bench.folder.join("new"), bench.folder.join("old")).expect("it can be renamed");
    let launch = Launch { program: &program, pass_env: &[], variables: &[] };
    let error = bench.pump.start(launch).expect_err("it is another one");
    assert!(matches!(error, StartError::Replaced), "{error}");
    // Where the folder is does not matter: it is held open.
    let program = bench.root.find("/old").expect("it is there");
    let moved = bench.folder.with_extension("moved");
    let _ = fs::remove_dir_all(&moved);
    fs::rename(&bench.folder, moved).expect("it can be renamed");
    let launch = Launch { program: &program, pass_env: &[], variables: &[] };
    let id = bench.pump.start(launch).expect("it starts");
    bench.tell(id, b"here\n");
    assert_eq!(bench.line(id), "here");
}

/// In a process of its own, which begins with a limit that can be raised.
#[test]
fn the_descriptor_limit_is_what_the_host_began_with() {
    let test = "beginnings::begun_with_a_low_limit";
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -Sn 200; exec \"$@\"", "sh"]);
    command.arg(env::current_exe().expect("this runs"));
    let output = command.args(["--ignored", "--exact", test]).output().expect("it runs again");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains(" 1 passed"), "{told}");
}

#[test]
#[ignore = "it is run by `the_descriptor_limit_is_what_the_host_began_with`"]
fn begun_with_a_low_limit() {
    assert!(raise_descriptor_limit() > 200, "there is something to be raised");
    // It is lowered while the program begins, before its first input.
    let script = "#!/bin/sh\nread -r _\nulimit -Sn\n";
    let mut bench = Bench::new("limit", &[("limit", script)]);
    let id = bench.start("/limit");
    bench.tell(id, b"go\n");
    assert_eq!(bench.rest(id).0, "200\n");
}

pub const CAT: &str = "#!/bin/sh\nexec cat\n";
/// Its bit in a mask of signals.
const SIGPIPE: u64 = 1 << 12;

//! Programs that mean harm to the server: they leave their groups to outlive it, fork without end,
//! and read its memory. They are in Python, Bash and C, and the server is the binary, as an
//! ordinary user: root may do all that.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::Receiver;
use std::{env, process};

use crate::support::binary::{Binary, patience};
use crate::support::folder::write;
use crate::support::raw::close;
use crate::support::{Raw, until};

/// A folder that any user may read, with the binary and the programs in it.
struct Place(PathBuf);

impl Place {
    /// With programs, each as its name and its text; those of C are compiled.
    fn new(name: &str, programs: &[(&str, &str)], lines: &str) -> Self {
        let folder = env::temp_dir().join(format!("switchboard-{}-{name}", process::id()));
        write(&folder, "services/cat", "#!/bin/sh\nexec cat\n", "755");
        for (program, text) in programs {
            write(&folder, &format!("services/{program}"), text, "755");
            if let Some(stem) = program.strip_suffix(".c") {
                let services = folder.join("services");
                let mut command = Command::new("cc");
                run(command.args(["-o", stem, program]).current_dir(&services));
                fs::remove_file(services.join(program)).expect("it is there");
            }
        }
        let conf = format!("{}[server]\nmode: per-socket\n{lines}", patience(&[]));
        write(&folder, "conf", &conf, "644");
        run(Command::new("cp").arg(env!("CARGO_BIN_EXE_switchboard")).arg(&folder));
        run(Command::new("mkfifo").args(["-m", "666"]).arg(folder.join("services/alive")));
        run(Command::new("chmod").args(["-R", "a+rX"]).arg(&folder));
        Self(folder)
    }

    /// Starts the server as an ordinary user.
    fn serve(&self) -> (Binary, Receiver<String>) {
        let binary = self.0.join("switchboard");
        let mut command = Command::new("setpriv");
        if is_root() {
            command.args(["--reuid=54322", "--regid=54322", "--clear-groups"]);
        }
        command.arg(binary).arg("--config").arg(self.0.join("conf"));
        command.arg("--document-root").arg(self.0.join("services"));
        Binary::run_logged(command.env("SECRET", "a secret"))
    }

    /// A pipe that can be read to its end once no process has it that `alive` was left to.
    fn alive(&self) -> File {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NONBLOCK);
        options.open(self.0.join("services/alive")).expect("it is there")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What is left is in a folder of temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(command: &mut Command) {
    assert!(command.status().expect("it runs").success(), "{command:?}");
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("it runs");
    id.stdout == b"0\n"
}

fn open(server: &Binary, path: &str) -> Raw {
    let mut raw = Raw::connect(server.address());
    raw.upgrade(path);
    raw
}

/// A process as the system reports it: its state, its parent, and the time of its beginning. The
/// number alone may mean another one a moment later, where others fork without end.
#[derive(Clone, Debug)]
struct Seen {
    id: u32,
    state: String,
    parent: String,
    begun: String,
}

impl Seen {
    fn new(id: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let words: Vec<_> = stat.rsplit_once(") ")?.1.split(' ').map(str::to_owned).collect();
        let [state, parent, begun] = [0, 1, 19].map(|at: usize| words[at].clone());
        Some(Self { id, state, parent, begun })
    }

    /// What it is by now; none if it has gone, and is no zombie either.
    fn now(&self) -> Option<Self> {
        Self::new(self.id).filter(|now| now.begun == self.begun)
    }

    fn kill(&self) {
        run(Command::new("kill").args(["-KILL", &self.id.to_string()]));
    }
}

/// The processes whose numbers a program says.
fn seen(said: &str) -> Vec<Seen> {
    let number = |word: &str| Seen::new(word.parse().expect("it is a number"));
    said.split(' ').map(|word| number(word).expect("it is there")).collect()
}

/// Stops a server. Returns what it has warned of.
fn stop(mut server: Binary, log: &Receiver<String>) -> Vec<String> {
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    log.iter().collect()
}

/// What leaves the group of a program belongs to the server, which waits for it and ends it.
#[test]
fn what_leaves_its_group_is_reaped_and_ended_at_the_stop() {
    let place = Place::new("leaves", &LEAVERS, "");
    let (server, log) = place.serve();
    let mut left = Vec::new();
    for path in ["/python", "/bash", "/c"] {
        // One that ends before the stop, and one that does not.
        for ends in [true, false] {
            let mut raw = open(&server, path);
            let processes = seen(&raw.read_text());
            raw.send(&close(1000, ""));
            assert_eq!(raw.read_close().0, 1000, "{path}");
            until("the server has it", || {
                processes[0].now().is_some_and(|now| now.parent == server.pid())
            });
            let states = processes.iter().filter_map(Seen::now).map(|now| now.state);
            assert_eq!(states.filter(|state| state != "Z").count(), processes.len(), "{path}");
            if ends {
                processes.iter().for_each(Seen::kill);
                until("no zombie is left", || processes.iter().all(|seen| seen.now().is_none()));
            } else {
                left.push((path, processes));
            }
        }
    }
    let lines = stop(server, &log);
    for (path, process) in
        left.iter().flat_map(|(path, all)| all.iter().map(move |one| (path, one)))
    {
        assert!(process.now().is_none(), "{path}: {process:?} is left");
        let name = format!("process {} \"", process.id);
        let named = lines.iter().filter(|line| line.contains(&name));
        assert_eq!(named.count(), 1, "{path}: {name}: {lines:#?}");
    }
    let killed = |line: &&String| line.ends_with("it left the process group of its program");
    assert_eq!(lines.iter().filter(killed).count(), 5, "{lines:#?}");
    let named: BTreeSet<_> = lines.iter().filter_map(|line| line.split('"').nth(1)).collect();
    assert!(named.is_superset(&[") S 1 \\n(x", "python3", "bash"].into()), "{named:?}");
}

/// Programs in the middle of whatever they do are stopped at once by a second signal.
#[test]
fn a_second_signal_ends_what_has_left_its_group_as_well() {
    let place = Place::new("twice", &LEAVERS, "stop-timeout: 3600s\n");
    let (mut server, _log) = place.serve();
    let mut raws = ["/python", "/bash", "/c"].map(|path| open(&server, path));
    let processes = seen(&raws.each_mut().map(Raw::read_text).join(" "));
    server.signal("TERM");
    raws.iter_mut().for_each(|raw| assert_eq!(raw.read_close().0, 1001));
    server.signal("TERM");
    assert_eq!(server.exit_code(), Some(0));
    for process in processes {
        assert!(process.now().is_none(), "{process:?} is left");
    }
}

/// A program that is traced by what has left its group neither keeps its place nor holds up a stop.
#[test]
fn a_program_that_is_traced_ends_all_the_same() {
    let programs = [("traced.c", include_str!("harm/traced.c"))];
    let place = Place::new("traced", &programs, "stop-timeout: 100ms\n");
    let (server, log) = place.serve();
    let mut raws = [(); 2].map(|()| open(&server, "/traced"));
    let said = raws.each_mut().map(Raw::read_text);
    if said[0] == "untraced" {
        return println!("left out: the system lets no process trace another one");
    }
    let processes = said.each_ref().map(|said| seen(said));
    let is_gone = |processes: &[Seen]| processes.iter().all(|seen| seen.now().is_none());
    raws[0].send(&close(1000, ""));
    assert_eq!(raws[0].read_close().0, 1000);
    until("the first and what traces it have gone", || is_gone(&processes[0]));
    assert!(!is_gone(&processes[1]));
    drop(raws);
    let lines = stop(server, &log);
    assert!(is_gone(&processes[1]));
    for tracer in [&processes[0][1], &processes[1][1]] {
        let named = format!("process {} \"traced\" is killed", tracer.id);
        assert!(lines.iter().any(|line| line.contains(&named)), "{named}: {lines:#?}");
    }
}

/// The children that a shell had before it executed the server are its own affair.
#[test]
fn a_child_that_was_there_before_outlives_the_stop() {
    let folder = crate::support::folder::folder("before");
    let script = "sleep 1000 >/dev/null 2>&1 & echo $! >\"$1\"; shift; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(folder.join("child"));
    command.arg(env!("CARGO_BIN_EXE_switchboard")).arg("-d").arg(&folder);
    let (server, log) = Binary::run_logged(&mut command);
    let child = fs::read_to_string(folder.join("child")).expect("it is written");
    let [child] = &*seen(child.trim()) else { panic!("one is said") };
    assert_eq!(stop(server, &log), Vec::<String>::new());
    assert!(child.now().is_some_and(|now| now.state != "Z"));
    child.kill();
}

/// A process that is another one all the time, and as many as there may be.
#[test]
fn what_forks_without_end_is_ended_at_the_stop() {
    let programs = [
        ("chain.c", include_str!("harm/chain.c")),
        ("_bomb.c", include_str!("harm/bomb.c")),
        ("bomb.sh", include_str!("harm/bomb.sh")),
    ];
    for (path, said) in [("/chain", "begun"), ("/bomb", "full")] {
        let place = Place::new(path.trim_start_matches('/'), &programs, "");
        let (server, log) = place.serve();
        let mut alive = place.alive();
        let mut raw = open(&server, path);
        assert_eq!(raw.read_text(), said);
        raw.send(&close(1000, ""));
        assert_eq!(raw.read_close().0, 1000, "{path}");
        let blocked = alive.read(&mut [0]).expect_err("some are left");
        assert_eq!(blocked.kind(), ErrorKind::WouldBlock, "{path}");
        // Others are served meanwhile.
        let mut raw = open(&server, "/cat");
        raw.send_text("well");
        assert_eq!(raw.read_text(), "well");
        drop(raw);
        let lines = stop(server, &log);
        assert_eq!(alive.read(&mut [0]).ok(), Some(0), "{path}: nobody has it: {lines:#?}");
        let counted = lines.iter().any(|line| line.contains(" more processes like these"));
        assert_eq!(counted, path == "/bomb", "{path}: {lines:#?}");
        assert!((1..=21).contains(&lines.len()), "{path}: {lines:#?}");
    }
}

/// A program of the same user reads nothing of the server, unless `dumpable` lets it.
#[test]
fn the_memory_of_the_server_is_out_of_reach() {
    let programs = [
        ("environ.sh", include_str!("harm/environ.sh")),
        ("mem.py", include_str!("harm/mem.py")),
        ("reads.c", include_str!("harm/reads.c")),
    ];
    let said = |lines: &str| {
        let place = Place::new(&format!("reads{}", lines.len()), &programs, lines);
        let (server, log) = place.serve();
        let said = ["/environ", "/mem", "/reads"].map(|path| open(&server, path).read_text());
        let quiet = stop(server, &log);
        assert!(!quiet.iter().any(|line| line.contains("dumpable")), "{quiet:?}");
        said
    };
    assert_eq!(said(""), ["nothing", "nothing: Permission denied", "own=1"]);
    let [environ, mem, all] = said("dumpable: yes\n");
    assert_eq!((&*environ, &*mem), ("SECRET=a secret", "SECRET="));
    // The others may be refused by more than this.
    assert!(all.starts_with("environ ") && all.contains(" maps ") && all.contains(" fd "), "{all}");
}

const LEAVERS: [(&str, &str); 3] = [
    ("python.py", include_str!("harm/leaves.py")),
    ("bash.sh", include_str!("harm/leaves.sh")),
    ("c.c", include_str!("harm/leaves.c")),
];

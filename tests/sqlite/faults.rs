//! A disk that is full, and a process that is killed in the middle.

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use rusqlite::Connection;
use switchboard::database::sqlite::Sqlite;
use switchboard::{Database, DatabaseError};

use super::support::folder::folder;
use super::{add, close, numbers, open_numbers, patient};

/// The variable that has the file of a process that a test starts.
const FILE: &str = "SWITCHBOARD_TEST_FILE";

fn file_of_parent() -> Option<PathBuf> {
    env::var_os(FILE).map(PathBuf::from)
}

/// This program, to run another test of this file.
fn this_program(test: &str) -> Vec<String> {
    let program = env::current_exe().expect("it has a name");
    let program = program.to_str().expect("it is text").to_owned();
    [&program, "--exact", test, "--ignored", "--nocapture"].map(str::to_owned).to_vec()
}

/// Writes numbers to a file for ever, and prints each that was committed.
#[test]
#[ignore = "a part of another test"]
fn writes_for_ever() {
    let Some(file) = file_of_parent() else { return };
    let db = Database::open("test", Sqlite::new(&file), patient()).expect("there are threads");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let db = &db;
            scope.spawn(move || {
                for number in (thread..).step_by(4) {
                    db.write(move |c| add(c, number)).expect("it is added");
                    println!("committed {number}");
                }
            });
        }
    });
}

#[test]
fn what_was_answered_survives_a_kill() {
    let path = super::file("killed");
    let kept = open_numbers(&path, patient());
    let mut answered = BTreeSet::new();
    for round in 0..5 {
        let mut words = this_program("faults::writes_for_ever");
        let mut child = Command::new(words.remove(0))
            .args(words)
            .env(FILE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut lines = lines(&mut child);
        let mut of_round = Vec::new();
        while of_round.len() < 50 {
            of_round.extend(committed(&lines.next().expect("it goes on")));
        }
        child.kill().expect("it runs");
        // What it has printed until then.
        of_round.extend(lines.map_while(Result::ok).filter_map(|line| committed(&Ok(line))));
        child.wait().expect("it is ours");
        answered.extend(of_round);
        let found = numbers(&kept);
        let lost: Vec<_> = answered.iter().filter(|n| found.binary_search(n).is_err()).collect();
        assert!(lost.is_empty(), "round {round}: {lost:?}");
        let state: String = Connection::open(&path)
            .and_then(|file| file.query_row("PRAGMA integrity_check", [], |row| row.get(0)))
            .expect("it is read");
        assert_eq!(state, "ok", "round {round}");
    }
    close(&kept);
}

fn lines(child: &mut Child) -> std::io::Lines<BufReader<ChildStdout>> {
    BufReader::new(child.stdout.take().expect("it is a pipe")).lines()
}

fn committed(line: &std::io::Result<String>) -> Option<i64> {
    line.as_ref().ok()?.strip_prefix("committed ")?.parse().ok()
}

/// Fills the disk of its file, and uses the database afterwards.
#[test]
#[ignore = "a part of another test"]
fn fills_its_disk() {
    let Some(file) = file_of_parent() else { return };
    let db = open_numbers(&file, patient());
    db.write(|c| Ok(c.execute_batch("CREATE TABLE blob (b)")?)).expect("it is made");
    let grow = |len: i32| {
        db.write(move |c| Ok(c.execute("INSERT INTO blob VALUES (zeroblob(?))", [len])?))
    };
    let full = (0..1_000).find_map(|_| grow(16_384).err()).expect("the disk is small");
    assert!(is_full(&full), "{full:?}");
    // It stays full, and what was there can be read.
    let still = grow(524_288).expect_err("there is no space");
    assert!(is_full(&still), "{still:?}");
    let count = "SELECT count(*) FROM blob";
    let len: i64 = db.read(move |c| Ok(c.query_row(count, [], |row| row.get(0))?)).expect("rows");
    assert!(len > 0);
    // With space, it goes on.
    std::fs::remove_file(file.with_file_name("ballast")).expect("it is there");
    db.write(|c| Ok(c.execute("DELETE FROM blob", [])?)).expect("there is space again");
    db.write(|c| add(c, 1)).expect("there is space again");
    close(&db);
    println!("the disk was full");
}

fn is_full(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::Query(error) if error.to_string().contains("full"))
}

#[test]
fn a_full_disk_is_an_error_and_no_end() {
    let disk = folder("disk");
    let file = disk.join("main.db");
    // Root, or a user with a namespace of its own, may mount one. It goes with the process.
    let script = "mount -t tmpfs -o size=1m none \"$1\" && \
                  head -c 300000 /dev/zero >\"$1/ballast\" && shift && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
        .arg(&disk)
        .args(this_program("faults::fills_its_disk"))
        .env(FILE, &file)
        .output()
        .expect("unshare is part of every Linux");
    let text = [&*output.stdout, &*output.stderr].map(String::from_utf8_lossy).concat();
    let may_not = ["unshare failed", "mount: "].iter().any(|part| text.contains(part));
    if may_not && !text.contains("running 1 test") {
        // A container without namespaces: a file system cannot be had, and a quota neither.
        println!("not tested here: {text}");
        return;
    }
    assert!(output.status.success(), "{text}");
    assert!(text.contains("the disk was full"), "{text}");
    assert!(!Path::new(&file).exists(), "it was on the other disk");
}

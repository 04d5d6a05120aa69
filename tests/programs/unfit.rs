//! A new version that is not executable: the log says so once, and the old one serves.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::Receiver;

use crate::keep::{TELLS, version};
use crate::support::binary::{Binary, patience};
use crate::support::folder::{folder, write};
use crate::support::{Raw, next};

/// A socket of a program, once that has reported it.
fn open(binary: &Binary, path: &str) -> Raw {
    let mut raw = Raw::connect(binary.address());
    raw.upgrade(path);
    raw.read_text();
    raw
}

fn hear(raw: &mut Raw) -> String {
    raw.send_text("hello");
    raw.read_text()
}

/// The next line of the log about one of these programs. There is none about others meanwhile.
fn warning(log: &Receiver<String>) -> String {
    let line = next(log);
    assert!(line.contains("service /tells: "), "{line}");
    line
}

/// Puts a version in place that was not made executable.
fn forget(folder: &Path, number: usize) {
    write(folder, "_new", &version(number), "644");
    fs::rename(folder.join("_new"), folder.join("tells.py")).expect("it can be moved");
}

/// Waits for some looks at all programs: another one is replaced after two of them.
fn look_on(folder: &Path, other: &mut Raw) {
    let touched = Command::new("touch").arg(folder.join("other.py")).status();
    assert!(touched.expect("it runs").success());
    assert!(other.read_text().ends_with(" again"));
}

#[test]
fn a_version_that_is_not_executable_is_warned_of_once() {
    // The log has real paths.
    let folder = folder("unfit").canonicalize().expect("it was just made");
    for name in ["tells.py", "other.py"] {
        write(&folder, name, TELLS, "755");
    }
    // Neither has ever been a program: the first may be data, the second code that others import.
    for name in ["notes", "shared.py"] {
        write(&folder, name, TELLS, "644");
    }
    let conf = folder.join("_server.conf");
    let keys = "on-change: replace\non-death: keep\n";
    let text = format!("{}[server]\ndocument-root: {}\n{keys}", patience(&[]), folder.display());
    fs::write(&conf, text).expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    let (mut binary, log) = Binary::run_logged(command.arg("--config").arg(&conf));
    let (mut raw, mut other) = (open(&binary, "/tells"), open(&binary, "/other"));

    for number in 2..4 {
        forget(&folder, number);
        let line = warning(&log);
        let file = folder.join("tells.py");
        let found = format!("it is not replaced: {file:?} is not executable: chmod +x makes it so");
        assert!(line.contains(&found), "{line}");
        let meanwhile = "the running process serves meanwhile, but could not be started again";
        assert!(line.ends_with(meanwhile), "{line}");
        look_on(&folder, &mut other);
        assert_eq!(hear(&mut raw), format!("{} hello", number - 1));
        let made = Command::new("chmod").arg("+x").arg(&file).status();
        assert!(made.expect("it runs").success());
        assert!(raw.read_text().ends_with(" again"));
        assert_eq!(hear(&mut raw), format!("{number} hello"));
    }

    // A reload says so as well, instead of the next looks.
    forget(&folder, 4);
    binary.signal("HUP");
    assert_eq!([raw.read_text(), other.read_text()], ["RELOAD", "RELOAD"]);
    assert!(warning(&log).contains("it is not replaced: "));
    look_on(&folder, &mut other);
    drop((raw, other));
    binary.signal("TERM");
    assert_eq!(binary.exit_code(), Some(0));
    // A look may have said so before the reload did.
    let rest: Vec<_> = log.iter().collect();
    assert!(
        rest.len() <= 1 && rest.iter().all(|l| l.contains("it is not replaced: ")),
        "{rest:#?}"
    );
}

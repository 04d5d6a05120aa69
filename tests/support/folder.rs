//! Folders of tests, with the programs that they serve.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// An empty folder called `name`, in a folder that is named after the test (the thread's name). So
/// no other test has it.
pub fn folder(name: &str) -> PathBuf {
    let test = thread::current().name().expect("tests have names").replace("::", "-");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test).join(name);
    // Whatever an earlier run has left.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("it can be made");
    folder
}

/// A free path for a socket. The system takes 107 bytes at most, and those of a folder of this test
/// may be longer, depending on where the sources are.
pub fn socket_path(name: &str) -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("swb-{}-{number}-{name}", process::id());
    let path = env::temp_dir().join(name);
    // Whatever an earlier process of this number has left.
    let _ = fs::remove_file(&path);
    path
}

/// Acts on a folder by a path that is short enough for those of its sockets.
pub fn by_short_path<T>(folder: &Path, act: impl FnOnce(&Path) -> T) -> T {
    let link = socket_path("link");
    symlink(folder, &link).expect("it can be made");
    let result = act(&link);
    fs::remove_file(&link).expect("it is there");
    result
}

/// Writes a file. A process of its own does, since another test may start a program just then: that
/// would hold the file open for writing for a moment, and such a file cannot be executed.
pub fn write(folder: &Path, name: &str, text: &str, mode: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
    let script = "printf %s \"$1\" >\"$2\" && chmod \"$3\" \"$2\"";
    let status = Command::new("sh").args(["-c", script, "sh", text]).arg(path).arg(mode).status();
    assert!(status.expect("it runs").success());
}

/// A folder with these programs, each as its name and its text.
pub fn programs(name: &str, programs: &[(&str, &str)]) -> PathBuf {
    let folder = folder(name);
    for (program, text) in programs {
        write(&folder, program, text, "755");
    }
    folder
}

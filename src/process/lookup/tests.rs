//! What a lookup costs, whatever lies in the folder.

use std::cell::Cell;
use std::env;
use std::os::unix::fs::OpenOptionsExt;

use super::*;

thread_local! {
    static LOOKS_LEN: Cell<usize> = const { Cell::new(0) };
}

/// A file is looked at, at a fixed number of system calls.
pub(super) fn count() {
    LOOKS_LEN.set(LOOKS_LEN.get() + 1);
}

/// What a path comes to in a folder of these files, and how many of them are looked at for it. Each
/// test has a folder of its own.
fn look(own: &str, path: &str, files: impl Iterator<Item = (String, u32)>) -> (String, usize) {
    let folder = env::temp_dir().join(format!("switchboard-{own}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("it can be made");
    for (name, mode) in files {
        let made = File::options().write(true).create_new(true).mode(mode).open(folder.join(name));
        made.expect("it can be made");
    }
    let root = DocumentRoot::new(&folder).expect("it is a folder");
    LOOKS_LEN.set(0);
    let found = root.find(path);
    let looks_len = LOOKS_LEN.get();
    let text = found.map_or_else(|error| error.to_string(), |found| found.key().to_owned());
    fs::remove_dir_all(&folder).expect("it can be removed");
    (text, looks_len)
}

#[test]
fn a_lookup_looks_at_few_files_of_many() {
    let crowded = "it cannot be looked at: more than 256 files have this name and an extension";
    // What stands in the folder besides `echo.X1`, `echo.X2` and so on, their letter X and mode,
    // and what the paths come to.
    let rows = [
        (Some(0o755), "", 0o755, "/echo", "/echo", 3),
        (Some(0o755), "", 0o644, "/echo", "/echo", 3),
        (Some(0o644), "", 0o755, "/echo", "is not executable: chmod +x makes it so", 3),
        (None, "", 0o755, "/echo", "echo.1 and echo.10 are executable, and only one", 4),
        (None, "", 0o644, "/echo", crowded, 260),
        (None, "x", 0o755, "/echo", "echo.x1 and echo.x10 are executable, and only one", 4),
        (None, "x", 0o755, "/echo.x1", "echo.x1 and echo.x10 are executable, and only one", 4),
        (None, "x", 0o644, "/echo", crowded, 260),
        (Some(0o755), "x", 0o755, "/echo", "echo and echo.x1 are executable, and only one", 3),
        (Some(0o755), "x", 0o644, "/echo", crowded, 260),
        (Some(0o755), "x", 0o644, "/echo.x1", "is not executable: chmod +x makes it so", 3),
    ];
    for (echo, letter, mode, path, expected, looks_max) in rows {
        let name = format!("{path} with {echo:?} beside echo.{letter}N of {mode:o}");
        let looks = [300, 900].map(|len| {
            let others = (1..=len).map(|number| (format!("echo.{letter}{number}"), mode));
            let own = echo.into_iter().map(|mode| ("echo".to_owned(), mode));
            let (text, looks) = look("cost", path, own.chain(others));
            assert!(text.contains(expected), "{name}: {text}");
            looks
        });
        assert_eq!(looks[0], looks[1], "{name}");
        assert!(looks[0] <= looks_max, "{name}: {looks:?}");
    }
}

/// Up to the bound, all files of a name are looked at, in whatever order they come.
#[test]
fn a_program_is_found_among_data_without_a_name_of_data() {
    for (len, expected) in [(FILES_MAX - 1, true), (FILES_MAX, false)] {
        let data = (1..=len).map(|number| (format!("echo.x{number}"), 0o644));
        let files = data.chain([("echo.zsh".to_owned(), 0o755)]);
        let (text, _) = look("among", "/echo", files);
        assert_eq!(text == "/echo", expected, "{len}: {text}");
    }
}

//! What a lookup costs, whatever lies in the folder.

use std::cell::Cell;
use std::env;
use std::os::unix::fs::{OpenOptionsExt, symlink};

use super::*;
use crate::ws::tests::random::Random;

thread_local! {
    static LOOKS_LEN: Cell<usize> = const { Cell::new(0) };
    static STEPS_LEN: Cell<usize> = const { Cell::new(0) };
}

/// A file is looked at, at a fixed number of system calls.
pub(super) fn count() {
    LOOKS_LEN.set(LOOKS_LEN.get() + 1);
}

/// A name on the way to a folder is followed, at a fixed number of system calls.
pub(in crate::process) fn count_step() {
    STEPS_LEN.set(STEPS_LEN.get() + 1);
}

/// A new folder, without links in its path.
fn folder(own: &str) -> PathBuf {
    let folder = env::temp_dir().join(format!("switchboard-{own}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("it can be made");
    folder.canonicalize().expect("it is there")
}

fn write(file: &Path, mode: u32) {
    let made = File::options().write(true).create_new(true).mode(mode).open(file);
    made.expect("it can be made");
}

/// What a path comes to in a folder of these files, and how many of them are looked at for it. Each
/// test has a folder of its own.
fn look(own: &str, path: &str, files: impl Iterator<Item = (String, u32)>) -> (String, usize) {
    let folder = folder(own);
    for (name, mode) in files {
        write(&folder.join(name), mode);
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

/// However many links lead to a folder, it is read once for all programs above a path.
#[test]
fn a_folder_is_looked_into_once_by_whatever_links() {
    let folder = folder("above");
    fs::create_dir(folder.join("sub")).expect("it can be made");
    for (link, target) in [("self", "."), ("own", "self"), ("sub/up", ".."), ("sub/own", ".")] {
        symlink(target, folder.join(link)).expect("it can be made");
    }
    (0..20).for_each(|number| write(&folder.join(format!("{number}.txt")), 0o644));
    let root = DocumentRoot::new(&folder).expect("it is a folder");
    // What is repeated, how often at most, how many folders it leads to, and how many names there
    // are sought in them, `ws_service` included.
    let rows = [
        ("/self", 39, 1, 2),
        ("/self/own", 13, 1, 3),
        ("/sub/up", 39, 2, 4),
        ("/sub/own/own/up/self", 9, 2, 6),
    ];
    for (part, times, folders_len, names_len) in rows {
        for times in [2, times] {
            let path = format!("{}/none/more", part.repeat(times));
            let mut listings = Listings::new();
            LOOKS_LEN.set(0);
            STEPS_LEN.set(0);
            let found = root.find_above_in(&path, |_| true, &mut listings);
            assert!(matches!(found, Err(LookupError::Nothing)), "{path}: {found:?}");
            let (looks, steps, reads) = (LOOKS_LEN.get(), STEPS_LEN.get(), listings.reads_len);
            assert_eq!(reads, folders_len, "{path}");
            // Only links are at the names, and no files of these names and an extension.
            assert!(looks <= names_len, "{path}: {looks} looks");
            STEPS_LEN.set(0);
            spell(&folder, &path[..path.len() - "/none/more".len()]).expect("it is there");
            // The path is followed to find its folders, and as often as a lookup may for a name.
            let ways_max = 1 + LOOKS_MAX * (names_len + 1);
            let way_len = STEPS_LEN.get() + 1;
            assert!(steps <= ways_max * way_len, "{path}: {steps} steps, {way_len} on the way");
        }
    }
    fs::remove_dir_all(&folder).expect("it can be removed");
}

/// What is found above a path is the first of its beginnings that names a program, in whatever
/// folders and links.
#[test]
fn what_is_above_is_the_nearest_beginning() {
    for seed in 0..10 {
        let mut random = Random::new(seed);
        let folder = folder("nearest");
        let mut folders = vec![PathBuf::new()];
        for _ in 0..25 {
            let at = folders[random.below(folders.len())].clone();
            let name = ["a", "b", "c", ".h"][random.below(4)];
            let place = folder.join(&at).join(name);
            let made = match random.below(4) {
                0 => fs::create_dir(&place),
                1 => symlink(folder.join(&folders[random.below(folders.len())]), &place),
                kind => {
                    let name = [name, "ws_service"][random.below(2)];
                    let mode = if random.below(4) == 0 { 0o644 } else { 0o755 };
                    let file = folder.join(&at).join(format!("{name}.sh"));
                    let _ = fs::remove_file(&file);
                    (kind == 2).then(|| write(&file, mode));
                    continue;
                }
            };
            if made.is_ok() && at.iter().count() < 4 {
                folders.push(at.join(name));
            }
        }
        let root = DocumentRoot::new(&folder).expect("it is a folder");
        for _ in 0..50 {
            let names = (0..=random.below(8)).map(|_| ["a", "b", "c", "d"][random.below(4)]);
            let path: String = names.map(|name| format!("/{name}")).collect();
            let slashes = path.match_indices('/').map(|(at, _)| at).rev();
            let mut above = slashes.flat_map(|at| [&path[..=at], &path[..at]]);
            let expected = above.by_ref().filter(|above| !above.is_empty()).find_map(|above| {
                match root.find(above) {
                    Ok(found) => Some(format!("{} at {above}", found.key())),
                    Err(LookupError::Nothing | LookupError::Outside(_)) => None,
                    Err(error) => Some(error.to_string()),
                }
            });
            let found = match root.find_above(&path, |_| true) {
                Ok((found, above)) => Some(format!("{} at {above}", found.key())),
                Err(LookupError::Nothing) => None,
                Err(error) => Some(error.to_string()),
            };
            assert_eq!(found, expected, "seed {seed}: {path}");
        }
        fs::remove_dir_all(&folder).expect("it can be removed");
    }
}

//! Which program the target of a request names, against a list of all files of a folder: nothing
//! else is found, by no other spelling.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::OnceLock;

use switchboard::process::DocumentRoot;
use switchboard::ws::Target;

/// The input is a request target.
pub fn check(data: &[u8]) {
    static ROOT: OnceLock<DocumentRoot> = OnceLock::new();
    let root = ROOT.get_or_init(make);
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.len() > INPUT_BYTES_MAX {
        return;
    }
    // What names nothing as a target is held against the same list.
    let path = Target::parse(text).map_or_else(|_| text.to_owned(), |target| target.path);
    let found = root.find(&path).map_err(|error| error.status().number());
    let names: Vec<_> = NAMES.iter().filter(|(_, names)| names.contains(&&*path)).collect();
    match (&found, &names[..]) {
        (Ok(program), [((key, file), _)]) => {
            assert_eq!(program.key(), *key, "{path:?}");
            assert!(program.path().ends_with(file), "{path:?} is {:?}", program.path());
            let again = root.find(key).expect("its key names it");
            assert_eq!((again.key(), again.path()), (program.key(), program.path()));
        }
        (Err(status), []) => {
            let expected = if BROKEN.contains(&&*path) { 500 } else { 404 };
            assert_eq!(*status, expected, "{path:?}");
        }
        _ => panic!("{path:?} is {found:?}, expected {names:?}"),
    }
    let serves = |key: &str| key == "/chat" || key == "/games/";
    let above = root.find_above(&path, serves).ok().map(|(program, _)| program.key().to_owned());
    let is_below = |names: &[&str]| {
        names.iter().any(|name| {
            let rest = path.strip_prefix(name);
            // A folder is above what is below it by its slash alone.
            rest.is_some_and(|rest| match name.ends_with('/') {
                true => !rest.is_empty(),
                false => rest.starts_with('/'),
            })
        })
    };
    match above.as_deref() {
        Some("/chat") => assert!(is_below(&["/chat", "/chat.py"]), "{path:?}"),
        Some("/games/") => {
            assert!(
                is_below(&["/games/", "/games/ws_service", "/games/ws_service.sh"]),
                "{path:?}"
            );
        }
        Some(key) => panic!("{path:?} is below {key}, which serves nothing below it"),
        None => {}
    }
}

/// The folder, laid out as package managers and mounts do: all is executable. It lies beside this
/// program, whose runs all make the same.
fn make() -> DocumentRoot {
    let program = std::env::current_exe().expect("it has a path");
    let root = program.with_file_name("document-root-of-paths");
    let file = |name: &str, text: &str| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("it is below the root")).expect("it can be made");
        if fs::read(&path).is_ok_and(|found| found == text.as_bytes()) {
            return;
        }
        // At once, since another run may look at it.
        let new = root.join(format!(".{}", std::process::id()));
        fs::write(&new, text).expect("it can be written");
        fs::set_permissions(&new, PermissionsExt::from_mode(0o755)).expect("it can be done");
        fs::rename(new, path).expect("it can be moved");
    };
    for name in FILES.split_whitespace() {
        file(name, "#!/bin/sh\n");
    }
    file("venv/pyvenv.cfg", "");
    file("tool.ts", "let x;\n");
    file("node", "\u{7f}ELF");
    file("LICENSE", "text\n");
    for (link, target) in LINKS {
        // It may be there already.
        let _ = symlink(target, root.join(link));
    }
    DocumentRoot::new(PathBuf::from(&root)).expect("it is there")
}

const FILES: &str = "chat.py chat.html chat.py.bak chat.py~ games/ws_service.sh games/chess.py \
    games/_lib.py .hidden ..1/mounted.sh ..1/sub/deep.sh v1.2 two.py two.sh venv/bin/python \
    node_modules/x/cli libx.so a\u{fc}b.py";

const LINKS: [(&str, &str); 6] = [
    ("..data", "..1"),
    ("mounted.sh", "..data/mounted.sh"),
    ("sub", "..data/sub"),
    ("outside", "/bin/cat"),
    ("folder", "/bin"),
    ("circle", "circle"),
];

/// Each program, as its key and its file, and the paths that name it.
const NAMES: [((&str, &str), &[&str]); 7] = [
    (("/chat", "chat.py"), &["/chat", "/chat.py"]),
    (("/games/", "games/ws_service.sh"), &["/games/", "/games/ws_service", "/games/ws_service.sh"]),
    (("/games/chess", "games/chess.py"), &["/games/chess", "/games/chess.py"]),
    (("/mounted", "..1/mounted.sh"), &["/mounted", "/mounted.sh"]),
    (("/sub/deep", "..1/sub/deep.sh"), &["/sub/deep", "/sub/deep.sh"]),
    (("/v1", "v1.2"), &["/v1", "/v1.2"]),
    (("/a\u{fc}b", "a\u{fc}b.py"), &["/a\u{fc}b", "/a\u{fc}b.py"]),
];

/// What two files could be.
const BROKEN: [&str; 3] = ["/two", "/two.py", "/two.sh"];

const INPUT_BYTES_MAX: usize = 512;

//! Files of a document root that are no programs: pages, data, copies, packages, interpreters; and
//! links, as mounts and package managers make them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use switchboard::process::DocumentRoot;

use crate::lookup;
use crate::support::folder::{folder, write};
use crate::support::mount::Mount;

/// What a path comes to: the file's name, or the status.
fn find(root: &DocumentRoot, path: &str) -> Result<String, u16> {
    lookup::find(root, path).map(|(_, name)| name)
}

fn check(root: &DocumentRoot, rows: &[(&str, Result<&str, u16>)]) {
    for (path, expected) in rows {
        assert_eq!(find(root, path), expected.map(str::to_owned), "{path:?}");
    }
}

/// Files of a folder, each executable, with names apart by blanks.
fn scripts(folder: &Path, names: &str) {
    for name in names.split_whitespace() {
        write(folder, name, "#!/bin/sh\n", "755");
    }
}

/// An executable that is no script.
fn binary(folder: &Path, name: &str) {
    write(folder, name, "\u{7f}ELF\u{2}\u{1}", "755");
}

/// Only the names in a request may be hidden, not those on the way of a link.
#[test]
fn only_a_name_that_is_asked_for_is_hidden() {
    let folder = folder("mounts");
    scripts(&folder, "..2026_01_02/a.sh ..2026_01_02/sub/b.sh .pnpm/x/c .worktrees/main/d.py");
    for (link, target) in [
        ("..data", "..2026_01_02"),
        ("a.sh", "..data/a.sh"),
        ("sub", "..data/sub"),
        ("x", ".pnpm/x"),
        ("main", ".worktrees/main"),
        ("out", ".pnpm/../../secret"),
    ] {
        symlink(target, folder.join(link)).expect("it can be linked");
    }
    scripts(folder.parent().expect("it has one"), "secret");
    check(
        &DocumentRoot::new(&folder).expect("it is a folder"),
        &[
            ("/a", Ok("a.sh")),
            ("/a.sh", Ok("a.sh")),
            ("/sub/b", Ok("b.sh")),
            ("/x/c", Ok("c")),
            ("/main/d", Ok("d.py")),
            ("/..data/a", Err(404)),
            ("/..2026_01_02/a", Err(404)),
            ("/.pnpm/x/c", Err(404)),
            ("/out", Err(404)),
        ],
    );
}

/// A mount changes all of its files at once, by one link, while it is looked into.
#[test]
fn a_mount_that_is_switched_is_found_at_every_moment() {
    let folder = folder("switched");
    let files = [("a.sh", "#!/bin/sh\n"), ("sub/b.sh", "#!/bin/sh\n")];
    let mount = Mount::new(folder.clone(), &files, "755");
    let root = DocumentRoot::new(&folder).expect("it is a folder");
    mount.switch_between(FINDS, |round| {
        let (path, name) = [("/a", "a.sh"), ("/sub/b", "b.sh")][round % 2];
        assert_eq!(find(&root, path), Ok(name.to_owned()), "{path}");
    });
}

/// As on a file system where every file is executable.
#[test]
fn pages_and_data_beside_a_program_are_none() {
    let folder = folder("beside");
    let ends = "html htm css json map svg png jpg jpeg gif webp ico woff woff2 ttf otf txt md csv \
                xml yaml yml toml ini conf log db service sql sum HTML Json TXT";
    scripts(&folder, "chat.py page.js module.mjs common.cjs tool.rs");
    for end in ends.split_whitespace() {
        scripts(&folder, &format!("chat.{end} {end}/alone.{end}"));
    }
    // Sources that name no interpreter.
    write(&folder, "chat.rs", "#![no_std]\n", "755");
    write(&folder, "chat.ts", "let x;\n", "755");
    write(&folder, "chat.c", "", "755");
    for name in ["LICENSE", "Makefile", "Dockerfile", "notice", "x/README"] {
        write(&folder, name, "text\n", "755");
    }
    scripts(&folder, "Rakefile");
    let root = DocumentRoot::new(&folder).expect("it is a folder");
    for end in ends.split_whitespace() {
        for path in [format!("/chat.{end}"), format!("/{end}/alone.{end}"), format!("/{end}/alone")]
        {
            assert_eq!(find(&root, &path), Err(404), "{path}");
        }
    }
    check(
        &root,
        &[
            ("/chat", Ok("chat.py")),
            ("/chat.py", Ok("chat.py")),
            ("/page", Ok("page.js")),
            ("/module", Ok("module.mjs")),
            ("/common.cjs", Ok("common.cjs")),
            ("/tool", Ok("tool.rs")),
            ("/chat.rs", Err(404)),
            ("/chat.ts", Err(404)),
            ("/LICENSE", Err(404)),
            ("/Makefile", Err(404)),
            ("/Dockerfile", Err(404)),
            ("/x/README", Err(404)),
            // A program by its first line, and one by its lower case.
            ("/Rakefile", Ok("Rakefile")),
            ("/notice", Ok("notice")),
        ],
    );
    scripts(&folder, "chat.js");
    assert_eq!(find(&root, "/chat"), Err(500), "a script may be a second program");
}

#[test]
fn copies_change_nothing_and_are_no_services() {
    let folder = folder("copies");
    let copies = "X.bak X.BAK X.orig X.old X.1 X.2 X.save X.save.1 X~ X.~1~ #X# X.swp X.rej X.tmp \
                  X.dpkg-old X.rpmsave X___jb_tmp___";
    for whole in ["shout.py", "plain"] {
        scripts(&folder, &format!("{whole} {}", copies.replace('X', whole)));
    }
    scripts(&folder, "alone.bak v1.2 v1.3 w.1");
    let root = DocumentRoot::new(&folder).expect("it is a folder");
    for whole in ["shout.py", "plain"] {
        for copy in copies.split_whitespace().map(|copy| copy.replace('X', whole)) {
            assert_eq!(find(&root, &format!("/{copy}")), Err(404), "{copy}");
        }
    }
    check(
        &root,
        &[
            ("/shout", Ok("shout.py")),
            ("/shout.py", Ok("shout.py")),
            ("/plain", Ok("plain")),
            ("/alone", Err(404)),
            ("/alone.bak", Err(404)),
            // A version number, not a copy: no file of that name is beside it.
            ("/w", Ok("w.1")),
            ("/v1", Err(500)),
        ],
    );
}

#[test]
fn what_is_executable_by_accident_is_no_service() {
    let folder = folder("accidents");
    scripts(
        &folder,
        "venv/bin/tool venv/top conda/lib/deep/tool node_modules/x/cli x/node_modules/y",
    );
    scripts(
        &folder,
        ".git/hooks/pre site/__pycache__/z bash.py perl libs/libx.so libs/liby.so.1.2",
    );
    write(&folder, "venv/pyvenv.cfg", "", "644");
    fs::create_dir_all(folder.join("conda/conda-meta")).expect("it can be made");
    for name in
        ["python3.11", "node", "bash", "sh", "ruby", "bin/Python", "server", "bash5", "z.py"]
    {
        binary(&folder, name);
    }
    for (link, target) in [
        ("hook", ".git/hooks/pre"),
        ("tool", "venv/bin/tool"),
        ("shell", "bash5"),
        ("own", "server"),
    ] {
        symlink(target, folder.join(link)).expect("it can be linked");
    }
    let none = "/venv/bin/tool /venv/top /conda/lib/deep/tool /node_modules/x/cli \
                /x/node_modules/y /hook /tool /libs/libx /libs/libx.so /libs/liby.so.1 \
                /libs/liby.so.1.2 /python3 /python3.11 /node /sh /ruby /bin/Python /shell";
    let rows = [
        // A script with the name of an interpreter is a program, and so is a binary with another.
        ("/bash", Ok("bash.py")),
        ("/perl", Ok("perl")),
        ("/server", Ok("server")),
        ("/own", Ok("server")),
        ("/z", Ok("z.py")),
    ];
    let root = DocumentRoot::new(&folder).expect("it is a folder");
    for path in none.split_whitespace() {
        assert_eq!(find(&root, path), Err(404), "{path}");
    }
    check(&root, &rows);
    // A section that names the path makes it a program, unless there is one of that path already.
    let named = ["/python3", "/bash", "/libs/libx", "/venv/bin/tool", "/node_modules/x/cli"];
    let root = root.naming(named.map(str::to_owned));
    check(
        &root,
        &[
            ("/python3", Ok("python3.11")),
            ("/python3.11", Ok("python3.11")),
            ("/bash", Ok("bash.py")),
            ("/libs/libx.so", Ok("libx.so")),
            ("/venv/bin/tool", Ok("tool")),
            ("/node_modules/x/cli", Ok("cli")),
            ("/node", Err(404)),
            ("/venv/top", Err(404)),
        ],
    );
    // If the root is an environment, files directly in it are programs, those below are not.
    let root = DocumentRoot::new(folder.join("venv")).expect("it is a folder");
    check(&root, &[("/top", Ok("top")), ("/bin/tool", Err(404))]);
    // --try runs any executable.
    assert!(DocumentRoot::of_file(folder.join("node")).is_ok());
}

/// A real shell of the system.
#[test]
fn a_copied_shell_is_no_service() {
    let folder = folder("shell");
    for name in ["sh", "other"] {
        let copied = Command::new("cp").args(["-L", "/bin/sh"]).arg(folder.join(name)).status();
        assert!(copied.expect("it runs").success());
    }
    let root = DocumentRoot::new(&folder).expect("it is a folder");
    check(&root, &[("/sh", Err(404)), ("/other", Ok("other"))]);
}

const FINDS: usize = 2_000;

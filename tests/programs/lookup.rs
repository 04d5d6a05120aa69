//! Which file a path names, and which it must not.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use switchboard::Status;
use switchboard::process::{DocumentRoot, LookupError};

use crate::support::folder::{folder, write};

/// A path, and what it comes to.
type Row<'a> = (&'a str, Result<(&'a str, &'a str), u16>);

/// What a path comes to: the key and the file's name, or the status.
pub fn find(root: &DocumentRoot, path: &str) -> Result<(String, String), u16> {
    let found = root.find(path).map_err(|error| error.status().number())?;
    let name = found.path().file_name().expect("it has a name").to_string_lossy().into_owned();
    Ok((found.key().to_owned(), name))
}

fn check(root: &DocumentRoot, rows: &[Row<'_>]) {
    for (path, expected) in rows {
        let expected = expected.map(|(key, name)| (key.to_owned(), name.to_owned()));
        assert_eq!(find(root, path), expected, "{path:?}");
    }
}

#[test]
fn a_path_names_one_file_however_it_is_spelled() {
    let folder = folder("spellings");
    for name in [
        "chat.py",
        "plain",
        "ws_service.sh",
        "games/chess",
        "games/ws_service",
        "v1.2",
        "a b.py",
        "games/_board.py",
        "_lib/x.py",
        "caf\u{e9}.py",
    ] {
        write(&folder, name, "#!/bin/sh\n", "755");
    }
    let root = DocumentRoot::new(&folder).expect("it is a folder");
    check(
        &root,
        &[
            ("/chat", Ok(("/chat", "chat.py"))),
            ("/chat.py", Ok(("/chat", "chat.py"))),
            ("/chat.sh", Err(404)),
            ("/cha", Err(404)),
            ("/Chat", Err(404)),
            ("/chat/", Err(404)),
            ("/plain", Ok(("/plain", "plain"))),
            ("/plain.py", Err(404)),
            ("/", Ok(("/", "ws_service.sh"))),
            ("/ws_service", Ok(("/", "ws_service.sh"))),
            ("/ws_service.sh", Ok(("/", "ws_service.sh"))),
            ("/games", Err(404)),
            ("/games/", Ok(("/games/", "ws_service"))),
            ("/games/ws_service", Ok(("/games/", "ws_service"))),
            ("/games/chess", Ok(("/games/chess", "chess"))),
            ("/games/chess/", Err(404)),
            ("/v1.2", Ok(("/v1", "v1.2"))),
            ("/v1", Ok(("/v1", "v1.2"))),
            ("/a b", Ok(("/a b", "a b.py"))),
            ("/caf\u{e9}", Ok(("/caf\u{e9}", "caf\u{e9}.py"))),
            ("/games/_board", Err(404)),
            ("/_lib/x", Err(404)),
            ("/nowhere/x", Err(404)),
            ("/plain/x", Err(404)),
        ],
    );
}

#[test]
fn a_path_below_a_program_is_that_of_the_nearest_that_serves_it() {
    let folder = folder("subpaths");
    for name in ["count.sh", "games/chess.py", "games/ws_service", "games.py", "none", "ws_service"]
    {
        write(&folder, name, "#!/bin/sh\n", "755");
    }
    write(&folder, "broken.py", "#!/bin/sh\n", "644");
    symlink("/", folder.join("away")).expect("it can be linked");
    let root = DocumentRoot::new(&folder).expect("it is a folder");
    let find = |path: &str, serves: &dyn Fn(&str) -> bool| {
        let found = root.find_above(path, serves).map_err(|error| error.status().number());
        found.map(|(program, _)| program.key().to_owned())
    };
    let rows = [
        ("/count/more", Ok("/count")),
        ("/count.sh/more/and/more", Ok("/count")),
        ("/count/", Ok("/count")),
        ("/games/chess/1/", Ok("/games/chess")),
        ("/games/go", Ok("/games/")),
        ("/games/ws_service/x", Ok("/games/")),
        ("/games.py/x", Ok("/games")),
        ("/none/x", Err(404)),
        ("/nowhere/x", Err(404)),
        ("/broken/x", Err(500)),
        ("/away/bin/sh/x", Err(404)),
        ("/", Err(404)),
    ];
    for (path, expected) in rows {
        // None is below the root's own, so that nothing falls to that.
        let serves = |key: &str| !["/none", "/"].contains(&key);
        assert_eq!(find(path, &serves), expected.map(str::to_owned), "{path}");
    }
    for path in ["/count/more", "/none/x", "/a/b/c", "/away/bin/sh/x"] {
        assert_eq!(find(path, &|key| key == "/"), Ok("/".to_owned()), "{path}");
    }
}

#[test]
fn a_single_file_is_all_of_its_root() {
    let folder = folder("single");
    for name in ["_one.py", "two.py"] {
        write(&folder, name, "#!/bin/sh\n", "755");
    }
    write(&folder, "data", "", "644");
    symlink("_one.py", folder.join("link")).expect("it can be linked");
    for name in ["_one.py", "link"] {
        let root = DocumentRoot::of_file(folder.join(name)).expect("it can be executed");
        check(&root, &[("/", Ok(("/", "_one.py"))), ("/two", Err(404)), ("/_one", Err(404))]);
    }
    let fault =
        |name| DocumentRoot::of_file(folder.join(name)).expect_err("no program").to_string();
    assert!(
        fault("data").ends_with("is not executable: chmod +x makes it so"),
        "{}",
        fault("data")
    );
    assert_eq!(
        (fault("missing"), fault("")),
        ("nothing is there".into(), "nothing is there".into())
    );
}

#[test]
fn nothing_leads_out_of_the_root() {
    let outside = folder("outside");
    write(&outside, "secret", "#!/bin/sh\n", "755");
    let folder = folder("inside");
    for name in ["real.py", ".hidden", ".git/hook", "sub/x"] {
        write(&folder, name, "#!/bin/sh\n", "755");
    }
    let link = |target: &str, name: &str| {
        symlink(target, folder.join(name)).expect("it can be made");
    };
    let absolute = folder.join("real.py");
    link("../outside/secret", "out");
    link("../outside", "outer");
    link(absolute.to_str().expect("it is UTF-8"), "absolute");
    link("real.py", "linked");
    link("real.py", "real");
    link(".git/hook", "hook");
    link("sub", "folder");
    link("circle", "circle");
    link("nothing", "broken");
    let root = DocumentRoot::new(&folder).expect("it is a folder");
    check(
        &root,
        &[
            ("/out", Err(404)),
            ("/outer/secret", Err(404)),
            ("/hook", Err(404)),
            ("/circle", Err(404)),
            ("/circle/x", Err(404)),
            ("/broken", Err(404)),
            ("/absolute", Ok(("/absolute", "real.py"))),
            ("/linked", Ok(("/linked", "real.py"))),
            // The link beside the file that it leads to is no second one.
            ("/real", Ok(("/real", "real.py"))),
            // A folder has one path.
            ("/folder/x", Ok(("/sub/x", "x"))),
            ("/.hidden", Err(404)),
            ("/.git/hook", Err(404)),
            ("/../outside/secret", Err(404)),
            ("/sub/../real", Err(404)),
            ("/./real", Err(404)),
            ("//real", Err(404)),
            ("/sub//x", Err(404)),
            ("real", Err(404)),
            ("", Err(404)),
            ("/real\0", Err(404)),
            ("/real\n", Err(404)),
            ("/sub\\x", Err(404)),
            (&format!("/{}", "x".repeat(300)), Err(404)),
            (&"/x".repeat(3_000), Err(404)),
        ],
    );
}

#[test]
fn what_is_no_program_is_passed_over_or_told() {
    let folder = folder("kinds");
    write(&folder, "page.html", "<p>", "644");
    write(&folder, "source.rs", "//", "644");
    write(&folder, "forgotten.py", "#!/bin/sh\n", "644");
    for name in ["two.py", "two.sh"] {
        write(&folder, name, "#!/bin/sh\n", "755");
    }
    fs::create_dir(folder.join("folder.py")).expect("it can be made");
    let made = Command::new("mkfifo").args(["-m", "755"]).arg(folder.join("pipe")).status();
    assert!(made.expect("it runs").success());
    let root = DocumentRoot::new(&folder).expect("it is a folder");
    check(
        &root,
        &[
            ("/page", Err(404)),
            ("/source", Err(404)),
            ("/forgotten", Err(500)),
            ("/forgotten.py", Err(500)),
            ("/two", Err(500)),
            ("/two.py", Err(500)),
            ("/two.sh", Err(500)),
            ("/folder", Err(404)),
            ("/folder.py", Err(404)),
            ("/pipe", Err(404)),
        ],
    );
    let told = root.find("/two").expect_err("it is ambiguous").to_string();
    assert!(told.starts_with("two.py and two.sh are executable, and only one"), "{told}");
    let told = root.find("/forgotten").expect_err("it is not executable");
    assert!(told.to_string().contains("forgotten.py\" is not executable: chmod +x"), "{told}");
    assert!(matches!(root.find("/page"), Err(LookupError::Nothing)));
}

#[test]
fn files_are_found_and_missed_as_they_come_and_go() {
    let folder = folder("fresh");
    let root = DocumentRoot::new(&folder).expect("it is a folder");
    assert_eq!(find(&root, "/new"), Err(404));
    write(&folder, "new.py", "#!/bin/sh\n", "755");
    assert_eq!(find(&root, "/new"), Ok(("/new".into(), "new.py".into())));
    fs::rename(folder.join("new.py"), folder.join("new.sh")).expect("it can be renamed");
    assert_eq!(find(&root, "/new"), Ok(("/new".into(), "new.sh".into())));
    fs::remove_file(folder.join("new.sh")).expect("it can be removed");
    assert_eq!(find(&root, "/new"), Err(404));
}

#[test]
fn a_root_is_a_folder() {
    let folder = folder("root");
    write(&folder, "file", "", "644");
    assert!(DocumentRoot::new(folder.join("file")).is_err());
    assert!(DocumentRoot::new(folder.join("nothing")).is_err());
}

#[test]
fn what_everybody_may_change_is_told() {
    let folder = folder("open");
    write(&folder, "mine", "#!/bin/sh\n", "755");
    write(&folder, "all", "#!/bin/sh\n", "757");
    let root = DocumentRoot::new(&folder).expect("it is a folder");
    let is_open = |path: &str| root.find(path).expect("it is there").is_open_to_all();
    assert!(!is_open("/mine") && is_open("/all"));
    let chmod = Command::new("chmod").arg("777").arg(&folder).status();
    assert!(chmod.expect("it runs").success());
    assert!(is_open("/mine"));
}

#[test]
fn a_status_is_not_found_or_an_error_of_ours() {
    let error = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    assert_eq!(LookupError::from(error).status(), Status::INTERNAL_ERROR);
    assert_eq!(LookupError::Nothing.status(), Status::NOT_FOUND);
}

//! Spellings of the path of one program: with an extension, by its folder's `ws_service`, through
//! links; and what becomes of them.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use switchboard::programs::{Mode, ProgramOptions, Subpaths};
use switchboard::{Spellings, handler};

use crate::bench::server;
use crate::support::folder::{folder, write};
use crate::support::http::{get, upgrade};
use crate::support::services::Echo;
use crate::support::{Running, SOON, until};

/// Sends its socket how it is run, and echoes each line.
const TELLS: &str = "#!/bin/sh\necho \"$SCRIPT_NAME|$PATH_INFO\"\nexec cat\n";

/// A folder with programs, and links to its folders.
fn linked(name: &str, program: &str) -> PathBuf {
    let folder = folder(name);
    for file in ["dir/chat.py", "dir/deep/ws_service.sh", "dir/.hidden/x", ".h/low"] {
        write(&folder, file, program, "755");
    }
    for (link, target) in [
        ("alias", "dir"),
        ("dir/self", "."),
        ("dir/deep/up", "../.."),
        ("dir/talk", "chat.py"),
        ("hidden", ".h"),
        ("also", "hidden"),
    ] {
        symlink(target, folder.join(link)).expect("it can be linked");
    }
    folder
}

fn lines() -> ProgramOptions {
    ProgramOptions { mode: Mode::Lines, subpaths: Subpaths::Served, ..ProgramOptions::SHARED }
}

/// A shared program has one process, however its sockets have come to it.
#[test]
fn links_to_folders_start_no_second_process() {
    let program = include_str!("tells.py");
    let host =
        Running::start(server(&linked("one-process", program), ProgramOptions::SHARED, SOON));
    let process = |path: &str| {
        let mut raw = host.open(path);
        raw.send_text("!say(b'TEXT ' + words[1], b'pid %d' % os.getpid())");
        loop {
            let text = raw.read_text();
            if text.starts_with("pid ") {
                return text;
            }
        }
    };
    let (chat, deep, low) = (process("/dir/chat"), process("/dir/deep/"), process("/hidden/low"));
    assert!(chat != deep && deep != low);
    for path in ["/dir/chat.py", "/alias/chat", "/dir/self/self/chat.py", "/dir/deep/up/alias/chat"]
    {
        assert_eq!(process(path), chat, "{path}");
    }
    for path in ["/alias/deep/", "/dir/self/deep/ws_service.sh", "/dir/deep/ws_service"] {
        assert_eq!(process(path), deep, "{path}");
    }
    assert_eq!(process("/also/low"), low, "a hidden folder has the name of the link to it");
    // A link to a file is a service of its own.
    assert_ne!(process("/dir/talk"), chat);
    assert_eq!(process("/alias/talk"), process("/dir/talk"));
    host.stop();
}

/// The rest of a path is that of the path without links.
#[test]
fn a_program_knows_its_path_without_links() {
    let host = Running::start(server(&linked("direct", TELLS), lines(), SOON));
    let rows = [
        ("/dir/chat", "/dir/chat|"),
        ("/alias/chat.py", "/dir/chat|"),
        ("/dir/self/self/chat", "/dir/chat|"),
        ("/dir/self/chat/a/b", "/dir/chat|/a/b"),
        ("/dir/deep/up/alias/chat.py/a", "/dir/chat|/a"),
        ("/dir/self/deep/", "/dir/deep/|"),
        ("/dir/self/deep/ws_service.sh", "/dir/deep/|"),
        ("/dir/self/deep/a/", "/dir/deep/|/a/"),
        ("/also/low/self", "/hidden/low|/self"),
    ];
    for (path, told) in rows {
        assert_eq!(host.open(path).read_text(), told, "{path}");
    }
    host.stop();
}

/// The names in a large folder are kept for a moment: what appears there is found after it, what
/// has gone is not found at once, and programs that are known are served meanwhile.
#[test]
fn what_appears_in_a_large_folder_is_found() {
    let folder = folder("large");
    for number in 0..2_000 {
        File::create(folder.join(format!("{number}.txt"))).expect("it can be made");
    }
    write(&folder, "known.sh", TELLS, "755");
    let host = Running::start(server(&folder, lines(), SOON));
    for number in 0..50 {
        assert_eq!(status(&host, &format!("/none{number}")), 404);
    }
    assert_eq!(status(&host, "/known"), 101);
    write(&folder, "new.sh", TELLS, "755");
    until("the new program is found", || status(&host, "/new") == 101);
    fs::remove_file(folder.join("new.sh")).expect("it can be removed");
    assert_eq!(status(&host, "/new.sh"), 404);
    host.stop();
}

/// The programs of a folder, with a service that is compiled in and files.
fn spelled(folder: &Path, spellings: Spellings) -> Running {
    let files = folder.with_file_name("one-files");
    write(&files, "dir/chat.py", "a file", "644");
    write(&files, "alias/chat/x", "below", "644");
    let mut server = server(folder, lines(), SOON);
    server.mount("/echo", || handler(Echo));
    server.mount("/of/", || handler(Echo));
    server.static_root(files).spellings(spellings);
    Running::start(server)
}

fn status(host: &Running, path: &str) -> u16 {
    let mut raw = host.raw();
    raw.send(&upgrade(path, ""));
    raw.read_head().status
}

/// With `spellings: one`, the path itself is the only one, of programs and of what is compiled in.
#[test]
fn one_spelling_is_served_if_that_is_wanted() {
    let folder = linked("one", TELLS);
    write(&folder, "dir/chat.html", "<p>chat", "644");
    for name in ["a+b!", "a b\u{e9}"] {
        write(&folder, name, TELLS, "755");
    }
    let own = [
        "/dir/chat",
        "/dir/deep/",
        "/echo",
        "/of/",
        "/hidden/low",
        "/dir/chat/below.py/x",
        "/a+b!",
        "/a%20b%C3%A9",
        "/dir/chat/below/%7B+%7D",
    ];
    let others = [
        "/echo.rs",
        "/dir/chat.py",
        "/dir/ch%61t",
        "/alias/chat",
        "/dir/self/chat",
        "/alias/chat/below",
        "/dir/chat.py/below",
        "/dir/deep/ws_service",
        "/dir/deep/ws_service.sh",
        "/also/low",
        "/of/ws_service",
        "/%65cho",
        "/a%2Bb!",
        "/a+b%21",
        "/a%20b%c3%a9",
        "/dir/chat/below/%7b",
        "/dir/chat/below/%2B",
    ];
    let all = spelled(&folder, Spellings::All);
    for path in own.into_iter().chain(others) {
        assert_eq!(status(&all, path), 101, "{path}");
    }
    assert_eq!(all.ask(&get("/alias/chat", "")).text(), "<p>chat");
    all.stop();
    let one = spelled(&folder, Spellings::One);
    for path in own {
        assert_eq!(status(&one, path), 101, "{path}");
    }
    for path in others {
        assert_eq!(status(&one, path), 404, "{path}");
    }
    // A page is that of the path; another spelling may be a file.
    for (path, expected) in [
        ("/dir/chat", (200, "<p>chat")),
        ("/dir/chat.py", (200, "a file")),
        ("/alias/chat/x", (200, "below")),
        ("/dir/self/chat", (404, "nothing is here")),
        ("/dir/ch%61t", (404, "nothing is here")),
    ] {
        let answer = one.ask(&get(path, ""));
        let is_page = answer.status == 200;
        assert_eq!(
            (answer.status, if is_page { answer.text() } else { expected.1 }),
            expected,
            "{path}"
        );
    }
    one.stop();
}

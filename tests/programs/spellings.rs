//! Spellings of the path of one program: with an extension, by its folder's `ws_service`, through
//! links; and what becomes of them.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use switchboard::host::program::{Manner, Subpaths};
use switchboard::programs::Mode;

use crate::bench::server;
use crate::support::folder::{folder, write};
use crate::support::{Running, SOON};

/// Tells its socket how it is run, and sends every line back.
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

fn lines() -> Manner {
    Manner { mode: Mode::Lines, subpaths: Subpaths::Served, ..Manner::SHARED }
}

/// A shared program has one process, however its sockets have come to it.
#[test]
fn links_to_folders_start_no_second_process() {
    let program = include_str!("tells.py");
    let host = Running::start(server(&linked("one-process", program), Manner::SHARED, SOON));
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

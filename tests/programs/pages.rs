//! Pages that lie beside programs: what a browser is shown at the path of one.

use std::fs;
use std::os::unix::fs::symlink;

use switchboard::programs::{Mode, ProgramOptions, Subpaths};
use switchboard::{Limits, Page, handler};

use crate::bench::server;
use crate::support::folder::{folder, write};
use crate::support::http::get;
use crate::support::mount::Mount;
use crate::support::process::PipeWriter;
use crate::support::services::Echo;
use crate::support::{LIMITS, Running};

/// A program that sends every line back.
const CAT: &str = "#!/bin/sh\nexec cat\n";

fn options() -> ProgramOptions {
    ProgramOptions { mode: Mode::Lines, subpaths: Subpaths::Served, ..ProgramOptions::SHARED }
}

/// The status of a GET, and what it shows if it is a page.
fn shown(host: &Running, path: &str) -> (u16, String) {
    let answer = host.ask(&get(path, ""));
    let text = if answer.status == 200 { answer.text().to_owned() } else { String::new() };
    assert!(
        answer.status != 200 || answer.header("content-type") == Some("text/html; charset=utf-8")
    );
    // A page of the user has no policy that could keep it from loading its resources.
    assert_eq!(answer.header("content-security-policy"), None);
    (answer.status, text)
}

#[test]
fn a_page_beside_a_program_is_shown_as_it_is_now() {
    let folder = folder("beside");
    for name in
        ["chat.py", "plain", "sub/ws_service.sh", "bare", "linked", "out", "pipe", "..1/k.sh"]
    {
        write(&folder, name, CAT, "755");
    }
    for name in ["chat", "plain", "sub/ws_service", "..1/k", "alone"] {
        write(&folder, &format!("{name}.html"), &format!("<p>{name}"), "644");
    }
    write(folder.parent().expect("it has one"), "secret.html", "secret", "644");
    for (link, target) in [
        ("linked.html", "chat.html"),
        ("out.html", "../secret.html"),
        ("..data", "..1"),
        ("k.sh", "..data/k.sh"),
        ("k.html", "..data/k.html"),
    ] {
        symlink(target, folder.join(link)).expect("it can be linked");
    }
    let writers = ["pipe.html", "source.rs"].map(|name| PipeWriter::new(folder.join(name), "777"));
    let host = Running::start(server(&folder, options(), LIMITS));
    let page = |name: &str| (200, format!("<p>{name}"));
    let none = |status| (status, String::new());
    for (path, expected) in [
        ("/chat", page("chat")),
        ("/chat.py", page("chat")),
        ("/chat/room/7", page("chat")),
        ("/plain", page("plain")),
        ("/sub/", page("sub/ws_service")),
        ("/sub/ws_service", page("sub/ws_service")),
        ("/linked", page("chat")),
        ("/k", page("..1/k")),
        ("/bare", none(426)),
        ("/out", none(426)),
        ("/pipe", none(426)),
        ("/alone", none(404)),
        ("/source", none(404)),
    ] {
        assert_eq!(shown(&host, path), expected, "{path}");
    }
    // A writer that waits for the reader of a pipe is not released.
    for writer in writers {
        assert!(writer.waits());
        writer.end();
    }
    // A page of another site may have its name resolve to this machine.
    let other = b"GET /chat HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    assert_eq!(host.ask(other).status, 421);
    // While the program runs, too, each change is seen.
    let mut raw = host.open("/chat");
    raw.send_text("hello");
    assert_eq!(raw.read_text(), "hello");
    write(&folder, "_chat.html", "<p>another", "644");
    fs::rename(folder.join("_chat.html"), folder.join("chat.html")).expect("it can be moved");
    assert_eq!(shown(&host, "/chat"), page("another"));
    fs::remove_file(folder.join("chat.html")).expect("it was there");
    assert_eq!(shown(&host, "/chat"), none(426));
    drop(raw);
    host.stop();
}

#[test]
fn pages_have_a_bound_and_stand_behind_what_was_chosen() {
    let folder = folder("bounds");
    for name in ["fits", "long", "chosen", "echo"] {
        write(&folder, name, CAT, "755");
        write(&folder, &format!("{name}.html"), "<p>beside", "644");
    }
    write(&folder, "static/fits/file.txt", "a file", "644");
    let limits = Limits {
        outbox_bytes_max: 4_000,
        outbox_high_bytes: 2_000,
        outbox_low_bytes: 1_000,
        message_bytes_max: 1_000,
        ..LIMITS
    };
    fs::write(folder.join("fits.html"), "x".repeat(4_000)).expect("it can be written");
    fs::write(folder.join("long.html"), "x".repeat(4_001)).expect("it can be written");
    let mut server = server(&folder, options(), limits);
    // What a closure makes counts as chosen, too, where a build has it.
    #[cfg(feature = "pages")]
    let chosen = Page::of(|_| switchboard::Response::html(switchboard::Status::OK, "<p>chosen"));
    #[cfg(not(feature = "pages"))]
    let chosen = Page::html("<p>chosen");
    server.program("/chosen").page(chosen);
    server.mount("/echo", || handler(Echo)).page(Page::html("<p>echo"));
    server.static_root(folder.join("static"));
    let host = Running::start(server);
    assert_eq!(shown(&host, "/fits"), (200, "x".repeat(4_000)));
    assert_eq!(shown(&host, "/long").0, 426);
    assert_eq!(shown(&host, "/chosen"), (200, "<p>chosen".to_owned()));
    assert_eq!(shown(&host, "/echo"), (200, "<p>echo".to_owned()));
    // A file counts before the page of a program above it.
    assert_eq!(host.ask(&get("/fits/file.txt", "")).text(), "a file");
    assert_eq!(shown(&host, "/fits/nothing").0, 404);
    host.stop();
}

/// A mount changes all of its files at once, by one link, while they are asked for.
#[test]
fn a_page_in_a_mount_that_is_switched_is_shown_at_every_moment() {
    let folder = folder("mount");
    let files = [("a.sh", CAT), ("a.html", "a"), ("sub/b.sh", CAT), ("sub/b.html", "b")];
    let mount = Mount::new(folder.clone(), &files, "755");
    let host = Running::start(server(&folder, options(), LIMITS));
    mount.switch_between(4_000, |round| {
        let (path, text) = [("/a", "a"), ("/sub/b", "b")][round % 2];
        assert_eq!(shown(&host, path), (200, text.to_owned()), "{path}");
    });
}

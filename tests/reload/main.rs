//! What a reload does, key by key, with the binary: each key of the class Live has a change with an
//! effect that a client or an operator sees, and each other key is named by the log. A key without
//! a row fails.
#![cfg(all(feature = "admin", feature = "programs", feature = "proxy", feature = "unix"))]

mod limits;
mod programs;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod tried;

use std::collections::BTreeMap;
use std::fs;

use support::folder::folder;
use support::raw::frame;
use tried::{Row, Tried, classes};

/// All rows.
fn rows() -> impl Iterator<Item = &'static Row> {
    server::ROWS.iter().chain(limits::ROWS).chain(programs::ROWS)
}

/// Keys of the class Live whose rows are elsewhere, each with a file and a test in it.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("max-callback", include_str!("limits.rs"), "a_service_on_the_loop_gets_another_max_callback"),
    ("admin-token", include_str!("../admin_binary.rs"), "a_reload_sets_and_takes_the_token"),
    #[cfg(feature = "tls")]
    ("tls-certificate", include_str!("../tls_files.rs"), "a_hangup_reads_the_list_of_files"),
    #[cfg(feature = "tls")]
    ("tls-key", include_str!("../tls_files.rs"), "a_hangup_reads_the_list_of_files"),
    #[cfg(feature = "tls")]
    ("tls-client-ca", include_str!("server.rs"), "authorities_of_clients_come_and_go"),
    #[cfg(feature = "tls")]
    ("tls-client", include_str!("server.rs"), "authorities_of_clients_come_and_go"),
    #[cfg(feature = "tls")]
    (
        "max-handshakes",
        include_str!("server.rs"),
        "handshakes_that_wait_go_on_under_another_max_handshakes",
    ),
];

/// Keys of the class Live that have no effect in this build.
const WITHOUT_EFFECT: &[&str] = &[
    #[cfg(not(feature = "deflate"))]
    "compression-threshold",
    #[cfg(not(feature = "deflate"))]
    "compression-context",
];

/// Of each key of the class Restart, another value.
const RESTART: &[(&str, &str)] = &[
    ("host", "127.0.0.2"),
    ("port", "1"),
    ("unix-socket", "SOCKET"),
    ("unix-socket-mode", "0600"),
    #[cfg(feature = "processes")]
    ("processes", "2"),
    #[cfg(feature = "processes")]
    ("share", "topics"),
    #[cfg(feature = "tls")]
    ("tls-port", "2"),
    ("proxy-protocol", "on"),
    #[cfg(feature = "deflate")]
    ("compression", "on"),
    #[cfg(feature = "workers")]
    ("workers", "2"),
    #[cfg(feature = "workers")]
    ("worker-key", "peer"),
    ("thread", "loop"),
    ("admin", "unix:SOCKET"),
    ("dumpable", "no"),
    ("document-root", "FOLDER"),
];

#[test]
fn each_key_has_a_row_in_its_class() {
    let mut known: BTreeMap<&str, &str> = BTreeMap::new();
    let live = rows().map(|row| row.key);
    let live = live.chain(ELSEWHERE.iter().map(|row| row.0)).chain(WITHOUT_EFFECT.iter().copied());
    for key in live {
        assert_eq!(known.insert(key, "live"), None, "{key} has two rows");
    }
    let restart = RESTART.iter().map(|row| row.0);
    #[cfg(not(feature = "deflate"))]
    let restart = restart.chain(["compression"]);
    for key in restart {
        assert_eq!(known.insert(key, "restart"), None, "{key} has two rows");
    }
    let classes = classes();
    let found: BTreeMap<_, _> =
        classes.iter().map(|(key, (_, class))| (key.as_str(), class.as_str())).collect();
    assert_eq!(known, found, "the rows are those of --print-config, each with its class");
    for (key, file, test) in ELSEWHERE {
        assert!(file.contains(&format!("fn {test}()")), "{key}: there is no {test}");
    }
}

#[test]
fn the_document_names_the_class_of_each_key() {
    let document = include_str!("../../docs/configuration.md");
    for (key, (_, class)) in classes() {
        let row = document.lines().find(|line| line.starts_with(&format!("| `{key}` |")));
        let row = row.unwrap_or_else(|| panic!("there is no row of {key}"));
        assert_eq!(row.ends_with(" *Restart.* |"), class == "restart", "{row}");
    }
}

#[test]
fn keys_of_the_server() {
    server::ROWS.iter().for_each(Row::check);
}

#[test]
fn limits_of_one_socket() {
    limits::ROWS.iter().take(limits::ROWS.len() / 2).for_each(Row::check);
}

#[test]
fn limits_of_all_sockets() {
    limits::ROWS.iter().skip(limits::ROWS.len() / 2).for_each(Row::check);
}

#[test]
fn keys_of_programs() {
    programs::ROWS.iter().for_each(Row::check);
}

/// The log names each, at each reload until the restart, and nothing else changes.
#[test]
fn a_key_that_waits_for_a_restart_is_named() {
    let mut all = Vec::new();
    let more: &[(&str, &str)] = &[
        ("trusted-proxy", "unix"),
        #[cfg(feature = "tls")]
        ("tls-certificate", "FOLDER/pair.pem"),
    ];
    let mut tried = Tried::start("waiting", more);
    let mut raw = tried.open("/echo");
    for &(key, value) in RESTART {
        if key == "thread" {
            // A service on the loop has one worker.
            tried.unset("workers");
            all.retain(|key| *key != "workers");
        }
        all.push(key);
        tried.set(key, value);
        let lines = tried.reload();
        let named = lines.iter().filter_map(|line| {
            let text = line.strip_suffix(" has changed; restart the server to apply it")?;
            text.rsplit(' ').next()
        });
        let mut named: Vec<_> = named.collect();
        named.sort_by_key(|name| all.iter().position(|key| key == name));
        assert_eq!(named, all, "{lines:?}");
        assert!(lines.last().expect("one").ends_with("the configuration was read again"));
    }
    raw.send_text("still here");
    assert_eq!(raw.read_text(), "still here");
    assert_eq!(tried.open("/echo").read_answer_to("?"), "?", "it listens where it did");
}

/// A fault anywhere keeps all of it away. After it is mended, all of it applies.
#[test]
fn a_file_with_a_fault_changes_nothing() {
    let mut tried = Tried::start("faults", &[]);
    let mut raw = tried.open("/echo");
    let faults = [
        ("port", "http", "port is \"http\""),
        ("forwarded", "via", "forwarded is \"via\""),
        ("outbox-high", "1k", "outbox-low"),
        ("log-file", "FOLDER/missing/log", "log-file is "),
        ("static-root", "FOLDER/missing", "static-root is "),
    ];
    for (key, value, told) in faults {
        tried.set("max-message", "3");
        tried.set("origin", "any");
        tried.set(key, value);
        let lines = tried.reload_in_vain();
        let fault = lines.last().expect("one");
        assert!(fault.contains(told) && fault.contains(" the configuration stays as it is: "));
        raw.send(&frame(1, b"long"));
        assert_eq!(raw.read_text(), "long");
        assert_eq!(tried.status_of(&Tried::from_page("/echo")), 403);
        tried.unset(key);
    }
    let lines = tried.reload();
    let applied = lines.last().expect("one");
    assert!(applied.ends_with("read again; applied: origin, max-message"), "{applied}");
    assert_eq!(tried.status_of(&Tried::from_page("/echo")), 101);
    raw.send(&frame(1, b"long"));
    assert_eq!(raw.read_close().0, 1009);
}

/// The values of one service are its own, and its section may come and go.
#[test]
fn a_section_of_a_service_comes_and_goes() {
    let mut tried = Tried::start("section", &[]);
    let length = |tried: &Tried, path: &str, len: usize| {
        let mut raw = tried.open(path);
        raw.send_text(&"x".repeat(len));
        raw.read_frame().first
    };
    let (text, close) = (0x81, 0x88);
    assert_eq!(length(&tried, "/echo", 20), text);
    tried.more("[service /echo]\nmax-message: 10\nthread: loop\n");
    let lines = tried.reload();
    let told = |part: &str| lines.iter().any(|line| line.contains(part));
    assert!(told(" [service /echo] thread has changed; restart"), "{lines:?}");
    assert!(told("read again; applied: [service /echo] max-message"), "{lines:?}");
    assert_eq!(length(&tried, "/echo", 20), close);
    assert_eq!(length(&tried, "/broadcast", 20), text);
    tried.more("");
    tried.reload();
    assert_eq!(length(&tried, "/echo", 20), text);
    // A service keeps its page.
    if cfg!(feature = "chatroom") {
        assert_eq!(tried.status_of(&support::http::get("/demo_chatroom", "")), 200);
    }
}

/// A tool that rotates logs needs no configuration that is right.
#[test]
fn a_fault_does_not_keep_the_log_from_being_opened_again() {
    let folder = folder("rotated");
    let log = folder.join("log");
    let mut tried = Tried::start("rotating", &[("log-file", log.to_str().expect("it is text"))]);
    fs::rename(&log, folder.join("old")).expect("it is there");
    tried.set("port", "http");
    tried.ask();
    support::until("the new file has the fault", || {
        fs::read_to_string(&log).is_ok_and(|text| text.contains("port is "))
    });
}

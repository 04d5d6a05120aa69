//! Sections of databases.

use std::time::Duration;

use super::*;
use crate::config::{DatabaseConfig, DiskSync, SslMode};
use crate::database::DatabaseOptions;
use crate::service::Start;

/// A database with defaults.
fn database(name: &str, url: &str) -> DatabaseConfig {
    DatabaseConfig {
        name: name.to_owned(),
        url: url.to_owned(),
        options: DatabaseOptions::new(),
        password_file: None,
        ca_file: None,
        ssl_mode: SslMode::Disable,
        synchronous: DiskSync::Full,
    }
}

fn faults(text: &str) -> String {
    parse(text).expect_err("it is wrong")
}

#[cfg(all(feature = "sqlite", feature = "postgres"))]
#[test]
fn each_section_is_a_database() {
    let text = "[Database main]\nURL: sqlite:a.db\n[database b-2]\nurl: postgres://ida@h/b\n\
                connections: 7\nqueue: 8\nwait: 900ms\nquery_timeout: 1m\nstart: Lazy\n\
                password-file: p.txt\nsslmode: Verify-Full\nca-file: ca.pem\n\
                [database main]\nsynchronous: normal\n";
    let config = parse(text).expect("it is right");
    let options = DatabaseOptions {
        connections: 7,
        queue: 8,
        wait: Duration::from_millis(900),
        query_timeout: Duration::from_secs(60),
        start: Start::Lazy,
    };
    let second = DatabaseConfig {
        options,
        password_file: Some(PathBuf::from("p.txt")),
        ca_file: Some(PathBuf::from("ca.pem")),
        ssl_mode: SslMode::VerifyFull,
        ..database("b-2", "postgres://ida@h/b")
    };
    let first = DatabaseConfig { synchronous: DiskSync::Normal, ..database("main", "sqlite:a.db") };
    assert_eq!(config.databases, [second, first]);
}

#[test]
fn faults_say_what_to_do() {
    for (text, expected) in [
        ("[database]", "1: a database is named by letters, digits, - and _, as in [database main]"),
        ("[database a b]\nurl: sqlite:a", "1: a database is named by letters, digits, - and _"),
        ("[database a]", "1: [database a] has no url: add one, such as sqlite:PATH or postgres:"),
        ("[database a]\nurl: a.db", "2: url is \"a.db\", allowed is sqlite:PATH or postgres://"),
        ("[database a]\nurl: sqlite:a\nport: 1", "3: port is no key of [database a], it belongs"),
        ("[database a]\nurl: sqlite:a\nconections: 1", "did you mean \"connections\"?"),
        ("[database a]\nurl: sqlite:a\nconnections: 0", "allowed is a number from 1 to 256"),
        ("[database a]\nurl: sqlite:a\nurl: sqlite:b", "3: url is given before, in line 2"),
        ("[server]\nconnections: 1", "2: unknown key \"connections\" in [server]"),
        ("[server]\nquery-timeout: 1s", "2: unknown key \"query-timeout\" in [server]"),
    ] {
        let shown = faults(text);
        assert!(shown.contains(expected), "{text:?}: {shown}");
    }
}

#[test]
fn a_kind_that_is_not_built_names_its_feature() {
    let rows = [
        ("sqlite:a.db", "sqlite", cfg!(feature = "sqlite")),
        ("postgres://ida:secret@h/a", "postgres", cfg!(feature = "postgres")),
    ];
    for (url, feature, _) in rows.into_iter().filter(|(_, _, is_built)| !is_built) {
        let shown = faults(&format!("[database a]\nurl: {url}"));
        let expected = format!("needs the feature {feature}, which this build does not have");
        assert!(shown.contains(&expected), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }
}

#[cfg(all(feature = "sqlite", feature = "postgres"))]
#[test]
fn keys_fit_the_kind() {
    let postgres = "[database a]\nurl: postgres://ida:secret@h/a\n";
    for (text, expected) in [
        ("[database a]\nurl: sqlite:a\nsslmode: disable", "3: sslmode is a key of PostgreSQL"),
        (&format!("{postgres}synchronous: full"), "3: synchronous is a key of SQLite"),
        (&format!("{postgres}password-file: p"), "3: url has a password, and there is a password"),
        (&format!("{postgres}url: postgres://ida:secret@"), "given before"),
        ("[database a]\nurl: sqlite::memory:\nqueue: x", "2: url: a database in memory is"),
        ("[database a]\nurl: sqlite::memory:\nqueue: x", "3: queue is \"x\", allowed is"),
        ("[database a]\nqueue: 1\nurl: postgres://ida:secret@h:x/a", "3: url: invalid value for"),
    ] {
        let shown = faults(text);
        assert!(shown.contains(expected), "{text:?}: {shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }
}

/// Neither an error nor `--print-config` has the password of a URL.
#[cfg(all(feature = "admin", feature = "postgres"))]
#[test]
fn a_password_is_shown_nowhere() {
    let shown = faults("[database a]\nurl: postgre://ida:secret@h/a");
    assert!(shown.contains("postgre://ida:***@h/a") && !shown.contains("secret"), "{shown}");
    let file = ("server.conf", "[database a]\nurl: postgres://ida:secret@h/a\n");
    let Ok(Command::Print(page)) = run(&["--print-config"], &[file]) else { panic!("it is right") };
    assert!(page.contains("\n[database a]  # server.conf:1\n"), "{page}");
    assert!(page.contains("url: postgres://ida:***@h/a  # server.conf:2"), "{page}");
    assert!(!page.contains("secret"), "{page}");
}

#[cfg(feature = "sqlite")]
#[test]
fn a_change_waits_for_a_restart() {
    let [old, new] = ["queue: 1", "queue: 2"].map(|key| {
        let text = format!("[database a]\nurl: sqlite:a\n{key}\n[database b]\nurl: sqlite:b\n");
        parse(&text).expect("it is right")
    });
    assert_eq!(old.waiting_changes(&new), ["[database a]"]);
    assert_eq!(old.waiting_changes(&Config::default()), ["[database a]", "[database b]"]);
    assert!(old.waiting_changes(&old).is_empty() && old.applied_changes(&new).is_empty());
}

#[test]
fn the_shipped_file_documents_the_keys_of_databases() {
    for key in keys::databases::KEYS {
        let (meaning, allowed) = (key.meaning, key.allowed());
        let line = format!("{}: {}", key.name, key.default);
        let entry = format!("\n# {meaning}.\n# Allowed: {allowed}.\n# {}\n", line.trim_end());
        assert!(SHIPPED.contains(&entry), "server.conf lacks: {entry}");
        let mut one = Config { databases: vec![database("a", "")], ..Config::default() };
        let is_allowed = key.set(&mut one, key.default.as_ref()).is_some();
        assert_eq!(is_allowed, !key.default.is_empty(), "{}: {}", key.name, key.default);
    }
}

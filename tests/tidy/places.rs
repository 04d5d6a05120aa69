//! Which packages and calls stand where.

use crate::paths::{Path, paths};
use crate::source::{none, sources};
use crate::tokens::{code, is_at, tokens};

/// Packages, and modules of the standard library, each with the places where it may be used.
const PACKAGES: [(&str, &[&str]); 21] = [
    // A program's thread polls its pipes, and a signal writes to a pipe of mio.
    (
        "mio",
        &[
            "src/net/",
            "src/host/",
            "src/admin/",
            "src/process/",
            "src/prefork/",
            "src/sys/signals.rs",
        ],
    ),
    // Outside of `sys` there are numbers of it alone: flags and errors.
    (
        "libc",
        &[
            "src/sys/",
            "src/host/nofollow.rs",
            "src/host/files.rs",
            "src/host/hangup.rs",
            "src/process/",
            "src/bin/switchboard/log_file.rs",
        ],
    ),
    // Tickets of several processes; `rustls` has a module of that name.
    ("ring", &["src/net/tls/", "src/connecting/trust.rs"]),
    ("slab", &["src/hub/", "src/admin/thread.rs"]),
    ("zlib_rs", &["src/session/codec.rs"]),
    ("simdutf8", &["src/ws/utf8.rs"]),
    ("rusqlite", &["src/database/sqlite/", "src/sys/sqlite.rs", "services/_chat_database.rs"]),
    // The traits of a stream, for TLS.
    ("tokio", &["src/database/postgres/stream.rs"]),
    ("tokio_rustls", &["src/database/postgres/stream.rs"]),
    ("rustls_native_certs", &["src/connecting/trust.rs"]),
    (
        "rustls",
        &[
            "src/net/tls/",
            "src/database/postgres/stream.rs",
            "src/connecting/trust.rs",
            "src/backplane/stream.rs",
        ],
    ),
    ("sha1", &["src/ws/upgrade.rs"]),
    ("base64", &["src/ws/credentials.rs", "src/ws/upgrade.rs"]),
    (
        "crossbeam_channel",
        &[
            "src/service/context/mod.rs",
            "src/service/link.rs",
            "src/host/",
            "src/admin/",
            "src/process/",
            "src/prefork/",
            "src/backplane/",
        ],
    ),
    ("redis", &["src/backplane/"]),
    (
        "serde",
        &[
            "src/service/json.rs",
            "src/testing/json.rs",
            "services/_chat_messages.rs",
            "services/_chat_news.rs",
        ],
    ),
    ("serde_json", &["src/service/json.rs", "src/testing/json.rs"]),
    (
        "log",
        &[
            // Errors of callbacks are known there alone.
            "src/service/failure.rs",
            // Why a message is not stored.
            "services/_chat_archive.rs",
            "services/_chat_jobs.rs",
            // Why one of another process is not shown.
            "services/_chat_others.rs",
            "src/database/",
            "src/hub/",
            "src/engine/",
            "src/net/",
            "src/host/",
            "src/admin/",
            "src/process/",
            "src/prefork/",
            "src/backplane/",
            "src/config/",
            "src/bin/switchboard/admin.rs",
            "src/bin/switchboard/backplane.rs",
            "src/bin/switchboard/databases.rs",
            "src/bin/switchboard/greeting.rs",
            "src/bin/switchboard/listen.rs",
            "src/bin/switchboard/messages.rs",
            "src/bin/switchboard/processes.rs",
            "src/bin/switchboard/reports.rs",
            "src/bin/switchboard/run.rs",
            "src/bin/switchboard/log_line.rs",
            "src/bin/switchboard/logger.rs",
            "src/bin/switchboard/reload.rs",
            "src/bin/switchboard/tls.rs",
        ],
    ),
    (
        "std::fs",
        &[
            "src/host/nofollow.rs",
            "src/host/files.rs",
            "src/host/hangup.rs",
            "src/net/unix.rs",
            "src/net/tls/certificates.rs",
            // A password.
            "src/connecting/files.rs",
            "src/admin/access.rs",
            "src/admin/own_process.rs",
            "src/process/",
            "src/prefork/",
            "src/config/",
            "src/bin/switchboard/admin.rs",
            "src/bin/switchboard/trial.rs",
            "src/bin/switchboard/memory.rs",
            "src/bin/switchboard/log_file.rs",
        ],
    ),
    (
        "std::env",
        &[
            "src/host/notify.rs",
            "src/net/inherited.rs",
            "src/process/start.rs",
            "src/prefork/",
            "src/config/",
            "src/bin/switchboard/command.rs",
        ],
    ),
    // A line parks the thread of its service, and a signal may have to yield; they start none.
    (
        "std::thread",
        &[
            "src/service/link.rs",
            // How many cores there are.
            "src/service/workers.rs",
            "src/config/value/unix.rs",
            "src/sys/signals.rs",
            // Whether a test fails already.
            "src/testing/",
            "src/host/",
            "src/admin/reply.rs",
            "src/process/",
            // How long a stop without the parent may take.
            "src/prefork/follow.rs",
            // The pause of the thread that sends the rest, where the system cannot wait.
            "src/prefork/queue.rs",
            "src/bin/switchboard/log_line.rs",
            "src/bin/switchboard/logger.rs",
            "src/bin/switchboard/log_file.rs",
            // It reads files for a reload.
            "src/bin/switchboard/processes.rs",
        ],
    ),
];

/// Calls and keywords, each with the places where it may stand.
const CALLS: [(&str, &[&str]); 10] = [
    ("unsafe", &["src/sys/"]),
    ("unsafe_code", &["src/sys/mod.rs"]),
    (
        "Instant::now",
        &[
            "src/service/",
            "src/host/",
            "src/database/",
            "src/admin/",
            "src/process/",
            "src/prefork/",
            "src/backplane/",
            // Where virtual time begins.
            "src/testing/io.rs",
            "services/_chat_hosts.rs",
            "services/_chat_jobs.rs",
            "services/_chat_rooms.rs",
        ],
    ),
    (
        "SystemTime",
        &[
            "src/host/clock.rs",
            "src/net/tls/certificates.rs",
            "src/bin/switchboard/log_line.rs",
            "src/bin/switchboard/logger.rs",
            "services/_chat_history.rs",
            "services/clock.rs",
        ],
    ),
    ("print!", &[]),
    ("println!", &[]),
    ("eprint!", &[]),
    (
        "eprintln!",
        &[
            "src/bin/switchboard/main.rs",
            "src/bin/switchboard/messages.rs",
            "src/bin/switchboard/run.rs",
        ],
    ),
    (".unwrap()", &[]),
    ("process::exit", &[]),
];

/// What of a source stands outside of its place.
fn misplaced(path: &str, text: &str) -> Vec<String> {
    let code = code(text);
    let outside = |places: &[&str]| !places.iter().any(|place| path.starts_with(place));
    let mut faults = Vec::new();
    let paths = paths(&code, &[]);
    for (package, _) in PACKAGES.iter().filter(|(_, places)| outside(places)) {
        let words: Vec<_> = package.split("::").collect();
        let found = paths.iter().filter(|path| path.leads_into(&words));
        faults.extend(found.map(|found| format!("{path}:{}: {package}", found.line)));
    }
    let is_inner = |path: &Path| {
        path.segments.first().is_some_and(|name| ["crate", "super", "self"].contains(&&**name))
    };
    for (call, _) in CALLS.iter().filter(|(_, places)| outside(places)) {
        if call.contains("::") {
            let words: Vec<_> = call.split("::").collect();
            let has = |path: &&Path| path.segments.windows(words.len()).any(|w| w == words);
            let found = paths.iter().filter(|path| !is_inner(path)).filter(has);
            faults.extend(found.map(|found| format!("{path}:{}: {call}", found.line)));
        } else {
            let words: Vec<_> = tokens(call).iter().map(|token| token.text).collect();
            let found = (0..code.len()).filter(|&at| is_at(&code[at..], &words));
            faults.extend(found.map(|at| format!("{path}:{}: {call}", code[at].line)));
        }
    }
    faults.sort();
    faults.dedup();
    faults
}

#[test]
fn packages_and_calls_stand_in_their_places() {
    let sources = sources();
    let inner = sources.iter().filter(|source| {
        let is_ours = source.path.starts_with("src/") || source.path.starts_with("services/");
        is_ours && !source.is_test()
    });
    none(&inner.flat_map(|source| misplaced(&source.path, &source.text)).collect::<Vec<_>>());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_misplaced_is_found() {
        let rows: [(&str, &str, &[&str]); 18] = [
            ("src/ws/head.rs", "use std::{env, fs};", &["std::env", "std::fs"]),
            ("src/ws/head.rs", "use std::{io::{self, Read}, fs::{File}};", &["std::fs"]),
            ("src/ws/head.rs", "use {std::fs};", &["std::fs"]),
            ("src/ws/head.rs", "use std::*;", &["std::env", "std::fs", "std::thread"]),
            ("src/ws/head.rs", "use std as s;", &["std::env", "std::fs", "std::thread"]),
            ("src/ws/head.rs", "let a = std::thread::spawn(b);", &["std::thread"]),
            ("src/ws/head.rs", "use {mio::Poll};", &["mio"]),
            ("src/ws/head.rs", "use std::{io, net}; // std::fs", &[]),
            ("src/ws/head.rs", "#[cfg(test)] mod tests { use std::fs; }", &[]),
            ("src/ws/head.rs", "unsafe{ f() }", &["unsafe"]),
            ("src/sys/mod.rs", "unsafe { libc::getpid() }", &[]),
            ("src/host/io.rs", "unsafe { libc::getpid() }", &["libc", "unsafe"]),
            ("src/ws/head.rs", "Instant::\n    now()", &["Instant::now"]),
            ("src/ws/head.rs", "use std::{process::{self, exit}};", &["process::exit"]),
            ("src/ws/head.rs", "std::process::exit(1)", &["process::exit"]),
            ("src/process/child.rs", "use crate::process::exit;", &[]),
            ("src/ws/head.rs", "a.unwrap()\n    .b.unwrap_or(c)", &[".unwrap()"]),
            ("src/ws/head.rs", "println! (\"a\"); let print = 1 != 2;", &["println!"]),
        ];
        for (path, text, expected) in rows {
            let found = misplaced(path, text);
            let found: Vec<_> = found.iter().filter_map(|f| Some(f.split_once(": ")?.1)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}

//! Which module may import which.

use crate::paths::paths;
use crate::source::{BINARY, none, root, sources};
use crate::tokens::{Token, code};
use std::fs;

/// The modules of the library, each with those before it that it may import.
const MODULES: [(&str, &[&str]); 21] = [
    ("limits", &[]),
    ("time", &[]),
    ("ws", &["limits"]),
    ("session", &["limits", "time", "ws"]),
    ("pages", &["limits", "ws"]),
    ("service", &["limits", "ws", "pages"]),
    ("programs", &["limits", "ws", "service"]),
    ("hub", &["limits", "time", "ws", "session", "service", "pages"]),
    ("engine", &["limits", "time", "ws", "session", "service", "hub"]),
    // System calls, each with its reason: of the project it knows nothing.
    ("sys", &[]),
    ("net", &["limits", "time", "ws", "service", "hub", "engine", "sys"]),
    ("host", &["limits", "time", "ws", "service", "pages", "hub", "engine", "sys", "net"]),
    // What connections to databases and to Redis have in common.
    ("connecting", &["net"]),
    // Threads of databases, which services ask.
    ("database", &["limits", "service", "pages", "sys", "host", "connecting"]),
    // What services share with other hosts.
    ("backplane", &["time", "ws", "pages", "hub", "engine", "host", "connecting"]),
    // What operators see of a host: it plugs into the host, as programs do.
    ("admin", &["limits", "time", "ws", "service", "pages", "hub", "engine", "sys", "net", "host"]),
    ("process", &["limits", "time", "ws", "service", "programs", "pages", "hub", "sys", "host"]),
    // Several processes of one server: a parent runs no host, its children do.
    (
        "prefork",
        &[
            "limits", "time", "ws", "service", "pages", "hub", "engine", "sys", "net", "host",
            "admin",
        ],
    ),
    (
        "server",
        &[
            "limits", "time", "ws", "service", "programs", "pages", "hub", "net", "host",
            "database", "admin", "process",
        ],
    ),
    // A host in memory, for tests of services.
    ("testing", &["limits", "time", "ws", "service", "pages", "hub", "engine", "host", "server"]),
    ("config", &["limits", "ws", "service", "programs", "hub", "database", "backplane"]),
];

/// What tests in a folder may import besides.
const TESTS: [(&str, &str); 1] = [("src/hub/tests/", "engine")];

/// The files of the binary, each with those before it that it may import. `services` is what
/// `build.rs` writes.
const FILES: [(&str, &[&str]); 26] = [
    ("compiled", &[]),
    ("services", &["compiled"]),
    ("log_file", &[]),
    ("log_line", &[]),
    ("log_target", &["log_file"]),
    ("logger", &["log_line", "log_target"]),
    ("memory", &[]),
    ("builtin", &["compiled", "services"]),
    ("programs", &["builtin", "compiled", "services"]),
    ("tls", &[]),
    ("databases", &[]),
    ("backplane", &[]),
    ("admin", &[]),
    ("listen", &["admin"]),
    ("workers", &["builtin", "compiled"]),
    ("several", &["programs", "services"]),
    (
        "check",
        &[
            "admin",
            "backplane",
            "builtin",
            "compiled",
            "databases",
            "programs",
            "services",
            "several",
            "tls",
            "workers",
        ],
    ),
    ("messages", &["logger"]),
    ("reports", &[]),
    ("greeting", &["builtin", "check", "messages", "programs", "services", "several"]),
    ("command", &[]),
    ("reload", &["admin", "check", "command", "log_target", "logger", "services", "tls"]),
    (
        "run",
        &[
            "admin",
            "backplane",
            "builtin",
            "check",
            "databases",
            "greeting",
            "listen",
            "log_line",
            "log_target",
            "logger",
            "memory",
            "messages",
            "programs",
            "reload",
            "reports",
            "services",
            "tls",
        ],
    ),
    (
        "trial",
        &["admin", "databases", "greeting", "listen", "logger", "messages", "reload", "run", "tls"],
    ),
    (
        "processes",
        &[
            "admin", "check", "greeting", "listen", "log_line", "logger", "messages", "reload",
            "reports", "run", "services",
        ],
    ),
    (
        "main",
        &[
            "builtin",
            "check",
            "command",
            "messages",
            "processes",
            "programs",
            "run",
            "several",
            "trial",
        ],
    ),
];

/// The file that says what the library is: it names all modules.
const FRONT_DOOR: &str = "src/lib.rs";

/// The module that a file is, from the crate on.
pub fn module_of(path: &str) -> Vec<String> {
    let inner = path.strip_prefix(BINARY).or_else(|| path.strip_prefix("src/"));
    let names = inner.unwrap_or(path).trim_end_matches(".rs").split('/');
    let mut module = vec!["crate".to_owned()];
    module.extend(names.map(str::to_owned));
    module.pop_if(|name| ["mod", "lib", "main"].contains(&&**name));
    module
}

/// The name in the tables of what a file belongs to.
fn owner(path: &str) -> String {
    module_of(path).get(1).map_or("main", |name| name).to_owned()
}

/// The modules of its crate that a source imports, each with the line. `None` stands for the crate
/// as a whole.
fn imports(path: &str, tokens: &[Token<'_>]) -> Vec<(usize, Option<String>)> {
    let found = paths(tokens, &module_of(path));
    let of_the_crate = |name: Option<&String>| name.is_some_and(|name| name == "crate");
    let found = found.into_iter().filter(|path| of_the_crate(path.segments.first()));
    found.map(|path| (path.line, path.segments.get(1).cloned())).collect()
}

/// What a source imports against the order of modules.
fn disorder(path: &str, text: &str) -> Vec<String> {
    let own = owner(path);
    let table: &[(&str, &[&str])] = if path.starts_with(BINARY) { &FILES } else { &MODULES };
    let Some((_, allowed)) = table.iter().find(|(name, _)| *name == own) else {
        return vec![format!("{path}: the order of modules has no {own}")];
    };
    let mut faults = Vec::new();
    for (line, target) in imports(path, &code(text)) {
        let target = target.as_deref().unwrap_or("the whole crate");
        let is_for_tests = TESTS.iter().any(|(f, name)| path.starts_with(f) && *name == target);
        if target != own && !allowed.contains(&target) && !is_for_tests {
            faults.push(format!("{path}:{line}: {own} imports {target}"));
        }
    }
    faults
}

/// Where a source of the binary or of `services/` names its crate, which for it would be the
/// library's, or something above its folder.
fn inner_names(path: &str, text: &str) -> Vec<String> {
    let tokens = code(text);
    let named = tokens
        .iter()
        .zip(tokens.iter().skip(1))
        .filter(|(a, b)| a.text == "crate" && b.text != ")");
    let mut faults: Vec<_> =
        named.map(|(token, _)| format!("{path}:{}: names the crate", token.line)).collect();
    if path.starts_with("services/") {
        let above = imports(path, &tokens).into_iter();
        let above = above.filter(|(_, target)| target.as_deref() != Some("services"));
        faults.extend(above.map(|(line, _)| format!("{path}:{line}: leaves services/")));
    }
    faults
}

#[test]
fn modules_import_leftwards_only() {
    let ours = |path: &str| path.starts_with("src/") && path != FRONT_DOOR;
    let sources = sources();
    let ours = sources.iter().filter(|source| ours(&source.path));
    none(&ours.flat_map(|source| disorder(&source.path, &source.text)).collect::<Vec<_>>());
}

#[test]
fn the_order_of_modules_is_one() {
    for (at, (name, allowed)) in MODULES.iter().enumerate() {
        let is_before = |other: &&str| MODULES[..at].iter().any(|(name, _)| name == other);
        assert!(allowed.iter().all(is_before), "{name} imports what comes later");
    }
}

#[test]
fn services_and_the_binary_use_the_public_api_alone() {
    let sources = sources();
    let outer = sources
        .iter()
        .filter(|source| source.path.starts_with("services/") || source.is_of_the_binary());
    none(&outer.flat_map(|source| inner_names(&source.path, &source.text)).collect::<Vec<_>>());
}

/// Programs plug into the host by a trait, so that it is the same with and without them.
#[test]
fn the_host_names_no_feature() {
    let sources = sources();
    let host: Vec<_> = sources.iter().filter(|s| s.path.starts_with("src/host/")).collect();
    assert!(host.len() > 5, "its sources are found");
    none(&host.iter().flat_map(|source| features(&source.path, &source.text)).collect::<Vec<_>>());
}

/// Where a source names a feature.
fn features(path: &str, text: &str) -> Vec<String> {
    let tokens = crate::tokens::tokens(text);
    let named = tokens.iter().filter(|token| token.text == "feature");
    named.map(|token| format!("{path}:{}: names a feature", token.line)).collect()
}

#[test]
fn modules_list_their_files_in_reading_order() {
    let mut faults = Vec::new();
    let sources = sources();
    let heads: Vec<_> = sources
        .iter()
        .filter(|source| {
            let is_head = source.path.ends_with("/mod.rs") && !source.is_test();
            source.is_of_the_library() && is_head || source.path == format!("{BINARY}main.rs")
        })
        .collect();
    assert!(heads.len() > 10, "modules and those within them are found");
    for source in heads {
        let head: String = source.text.lines().take_while(|l| l.starts_with("//!")).collect();
        let folder = root().join(&source.path).with_file_name("");
        for entry in fs::read_dir(folder).expect("each module is a folder") {
            let name = entry.expect("a folder can be read").file_name();
            let name = name.to_string_lossy();
            let stem = name.trim_end_matches(".rs");
            if !["mod", "main", "tests"].contains(&stem) && !head.contains(&format!("`{stem}`")) {
                faults.push(format!("{} does not list {name}", source.path));
            }
        }
    }
    none(&faults);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_against_the_order_are_found() {
        let rows: [(&str, &str, &[&str]); 13] = [
            ("src/hub/mod.rs", "use crate::limits::Limits;", &[]),
            ("src/hub/mod.rs", "use crate::engine;", &["hub imports engine"]),
            ("src/hub/tests/mod.rs", "use crate::engine;", &[]),
            ("src/hub/mod.rs", "#[cfg(test)] mod tests { use crate::engine; }", &[]),
            ("src/hub/mod.rs", "#[cfg(test)] mod tests; use crate::sys;", &["hub imports sys"]),
            (
                "src/ws/head.rs",
                "use crate::{host::Host, hub::Hub};",
                &["ws imports host", "ws imports hub"],
            ),
            ("src/ws/head.rs", "use crate::{limits::{Limits}, ws};", &[]),
            ("src/ws/head.rs", "use super::super::hub;", &["ws imports hub"]),
            ("src/ws/head.rs", "fn f() { crate::hub::f() }", &["ws imports hub"]),
            ("src/ws/head.rs", "use crate::Host;", &["ws imports Host"]),
            ("src/ws/head.rs", "use crate::*;", &["ws imports the whole crate"]),
            ("src/new/mod.rs", "", &["the order of modules has no new"]),
            ("src/bin/switchboard/logger.rs", "use super::run;", &["logger imports run"]),
        ];
        for (path, text, expected) in rows {
            let found = disorder(path, text);
            let found: Vec<_> = found.iter().filter_map(|f| Some(f.split_once(": ")?.1)).collect();
            assert_eq!(found, expected, "{path}: {text}");
        }
    }

    #[test]
    fn names_of_the_crate_are_found() {
        let rows = [
            ("services/a.rs", "use switchboard::Host; pub(crate) fn f() {}", 0),
            ("services/a.rs", "use super::_shared;", 0),
            ("services/a.rs", "use super::super::run;", 1),
            ("services/b/a.rs", "use super::super::c;", 0),
            ("services/a.rs", "use crate::run;", 2),
            ("src/bin/switchboard/run.rs", "use super::logger;", 0),
            ("src/bin/switchboard/run.rs", "use {crate::logger};", 1),
        ];
        for (path, text, expected) in rows {
            assert_eq!(inner_names(path, text).len(), expected, "{path}: {text}");
        }
    }

    #[test]
    fn features_are_found() {
        let rows = [
            ("#[cfg(unix)] // feature\nfn f() {}", 0),
            ("#[cfg(feature = \"programs\")] fn f() {}", 1),
            ("#[cfg(not(any(test, feature = \"programs\")))] fn f() {}", 1),
            ("#[cfg_attr(feature = \"programs\", inline)] fn f() {}", 1),
            ("fn f() -> bool { cfg!(feature = \"programs\") }", 1),
        ];
        for (text, expected) in rows {
            assert_eq!(features("src/host/a.rs", text).len(), expected, "{text}");
        }
    }
}

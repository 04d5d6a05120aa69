//! The lists of all keys, in the order of `server.conf`, with their definitions: `server`,
//! `programs` and `limits`. A new key is one more entry there and one more comment in
//! `server.conf`. A test compares the two; there is no other list. `key` describes an entry. With
//! the feature `database`, `databases`: the keys of sections of databases, a list of their own;
//! with `redis`, `backplane`: likewise.

#[cfg(feature = "redis")]
pub(super) mod backplane;
#[cfg(feature = "database")]
pub(super) mod databases;
mod limits;
#[cfg(feature = "programs")]
mod programs;
mod server;

use crate::config::key::Key;

/// The key called `name`, which is a plain one.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    all().find(|key| key.name == name)
}

/// All keys, in the order of `server.conf`.
pub(super) fn all() -> impl Iterator<Item = &'static Key> {
    LISTS.iter().copied().flatten()
}

/// The key called `name`, a name in the source. A wrong name panics; the list of flags is checked
/// while it is compiled.
pub(super) const fn known(name: &str) -> &'static Key {
    let mut lists = LISTS;
    while let [list, others @ ..] = lists {
        let mut keys = *list;
        while let [key, others @ ..] = keys {
            if is_same(key.name.as_bytes(), name.as_bytes()) {
                return key;
            }
            keys = others;
        }
        lists = others;
    }
    panic!("a name in the program is that of a key")
}

/// The result of `==`, which is not available in constants.
const fn is_same(a: &[u8], b: &[u8]) -> bool {
    match (a, b) {
        ([], []) => true,
        ([first, a @ ..], [second, b @ ..]) => *first == *second && is_same(a, b),
        ([], [_, ..]) | ([_, ..], []) => false,
    }
}

/// If a plain name is a key that this build does not have, the feature that it needs.
pub(super) fn unbuilt(name: &str) -> Option<&'static str> {
    let is_in = |names: &[&str]| names.contains(&name);
    let unbuilt = [
        (cfg!(feature = "programs"), is_in(&OF_PROGRAMS), "programs"),
        (cfg!(feature = "proxy"), is_in(&OF_PROXIES), "proxy"),
        (cfg!(feature = "admin"), is_in(&OF_ADMIN), "admin"),
        (cfg!(feature = "workers"), is_in(&OF_WORKERS), "workers"),
        (cfg!(feature = "processes"), is_in(&OF_PROCESSES), "processes"),
        (cfg!(feature = "unix"), name.starts_with("unix-"), "unix"),
        (cfg!(feature = "tls"), name.starts_with("tls-") || name == "max-handshakes", "tls"),
    ];
    unbuilt.iter().find(|(is_built, is_named, _)| !is_built && *is_named).map(|row| row.2)
}

static LISTS: &[&[Key]] = &[
    server::KEYS,
    #[cfg(feature = "programs")]
    programs::KEYS,
    limits::KEYS,
];

/// The names of the keys of proxies, also where those are not built.
pub(super) const OF_PROXIES: [&str; 3] = ["trusted-proxy", "forwarded", "proxy-protocol"];

/// The names of the keys of operators, also where those are not built.
pub(super) const OF_ADMIN: [&str; 3] = ["log-file", "admin", "admin-token"];

/// The names of the keys of workers, also where those are not built.
pub(super) const OF_WORKERS: [&str; 2] = ["workers", "worker-key"];

/// The names of the keys of processes, also where those are not built.
pub(super) const OF_PROCESSES: [&str; 2] = ["processes", "share"];

/// The names of the keys in `programs`, also where those are not built.
pub(super) const OF_PROGRAMS: [&str; 12] = [
    "document-root",
    "mode",
    "framing",
    "protocols",
    "pass-env",
    "env",
    "stop-timeout",
    "max-processes",
    "on-death",
    "on-change",
    "replace-when",
    "subpaths",
];

//! The lists of all keys, in the order of `server.conf`, and what there is to know about each:
//! `server`, `programs` and `limits`. A new key is one more entry there and one more comment in
//! that file; a test holds the two against each other, and nothing else lists keys. What each
//! says is in `key`.

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

/// The key called `name`, a name that stands in this program. A wrong one is a fault of the
/// program and panics, which the list of flags does while it is compiled.
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

/// What `==` says, which cannot be asked while compiling.
const fn is_same(a: &[u8], b: &[u8]) -> bool {
    match (a, b) {
        ([], []) => true,
        ([first, a @ ..], [second, b @ ..]) => *first == *second && is_same(a, b),
        ([], [_, ..]) | ([_, ..], []) => false,
    }
}

/// Whether a plain name is that of a key which this build does not have.
pub(super) fn is_unbuilt(name: &str) -> bool {
    !cfg!(feature = "programs") && OF_PROGRAMS.contains(&name)
}

static LISTS: &[&[Key]] = &[
    server::KEYS,
    #[cfg(feature = "programs")]
    programs::KEYS,
    limits::KEYS,
];

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

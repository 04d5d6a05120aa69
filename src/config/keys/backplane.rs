//! The keys of the section of the backplane, `[backplane]`. They are those of no other section, and
//! their names may be those of other keys.

use crate::config::key::{Key, ReloadTime, Setter};
use crate::config::section::Section;
use crate::config::value::backplane::BackplaneValue;

/// All of them, in the order of `server.conf`.
pub(in crate::config) static KEYS: &[Key] = &[
    key("url", "", "Where Redis is: the one key that the section needs", BackplaneValue::Url),
    key(
        "prefix",
        "switchboard",
        "What the names of its channels begin with: hosts with one prefix share",
        BackplaneValue::Prefix,
    ),
    key(
        "queue",
        "1m",
        "Most that waits for Redis, and as much for the loop; beyond it the oldest goes",
        BackplaneValue::Queue,
    ),
    key(
        "required",
        "no",
        "Whether the server is not ready (/readyz) while Redis cannot be reached",
        BackplaneValue::Required,
    ),
    key("password-file", "none", "File with the password for Redis", BackplaneValue::PasswordFile),
    key(
        "ca-file",
        "none",
        "File with the authorities of its certificate (rediss); none: those of the system",
        BackplaneValue::CaFile,
    ),
];

/// The key called `name`, which is a plain one.
pub(in crate::config) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

const fn key(
    name: &'static str,
    default: &'static str,
    meaning: &'static str,
    value: BackplaneValue,
) -> Key {
    let (section, reload) = (Section::Backplane, ReloadTime::NextStart);
    Key { section, name, default, meaning, reload, setter: Setter::Backplane(value) }
}

//! The keys of a section of a database, `[database NAME]`. They are those of no other section, and
//! their names may be those of other keys.

use crate::config::key::{Key, ReloadTime, Setter};
use crate::config::section::Section;
use crate::config::value::databases::DatabaseValue;

/// All of them, in the order of `server.conf`.
pub(in crate::config) static KEYS: &[Key] = &[
    key("url", "", "Where it is: the one key that each database needs", DatabaseValue::Url),
    key(
        "connections",
        "4",
        "Its connections; with SQLite, those that read, beside one that writes",
        DatabaseValue::Connections,
    ),
    key("queue", "1024", "Most jobs that wait", DatabaseValue::Queue),
    key("wait", "5s", "Longest wait of a job until it begins", DatabaseValue::Wait),
    key("query-timeout", "10s", "Longest time of a query", DatabaseValue::QueryTimeout),
    key(
        "start",
        "eager",
        "Connect with the server, which is not ready without it, or for the first jobs",
        DatabaseValue::Start,
    ),
    key(
        "synchronous",
        "full",
        "SQLite waits for the disk at each commit, or at checkpoints",
        DatabaseValue::Synchronous,
    ),
    key(
        "password-file",
        "none",
        "File with the password for PostgreSQL",
        DatabaseValue::PasswordFile,
    ),
    key(
        "sslmode",
        "disable",
        "TLS to PostgreSQL, with a certificate of its host",
        DatabaseValue::SslMode,
    ),
    key(
        "ca-file",
        "none",
        "File with the authorities of that certificate; none: those of the system",
        DatabaseValue::CaFile,
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
    value: DatabaseValue,
) -> Key {
    let (section, reload) = (Section::Database, ReloadTime::NextStart);
    Key { section, name, default, meaning, reload, setter: Setter::Database(value) }
}

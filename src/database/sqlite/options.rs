//! `Sqlite`: the file of a database, and its options.

use std::path::{Path, PathBuf};

use crate::database::UrlError;

/// A database of SQLite: a file, which is made if it is not there. Its folder has to exist, on a
/// file system of this machine, since the file has a log and an index of that log beside it (mode
/// WAL: `FILE-wal` and `FILE-shm`).
///
/// One connection writes. Jobs that wait together share a transaction, in which each has a
/// savepoint. So thousands of small writes take a few commits in each second.
/// [`DatabaseOptions::connections`](crate::database::DatabaseOptions::connections) read at the same
/// time, and each of their jobs sees the state of one moment.
///
/// ```
/// use switchboard::database::sqlite::{Sqlite, Synchronous};
/// use switchboard::database::{Database, DatabaseOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = std::env::temp_dir().join(format!("switchboard-doc-{}", std::process::id()));
/// let file = Sqlite::new(&path).synchronous(Synchronous::Normal);
/// let db = Database::open("main", file, DatabaseOptions::new())?;
/// db.write(|c| Ok(c.execute_batch("CREATE TABLE user (name TEXT PRIMARY KEY)")?))?;
/// let rows = db.write(|c| Ok(c.execute("INSERT INTO user VALUES (?)", ["alice"])?))?;
/// # assert_eq!(rows, 1);
/// let count = "SELECT count(*) FROM user";
/// let users: i64 = db.read(|c| Ok(c.query_row(count, [], |row| row.get(0))?))?;
/// assert_eq!(users, 1);
/// # std::fs::remove_file(path)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sqlite {
    path: PathBuf,
    synchronous: Synchronous,
}

/// What a commit waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// Until what it has written is on the disk: it survives a loss of power.
    #[default]
    Full,
    /// For nothing. A loss of power may undo the last commits, and leaves the file whole. The end
    /// of the process undoes nothing.
    Normal,
}

impl Sqlite {
    /// The database in a file, which [`Database::open`](crate::database::Database::open) opens.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), synchronous: Synchronous::Full }
    }

    /// The database that a URL names, `sqlite:PATH`. The path is taken as it is: nothing in it is
    /// an escape.
    ///
    /// # Errors
    /// It is no such URL. A database in memory is none, since each connection would have its own.
    pub fn from_url(url: &str) -> Result<Self, UrlError> {
        let path = url.strip_prefix("sqlite:").ok_or(UrlError::new(NO_SQLITE))?;
        if path.is_empty() {
            return Err(UrlError::new(NO_SQLITE));
        }
        if path.contains(":memory:") {
            return Err(UrlError::new(IN_MEMORY));
        }
        if path.contains('?') {
            return Err(UrlError::new(PARAMETERS));
        }
        // Others read a host between the second slash and the third, or a relative path after two.
        if path.starts_with("//") && !path.starts_with("///") {
            return Err(UrlError::new(NO_SQLITE));
        }
        Ok(Self::new(path))
    }

    /// Sets what a commit waits for; [`Synchronous::Full`] by default.
    #[must_use]
    pub const fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn mode(&self) -> Synchronous {
        self.synchronous
    }
}

const NO_SQLITE: &str = "the URL of a file of SQLite is sqlite:PATH, such as \
    sqlite:/var/lib/switchboard/main.db";
const IN_MEMORY: &str =
    "a database in memory is one for each connection; name a file (sqlite:PATH)";
const PARAMETERS: &str = "the URL of SQLite is sqlite:PATH without parameters, which are keys \
    instead (synchronous)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_file() {
        let rows = [
            ("sqlite:main.db", Ok("main.db")),
            ("sqlite:/var/lib/main.db", Ok("/var/lib/main.db")),
            ("sqlite:///var/lib/main.db", Ok("///var/lib/main.db")),
            ("sqlite:a b%20c.db", Ok("a b%20c.db")),
            ("sqlite:", Err(NO_SQLITE)),
            ("sqlite://main.db", Err(NO_SQLITE)),
            ("main.db", Err(NO_SQLITE)),
            ("SQLITE:main.db", Err(NO_SQLITE)),
            ("sqlite::memory:", Err(IN_MEMORY)),
            ("sqlite:main.db?mode=rwc", Err(PARAMETERS)),
        ];
        for (url, expected) in rows {
            let found = Sqlite::from_url(url);
            let expected = expected.map(Sqlite::new).map_err(UrlError::new);
            assert_eq!(found, expected, "{url}");
        }
    }
}

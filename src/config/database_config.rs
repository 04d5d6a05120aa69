//! `DatabaseConfig`: a database with a section of its own.

use std::path::PathBuf;

use crate::database::DatabaseOptions;

/// What a configuration has for one database: a section `[database NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// Its name, which services ask for.
    pub name: String,
    /// Where it is, of a kind that this build has.
    pub url: String,
    /// Its bounds.
    pub options: DatabaseOptions,
    /// The file with the password for PostgreSQL.
    pub password_file: Option<PathBuf>,
    /// The file with the authorities for PostgreSQL. `None`: those of the system.
    pub ca_file: Option<PathBuf>,
    /// Whether the connections to PostgreSQL have TLS.
    pub ssl_mode: SslMode,
    /// When SQLite waits for the disk.
    pub synchronous: DiskSync,
}

/// Whether connections have TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SslMode {
    /// They do not.
    #[default]
    Disable,
    /// They do. The certificate has to be that of the host.
    VerifyFull,
}

/// When SQLite waits for the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskSync {
    /// At each commit.
    #[default]
    Full,
    /// At checkpoints. Of a machine that fails, the last commits may be lost.
    Normal,
}

/// The kinds of databases, by the begin of their URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseKind {
    /// `sqlite:PATH`
    Sqlite,
    /// `postgres://...` or `postgresql://...`
    Postgres,
}

impl DatabaseKind {
    /// The kind of a URL.
    #[must_use]
    pub fn of(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once(':')?;
        let is_remote = rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty());
        match scheme {
            "sqlite" if !rest.is_empty() => Some(Self::Sqlite),
            "postgres" | "postgresql" if is_remote => Some(Self::Postgres),
            _ => None,
        }
    }

    /// The feature that it needs, and whether this build has that.
    pub(super) const fn feature(self) -> (&'static str, bool) {
        match self {
            Self::Sqlite => ("sqlite", cfg!(feature = "sqlite")),
            Self::Postgres => ("postgres", cfg!(feature = "postgres")),
        }
    }
}

impl DatabaseConfig {
    /// The defaults, for a database that has no URL yet.
    pub(super) const fn new(name: String) -> Self {
        Self {
            name,
            url: String::new(),
            options: DatabaseOptions::new(),
            password_file: None,
            ca_file: None,
            ssl_mode: SslMode::Disable,
            synchronous: DiskSync::Full,
        }
    }

    /// The kind of its URL.
    #[must_use]
    pub fn kind(&self) -> Option<DatabaseKind> {
        DatabaseKind::of(&self.url)
    }
}

/// Examples of URLs.
pub(super) const URLS: &str = "sqlite:PATH or postgres://USER@HOST/NAME";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_urls() {
        use DatabaseKind::{Postgres, Sqlite};
        for (url, kind) in [
            ("sqlite:a.db", Some(Sqlite)),
            ("sqlite:/var/lib/a.db", Some(Sqlite)),
            ("sqlite:", None),
            ("postgres://h/a", Some(Postgres)),
            ("postgresql://h/a", Some(Postgres)),
            ("postgres:h", None),
            ("postgres://", None),
            ("mysql://h/a", None),
            ("a.db", None),
        ] {
            assert_eq!(DatabaseKind::of(url), kind, "{url}");
        }
    }
}

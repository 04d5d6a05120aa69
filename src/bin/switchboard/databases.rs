//! The databases of the configuration: they are checked, opened for a run, and closed after it.

use std::time::Duration;

use switchboard::Server;
use switchboard::config::DatabaseKind;
#[cfg(feature = "sqlite")]
use switchboard::config::DiskSync;
#[cfg(feature = "postgres")]
use switchboard::config::SslMode;
use switchboard::config::{Config, DatabaseConfig, nearest};
#[cfg(feature = "postgres")]
use switchboard::database::postgres::Postgres;
#[cfg(feature = "sqlite")]
use switchboard::database::sqlite::{Sqlite, Synchronous};
use switchboard::database::{Connector, Database};

/// The databases of a run: the name of each, and how it is closed.
#[derive(Default)]
pub(crate) struct Databases(Vec<(String, CloseDatabase)>);

type CloseDatabase = Box<dyn FnOnce(Duration) -> bool>;

/// A database that can be opened.
pub(crate) enum Plan {
    #[cfg(feature = "sqlite")]
    Sqlite(Sqlite),
    #[cfg(feature = "postgres")]
    Postgres(Box<Postgres>),
}

/// What the databases of a configuration are. None is opened.
///
/// # Errors
/// Why some of them cannot be used, a text for each.
pub(crate) fn plans(config: &Config) -> Result<Vec<(&DatabaseConfig, Plan)>, Vec<String>> {
    let (mut plans, mut faults) = (Vec::new(), Vec::new());
    for of in &config.databases {
        match plan(of) {
            Ok(plan) => plans.push((of, plan)),
            Err(text) => faults.push(format!("[database {}] {text}", of.name)),
        }
    }
    if faults.is_empty() { Ok(plans) } else { Err(faults) }
}

fn plan(of: &DatabaseConfig) -> Result<Plan, String> {
    match of.kind() {
        #[cfg(feature = "sqlite")]
        Some(DatabaseKind::Sqlite) => {
            let sqlite = Sqlite::from_url(&of.url).map_err(|error| in_url(&error))?;
            Ok(Plan::Sqlite(sqlite.synchronous(match of.synchronous {
                DiskSync::Full => Synchronous::Full,
                DiskSync::Normal => Synchronous::Normal,
            })))
        }
        #[cfg(feature = "postgres")]
        Some(DatabaseKind::Postgres) => {
            let mut postgres = Postgres::new(&of.url).map_err(|error| in_url(&error))?;
            if let Some(file) = &of.password_file {
                postgres = postgres.password_file(file);
            }
            if of.ssl_mode == SslMode::VerifyFull {
                postgres = postgres.verify_full(of.ca_file.clone());
            }
            postgres.check_files().map_err(|error| error.to_string())?;
            Ok(Plan::Postgres(Box::new(postgres)))
        }
        // The configuration was refused before.
        #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
        Some(_) => Err("url is of a kind that this build does not have".to_owned()),
        None => Err("has no url".to_owned()),
    }
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
fn in_url(error: &switchboard::database::UrlError) -> String {
    format!("url: {error}")
}

/// A warning for each database that no service asks for: its name is none of the `words` in their
/// code.
pub(crate) fn unused(config: &Config, words: &[&str]) -> Vec<String> {
    let names = config.databases.iter().map(|of| of.name.as_str());
    let unused = names.filter(|name| !words.contains(name));
    let text = |name| {
        let cure = match nearest(name, words.iter().copied()) {
            Some(meant) => format!("did you mean [database {meant}]?"),
            None => "correct its name, or leave it out".to_owned(),
        };
        format!("[database {name}] is used by no service: none of services/ has this name; {cure}")
    };
    unused.map(text).collect()
}

impl Plan {
    /// What an operator should know of it.
    pub(crate) fn warning(&self) -> Option<String> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => None,
            #[cfg(feature = "postgres")]
            Self::Postgres(postgres) => postgres.warning(),
        }
    }
}

impl Databases {
    /// Opens the databases of a configuration, and adds them to a server for its services. Nothing
    /// waits for their connections.
    ///
    /// # Errors
    /// They cannot be used, or there is no thread for them.
    pub(crate) fn open(mut server: Server, config: &Config) -> Result<(Server, Self), String> {
        let mut databases = Self::default();
        for (of, plan) in plans(config).map_err(|faults| faults.join("\n"))? {
            if let Some(text) = plan.warning() {
                log::warn!(target: TARGET, "[database {}] {text}", of.name);
            }
            match plan {
                #[cfg(feature = "sqlite")]
                Plan::Sqlite(sqlite) => databases.add(&mut server, of, sqlite)?,
                #[cfg(feature = "postgres")]
                Plan::Postgres(postgres) => databases.add(&mut server, of, *postgres)?,
            }
        }
        Ok((server, databases))
    }

    /// Closes them, once jobs that wait have been done, `within` this time for each.
    pub(crate) fn close(self, within: Duration) {
        for (name, close) in self.0 {
            if !close(within) {
                log::warn!(
                    target: TARGET,
                    "database {name}: it has not ended within drain-timeout: jobs that waited are \
                     lost"
                );
            }
        }
    }

    fn add<K: Connector>(
        &mut self,
        server: &mut Server,
        of: &DatabaseConfig,
        connector: K,
    ) -> Result<(), String> {
        let database =
            Database::open(&of.name, connector, of.options.clone()).map_err(|error| {
                format!("[database {}] there is no thread for it: {error}", of.name)
            })?;
        server.database(&of.name, database.clone());
        self.0.push((of.name.clone(), Box::new(move |within| database.close(within))));
        Ok(())
    }
}

const TARGET: &str = "switchboard::database";

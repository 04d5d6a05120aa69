//! Databases for the services of a server.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::database::Database;
#[cfg(feature = "admin")]
use crate::pages::DatabaseWatch;
use crate::server::Server;
use crate::service::shared_values::SharedValues;

/// The databases of a server, by name.
#[derive(Default)]
pub(super) struct ServerDatabases {
    values: BTreeMap<String, Arc<dyn Any + Send + Sync>>,
    #[cfg(feature = "admin")]
    watches: BTreeMap<String, DatabaseWatch>,
}

impl ServerDatabases {
    /// None.
    pub(super) const NONE: Self = Self {
        values: BTreeMap::new(),
        #[cfg(feature = "admin")]
        watches: BTreeMap::new(),
    };

    /// What operators see.
    #[cfg(feature = "admin")]
    pub(super) fn watches(&self) -> Vec<DatabaseWatch> {
        self.watches.values().cloned().collect()
    }

    /// What services find.
    pub(super) fn into_values(self) -> SharedValues {
        SharedValues::new(self.values)
    }
}

impl Server {
    /// Adds a database, which services get by this name from
    /// [`Context::database`](crate::Context::database). A second one of the same name replaces the
    /// first. The host does not close it: [`Database::close`] does, after the host has ended.
    ///
    /// A program that makes its services itself may as well give each a clone.
    pub fn database<C: 'static>(&mut self, name: &str, database: Database<C>) -> &mut Self {
        #[cfg(feature = "admin")]
        {
            let (own, called) = (database.clone(), name.to_owned());
            let watch = move || {
                let mut metrics = own.metrics();
                called.clone_into(&mut metrics.name);
                metrics
            };
            self.databases.watches.insert(name.to_owned(), DatabaseWatch::new(watch));
        }
        self.databases.values.insert(name.to_owned(), Arc::new(database));
        self
    }
}

//! The databases that a host has for its services, by their names.

use std::error::Error;
use std::fmt;

use crate::database::Database;
use crate::service::Context;

/// With the feature `database`.
impl Context<'_> {
    /// The database of this name, with connections of type `C`: one that `Server::database` has
    /// added, or a section `[database NAME]` of `server.conf`. A service asks for it when it
    /// starts.
    ///
    /// # Errors
    /// There is no such database, or its connections have another type.
    pub fn database<C: 'static>(&self, name: &str) -> Result<Database<C>, NoDatabase> {
        let Some(found) = self.shared_value(name) else {
            let known = self.shared_names().into_iter().map(str::to_owned).collect();
            return Err(NoDatabase { name: name.to_owned(), known: Some(known) });
        };
        let database = found.downcast_ref::<Database<C>>();
        database.cloned().ok_or_else(|| NoDatabase { name: name.to_owned(), known: None })
    }
}

/// Why a service has not got a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoDatabase {
    name: String,
    /// The names that there are. `None`: this one is there, with connections of another type.
    known: Option<Vec<String>>,
}

impl fmt::Display for NoDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.known.as_deref() {
            None => write!(
                f,
                "the database {name} has connections of another type than the service asks for: \
                 compare the scheme of its url"
            ),
            Some([]) => write!(
                f,
                "there is no database {name}, and no other one: add a section [database {name}], \
                 or call Server::database"
            ),
            Some(known) => {
                write!(f, "there is no database {name}; there are: {}", known.join(", "))
            }
        }
    }
}

impl Error for NoDatabase {}

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
            return Err(NoDatabase { name: name.to_owned(), why: Why::Unknown(known) });
        };
        let database = found.downcast_ref::<Database<C>>();
        let asked = std::any::type_name::<C>();
        let of_others = || NoDatabase { name: name.to_owned(), why: Why::OtherType(asked) };
        database.cloned().ok_or_else(of_others)
    }
}

/// Why a service has not got a database. Its `Debug` is its text as well, for a service that ends
/// with `expect`.
#[derive(Clone, PartialEq, Eq)]
pub struct NoDatabase {
    name: String,
    why: Why,
}

#[derive(Clone, PartialEq, Eq)]
enum Why {
    /// There is none of this name, only of these.
    Unknown(Vec<String>),
    /// Its connections are not of the type that the service asks for, which is this one.
    OtherType(&'static str),
}

impl fmt::Display for NoDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.why {
            Why::OtherType(asked) => write!(
                f,
                "the connections of the database {name} are of another type than {asked}, \
                 for which the service asks: the type is that of the Connector with which the \
                 program has opened it, or, for a section [database {name}], that of the scheme of \
                 its url"
            ),
            Why::Unknown(known) if known.is_empty() => write!(
                f,
                "there is no database {name}, and no other one: add a section [database {name}], \
                 or call Server::database"
            ),
            Why::Unknown(known) => {
                write!(f, "there is no database {name}; there are: {}", known.join(", "))
            }
        }
    }
}

impl fmt::Debug for NoDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for NoDatabase {}

//! `Command`: the command of the command line. `args` makes it from the words.

use crate::config::Config;
#[cfg(feature = "programs")]
use crate::config::Trial;

/// The command of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run the server.
    Run(Config),
    /// Try a single program.
    #[cfg(feature = "programs")]
    Try(Trial),
    /// Report that the configuration is valid, which it is.
    CheckConfig(Config),
    /// List the services, and the programs that would be served. The configuration is valid.
    ListServices(Config),
    /// Print the version.
    Version,
    /// Print this text, such as the help.
    Print(String),
}

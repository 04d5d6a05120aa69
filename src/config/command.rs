//! `Command`: what the process is asked for when it starts. How words become a command is said in
//! `args`.

use crate::config::Config;
#[cfg(feature = "programs")]
use crate::config::Trial;

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run the server.
    Run(Config),
    /// Try a single program.
    #[cfg(feature = "programs")]
    Try(Trial),
    /// Say that the configuration is right, which it is.
    CheckConfig(Config),
    /// List the services, and the programs that would be served. The configuration is valid.
    ListServices(Config),
    /// Print the version.
    Version,
    /// Print this text.
    Help(String),
}

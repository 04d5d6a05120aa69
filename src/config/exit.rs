//! `Exit`: the exit codes of the process.

use std::process::ExitCode;

/// The exit of the process, as a number for its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It stopped on request.
    Clean = 0,
    /// Something failed while it ran.
    Failure = 1,
    /// The command line is wrong.
    CommandLine = 2,
    /// An address cannot be listened on.
    Bind = 3,
    /// The configuration is wrong.
    Configuration = 4,
}

impl Exit {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Clean, Self::Failure, Self::CommandLine, Self::Bind, Self::Configuration];

    /// The exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// A few words for the help.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Clean => "clean stop",
            Self::Failure => "failure while running",
            Self::CommandLine => "wrong command line",
            Self::Bind => "an address cannot be listened on",
            Self::Configuration => "wrong configuration",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

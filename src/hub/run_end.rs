//! `RunEnd`: how a run of a service ended.

use std::fmt;

/// How a run of a service ended.
#[derive(Debug)]
pub enum RunEnd {
    /// It was asked to finish, and has done so.
    Finished,
    /// It returned by itself.
    Returned,
    /// Another version or mode of it takes its place; why.
    Replaced(String),
    /// It panicked, with this text.
    Panicked(String),
    /// It cannot go on; why.
    Failed(String),
}

impl RunEnd {
    /// Whether it is a fault of the service or of the system.
    pub(super) const fn is_failure(&self) -> bool {
        match self {
            Self::Finished | Self::Replaced(_) => false,
            Self::Returned | Self::Panicked(_) | Self::Failed(_) => true,
        }
    }
}

impl fmt::Display for RunEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, text) = match self {
            Self::Finished => ("it has finished", ""),
            Self::Returned => ("it returned", ""),
            Self::Panicked(text) => ("it panicked: ", text.as_str()),
            Self::Replaced(why) | Self::Failed(why) => ("", why.as_str()),
        };
        f.write_str(before)?;
        f.write_str(text)
    }
}

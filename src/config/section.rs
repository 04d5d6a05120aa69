//! `Section`: the sections of `server.conf` that exist once.

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// `[server]`
    Server,
    /// `[limits]`
    Limits,
    /// `[database NAME]`, of which there may be several.
    #[cfg(feature = "database")]
    Database,
    /// `[backplane]`
    #[cfg(feature = "redis")]
    Backplane,
}

impl Section {
    /// The section as it is written.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Server => "[server]",
            Self::Limits => "[limits]",
            #[cfg(feature = "database")]
            Self::Database => "[database NAME]",
            #[cfg(feature = "redis")]
            Self::Backplane => "[backplane]",
        }
    }
}

//! `Share`: which messages of a service reach other processes of its server, and other hosts.

/// Which messages of a service also reach its sockets in the other processes of the same server,
/// and with a backplane those of other hosts. Ids of sockets are never shared: they are of one
/// process.
///
/// Sockets of the own process get a message as without this. Nothing waits for other processes,
/// where messages may be missing: then the service gets [`Inbound::Gap`](crate::Inbound::Gap)
/// there, except for what a process has not sent when it is killed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Share {
    /// None of them.
    #[default]
    None,
    /// Those to topics.
    Topics,
    /// Those to topics, and those to all sockets of the service.
    All,
}

impl Share {
    /// Parses `none`, `topics` or `all`, in any case; `None` for other names.
    #[must_use]
    pub const fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("none") {
            return Some(Self::None);
        }
        if name.eq_ignore_ascii_case("topics") {
            return Some(Self::Topics);
        }
        if name.eq_ignore_ascii_case("all") { Some(Self::All) } else { None }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Topics => "topics",
            Self::All => "all",
        }
    }
}

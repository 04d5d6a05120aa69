//! `HostReadiness`: whether a host is ready for sockets, and why not.

use std::fmt;

/// Whether a host is ready for sockets, for load balancers. It is as long as there is no reason
/// against that. Its text is `ready`, or has one reason in each line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostReadiness {
    reasons: Vec<NotReady>,
}

/// A reason why a host is not ready for sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotReady {
    /// A clean stop has begun.
    Draining,
    /// The system had no descriptor for the last connection, which waits.
    NoDescriptors,
    /// What is held for sockets exceeds `Limits::held_bytes_max`: upgrades are refused.
    Memory,
    /// The service at this path is eager and does not run, or is not ready yet.
    ServiceDown(String),
    /// The database of this name is eager, and has no connection.
    DatabaseDown(String),
    /// The backplane is required, and has no connection.
    BackplaneDown,
}

impl HostReadiness {
    /// Whether there is no reason against it.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.reasons.is_empty()
    }

    /// The reasons against it: those of the whole host first, then services in the order in which
    /// they were mounted, databases by their names, and the backplane.
    pub fn reasons(&self) -> impl Iterator<Item = &NotReady> {
        self.reasons.iter()
    }
}

impl FromIterator<NotReady> for HostReadiness {
    fn from_iter<T: IntoIterator<Item = NotReady>>(reasons: T) -> Self {
        Self { reasons: reasons.into_iter().collect() }
    }
}

impl fmt::Display for HostReadiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.reasons.split_first() else { return f.write_str("ready") };
        first.fmt(f)?;
        others.iter().try_for_each(|reason| write!(f, "\n{reason}"))
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draining => f.write_str("draining"),
            Self::NoDescriptors => f.write_str("no descriptors"),
            Self::Memory => f.write_str("memory"),
            Self::ServiceDown(path) => write!(f, "service {path} is down"),
            Self::DatabaseDown(name) => write!(f, "database {name} is down"),
            Self::BackplaneDown => f.write_str("backplane is down"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_line() {
        let down = || NotReady::ServiceDown("/a".to_owned());
        let rows: [(Vec<NotReady>, &str); 4] = [
            (vec![], "ready"),
            (vec![NotReady::Draining], "draining"),
            (vec![down()], "service /a is down"),
            (
                vec![NotReady::NoDescriptors, NotReady::Memory, down()],
                "no descriptors\nmemory\nservice /a is down",
            ),
        ];
        for (reasons, text) in rows {
            let readiness: HostReadiness = reasons.into_iter().collect();
            assert_eq!(readiness.to_string(), text);
            assert_eq!(readiness.is_ready(), text == "ready");
        }
    }
}

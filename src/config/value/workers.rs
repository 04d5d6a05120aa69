//! Values of the keys about workers, which are parts of one option.

use crate::config::value::numbers::count;
use crate::config::value::words::FieldOf;
use crate::service::{WorkerKey, Workers};

/// A kind of value about workers, and the place of the option in a `T`.
pub(crate) enum WorkersValue<T> {
    /// How many; `cores` are those that this process may use.
    Count(FieldOf<T, Workers>),
    /// What chooses among them.
    Key(FieldOf<T, Workers>),
}

impl<T> WorkersValue<T> {
    pub(super) fn set(&self, target: &mut T, text: &str) -> Option<()> {
        match self {
            Self::Count(place) => {
                let workers = workers(text)?.by(place(target).key().clone());
                *place(target) = workers;
            }
            Self::Key(place) => {
                let workers = Workers::new(place(target).count()).by(WorkerKey::named(text)?);
                *place(target) = workers;
            }
        }
        Some(())
    }

    pub(super) fn differs(&self, one: &mut T, other: &mut T) -> bool {
        match self {
            Self::Count(place) => place(one).count() != place(other).count(),
            Self::Key(place) => place(one).key() != place(other).key(),
        }
    }

    pub(super) const fn allowed(&self) -> &'static str {
        match self {
            Self::Count(_) => "a number from 1 to 64, or cores",
            Self::Key(_) => "socket, peer, path, query NAME, cookie NAME or header NAME",
        }
    }
}

fn workers(text: &str) -> Option<Workers> {
    if text.eq_ignore_ascii_case("cores") {
        return Some(Workers::cores());
    }
    let count = count(text).filter(|count| *count <= Workers::MAX);
    count.map(Workers::new)
}

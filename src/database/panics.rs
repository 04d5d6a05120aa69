//! Panics in the code that runs over a connection, with their places.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;

use crate::host::panic::catch_text;

/// A panic in the code that runs over a connection.
#[derive(Debug)]
pub(super) struct JobPanic {
    pub(super) text: String,
    /// Where it was, if [`will_log_panic`] was asked.
    place: Option<String>,
}

/// Calls code that runs over a connection. The log has a line for its panic.
pub(super) fn catch_job<T>(call: impl FnOnce() -> T) -> Result<T, JobPanic> {
    PLACE.set(PanicPlace::Unknown);
    let called = catch_text(call);
    let place = PLACE.replace(PanicPlace::OfOthers);
    called.map_err(|text| {
        let place = match place {
            PanicPlace::At(place) => Some(place),
            PanicPlace::OfOthers | PanicPlace::Unknown => None,
        };
        JobPanic { text, place }
    })
}

/// Whether a panic that this thread has now gets a line of the log by itself. That line then has
/// this place. So the panic hook of a program with a log does not write a second one.
#[must_use]
pub fn will_log_panic(at: &Location<'_>) -> bool {
    let place = PLACE.replace(PanicPlace::OfOthers);
    let will_log = !matches!(place, PanicPlace::OfOthers);
    if will_log {
        PLACE.set(PanicPlace::At(at.to_string()));
    }
    will_log
}

/// Where the panic of a thread was.
enum PanicPlace {
    /// It runs no code over a connection.
    OfOthers,
    Unknown,
    At(String),
}

impl fmt::Display for JobPanic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a job has panicked")?;
        self.place.iter().try_for_each(|place| write!(f, " at {place}"))?;
        write!(f, ": {}; its connection is replaced", self.text)
    }
}

thread_local! {
    static PLACE: Cell<PanicPlace> = const { Cell::new(PanicPlace::OfOthers) };
}

//! `ProcessesValue`: how many processes a server has.

use std::thread::available_parallelism;

use crate::config::value::numbers::count;
use crate::config::value::words::FieldOf;

/// A number of processes, and its place in a `T`; `cores` are those that this process may use.
pub(crate) struct ProcessesValue<T>(pub(crate) FieldOf<T, usize>);

impl<T> ProcessesValue<T> {
    /// The allowed values, as a text after "allowed is".
    pub(super) const ALLOWED: &'static str = "a number from 1 to 64, or cores";

    pub(super) fn set(&self, target: &mut T, text: &str) -> Option<()> {
        *self.0(target) = match text.eq_ignore_ascii_case("cores") {
            true => available_parallelism().map_or(1, |cores| cores.get().min(PROCESSES_MAX)),
            false => count(text).filter(|count| *count <= PROCESSES_MAX)?,
        };
        Some(())
    }

    pub(super) fn differs(&self, one: &mut T, other: &mut T) -> bool {
        self.0(one) != self.0(other)
    }
}

const PROCESSES_MAX: usize = 64;

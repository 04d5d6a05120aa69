//! `WorkerNumber`: which worker of a program a process is.

use std::fmt;

use crate::service::Context;

/// Which worker of a program a process is, if the program has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerNumber {
    /// Its number, from 0.
    pub number: usize,
    /// How many there are.
    pub len: usize,
}

impl WorkerNumber {
    /// The worker of a context; `None` if it is the only one of its service.
    pub(crate) fn of(context: &Context<'_>) -> Option<Self> {
        let (number, len) = (context.worker(), context.workers());
        (len > 1).then_some(Self { number, len })
    }
}

impl fmt::Display for WorkerNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, len } = self;
        write!(f, "{number}/{len}")
    }
}

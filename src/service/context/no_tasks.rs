//! Stands for `tasks` in builds without the feature `state`: no thread has a task.

use std::convert::Infallible;

use crate::service::context::Context;
use crate::service::link::Wake;
use crate::service::shared_values::SharedValues;

/// The tasks of one run, of which there are none.
#[derive(Debug)]
pub(crate) struct NoTasks(());

/// Nobody has one.
pub(crate) type NoTask = Infallible;

pub(crate) use NoTask as Task;
pub(crate) use NoTasks as RunTasks;

#[expect(clippy::unused_self, reason = "there are no tasks")]
impl NoTasks {
    pub(crate) const fn new(_: &str, _: &SharedValues) -> Self {
        Self(())
    }

    pub(crate) fn wake_by(&self, _: impl FnOnce() -> Wake) {}

    pub(crate) const fn next(&self) -> Option<NoTask> {
        None
    }

    pub(crate) const fn is_empty(&self) -> bool {
        true
    }

    pub(crate) const fn len(&self) -> usize {
        0
    }

    pub(crate) const fn has_waits(&self) -> bool {
        false
    }

    pub(crate) const fn attend(&self) {}
}

impl Context<'_> {
    pub(crate) const fn with_tasks(self, _: NoTasks) -> Self {
        self
    }

    pub(crate) const fn lending(self, _: &NoTasks) -> Self {
        self
    }
}

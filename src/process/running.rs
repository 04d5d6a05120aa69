//! Which processes of a [`Pump`] run.

use crate::process::child::Child;
use crate::process::pump::{ProcessId, Pump};

impl Pump {
    /// The system's number of a program, which leads the process group of the same number.
    #[must_use]
    pub fn leader(&self, id: ProcessId) -> Option<u32> {
        self.children.get(&id.0).map(Child::leader)
    }

    /// How many programs run.
    #[must_use]
    pub fn len(&self) -> usize {
        self.children.len()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }
}

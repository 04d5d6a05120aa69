//! `PendingRequest`: the request of a socket while a program or a file is looked for.

use crate::hub::output::LookupGoal;
use crate::ws::{Head, Target};

/// A request whose path names no service yet.
#[derive(Debug)]
pub(super) struct PendingRequest {
    pub(super) head: Head,
    pub(super) target: Target,
    /// The path without the links on the way, if there are any.
    pub(super) direct: Option<String>,
    /// What an upgrade offers; `None` for a plain request.
    pub(super) protocols: Option<Vec<String>>,
}

impl PendingRequest {
    pub(super) const fn goal(&self) -> LookupGoal {
        if self.protocols.is_some() { LookupGoal::Socket } else { LookupGoal::Page }
    }
}

//! `PendingRequest`: the request of a socket until it is answered, or is that of its service.

use crate::hub::output::LookupGoal;
use crate::service::{PeerInfo, Request};
use crate::ws::{Head, Target, Transport};

/// A request that no service has got yet.
#[derive(Clone, Debug)]
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

    /// The request, as a service sees it.
    pub(super) fn into_request(self, peer: PeerInfo, transport: Transport) -> Request {
        let Self { head, target: Target { path, query, .. }, direct, protocols } = self;
        let path = direct.unwrap_or(path);
        Request::new(head, path, query, peer, protocols.unwrap_or_default(), transport)
    }
}

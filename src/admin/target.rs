//! `AdminTarget`: what carries out requests of operators: the loop of a host, or several processes.

use crate::admin::actions::Actions;
use crate::admin::command::AdminCommand;
#[cfg(feature = "processes")]
use crate::admin::queue::AdminQueue;
#[cfg(feature = "processes")]
use crate::admin::reply::Reply;
use crate::admin::reply::{ReplySlot, ReportPage};
use crate::engine::IoFacts;
use crate::hub::Collection;
use crate::pages::Metrics;
use crate::ws::Response;

/// Carries out requests. Nothing here waits: the answer is a [`Reply`].
pub(super) enum AdminTarget {
    Host(Actions),
    #[cfg(feature = "processes")]
    Processes(AdminQueue),
}

impl AdminTarget {
    /// Asks how long a message to a service may be.
    pub(super) fn find(&self, service: String, reply: ReplySlot) {
        match self {
            Self::Host(actions) => actions.find(service, reply),
            #[cfg(feature = "processes")]
            Self::Processes(queue) => reply.send(Reply::MessageMax(Some(queue.message_bytes_max))),
        }
    }

    /// Begins what is asked for, by a request with this method and target.
    pub(super) fn begin(&self, command: AdminCommand, line: &str, reply: ReplySlot) {
        match self {
            Self::Host(actions) => actions.begin(command, reply),
            #[cfg(feature = "processes")]
            Self::Processes(queue) => queue.push(command, line, reply),
        }
        let _ = line;
    }

    /// Collects on.
    pub(super) fn collect(
        &self,
        page: ReportPage,
        facts: IoFacts,
        more: Box<Collection>,
        reply: ReplySlot,
    ) {
        match self {
            Self::Host(actions) => actions.collect(page, facts, more, reply),
            // They collect for themselves. To drop a slot is a reply.
            #[cfg(feature = "processes")]
            Self::Processes(_) => {}
        }
    }

    /// A page of these metrics.
    pub(super) fn page(&self, page: ReportPage, facts: IoFacts, metrics: Metrics) -> Response {
        match self {
            Self::Host(actions) => actions.page(page, facts, metrics),
            #[cfg(feature = "processes")]
            Self::Processes(_) => Actions::page_of(page, metrics),
        }
    }
}

//! What the thread of the admin listeners waits for: replies, and its end.

use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::Sender;
use mio::Waker;

use crate::engine::IoFacts;
use crate::hub::Collection;
use crate::net::address::ListenAddress;
use crate::pages::Metrics;
use crate::ws::Response;

/// What comes to the thread from others.
#[derive(Debug)]
pub(super) enum AdminNotice {
    /// A reply to the request of a connection.
    Reply(Ticket, Reply),
    /// The host has gone.
    Stop,
}

/// Which request of which connection. No two have the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) place: usize,
    pub(super) number: u64,
}

/// A reply to a request.
#[derive(Debug)]
pub(super) enum Reply {
    /// How long a message to the service may be; `None` if there is no such service.
    MessageMax(Option<usize>),
    /// The answer.
    Answer(Response),
    /// A part of the metrics; the rest is to be asked for.
    More(ReportPage, IoFacts, Box<Collection>),
    /// The metrics.
    Metrics(ReportPage, IoFacts, Box<Metrics>),
    /// There will be none: who should have replied has gone.
    None,
}

impl Reply {
    /// What has been collected for a page.
    pub(super) fn collected(
        page: ReportPage,
        facts: IoFacts,
        collected: Result<Metrics, Box<Collection>>,
    ) -> Self {
        match collected {
            Ok(metrics) => Self::Metrics(page, facts, Box::new(metrics)),
            Err(more) => Self::More(page, facts, more),
        }
    }
}

/// A page made of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReportPage {
    /// `/status`
    Status,
    /// `/metrics`
    Metrics,
}

/// Sends one reply, from any thread. To drop it is a reply, too.
#[derive(Debug)]
pub(super) struct ReplySlot {
    ticket: Ticket,
    notices: Sender<AdminNotice>,
    waker: Arc<Waker>,
    is_used: bool,
}

impl ReplySlot {
    pub(super) const fn new(
        ticket: Ticket,
        notices: Sender<AdminNotice>,
        waker: Arc<Waker>,
    ) -> Self {
        Self { ticket, notices, waker, is_used: false }
    }

    pub(super) fn send(mut self, reply: Reply) {
        self.put(reply);
    }

    fn put(&mut self, reply: Reply) {
        self.is_used = true;
        if self.notices.try_send(AdminNotice::Reply(self.ticket, reply)).is_ok() {
            // If that fails, the thread finds the reply at its next deadline.
            let _ = self.waker.wake();
        }
    }
}

impl Drop for ReplySlot {
    fn drop(&mut self) {
        if !self.is_used {
            self.put(Reply::None);
        }
    }
}

/// Ends the thread when it is dropped, and waits for that.
pub(super) struct RunningAdmin {
    pub(super) notices: Sender<AdminNotice>,
    pub(super) waker: Arc<Waker>,
    pub(super) thread: Option<JoinHandle<()>>,
    pub(super) addresses: Vec<ListenAddress>,
}

impl Drop for RunningAdmin {
    fn drop(&mut self) {
        if self.notices.send(AdminNotice::Stop).is_ok()
            && self.waker.wake().is_ok()
            && let Some(thread) = self.thread.take()
        {
            // It does not panic; if it did, the message has been printed.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for RunningAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunningAdmin")
    }
}

//! `Worker`: a service on a thread of its own. Whatever happens on that thread, a panic in
//! the service's making included, ends that service only.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle, Thread};

use crossbeam_channel::{Receiver, Sender};

use crate::engine::{Event, Exit};
use crate::host::bell::{MailBell, Rung, Tower};
use crate::host::events::EventSender;
use crate::host::factory::RunService;
use crate::hub::{Hub, RunId};
use crate::limits::Limits;
use crate::service::way::{Ends, Parcel, take_spare};
use crate::service::{Inbound, Line, Outbound};
use crate::sys;

/// The host's side of one service that runs.
pub(super) struct Worker {
    run: RunId,
    post: Post,
    batches: Receiver<Parcel<Outbound, Inbound>>,
    /// What is left of the batch in work.
    batch: VecDeque<Outbound>,
    /// A list for the next mail.
    spare: Vec<Inbound>,
    rung: Rung,
    thread: JoinHandle<()>,
}

/// The way of mail to a service. Its thread parks while there is none, or sleeps elsewhere and
/// has said so; unparking one that does not park costs no system call.
struct Post {
    /// `None` once the service has been told to finish.
    mail: Option<Sender<Parcel<Inbound, Outbound>>>,
    doorbell: Arc<MailBell>,
    thread: Thread,
}

/// What a new worker is about.
pub(super) struct Plan<'a> {
    /// Which run of it.
    pub run: RunId,
    /// Its path, for the name of the thread.
    pub path: &'a str,
    /// Its bounds.
    pub limits: &'a Limits,
    /// What it does on its thread.
    pub body: Arc<dyn RunService>,
    /// Where its end is sent.
    pub events: EventSender,
}

impl Worker {
    /// Starts a service.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(plan: Plan<'_>, tower: &Tower) -> io::Result<Self> {
        let Plan { run, path, limits, body, events } = plan;
        let (mail, inbox) = crossbeam_channel::unbounded();
        let (outbox, batches) = crossbeam_channel::bounded(limits.batches_max);
        let (bell, rung) = tower.bell(run.worker);
        let doorbell = Arc::new(MailBell::new());
        let (heard, bell) = (doorbell.clone(), Arc::new(bell));
        let limits = *limits;
        let thread = thread::Builder::new().name(format!("service {path}")).spawn(move || {
            let thread = thread::current().id();
            let tick = sys::tick;
            let ends = Ends { thread, mail: inbox, doorbell: heard, batches: outbox, bell, tick };
            let how = body.run(Line::new(ends, &limits), &limits);
            events.send(Event::Ended(Exit { run, how }));
        })?;
        let post = Post { mail: Some(mail), doorbell, thread: thread.thread().clone() };
        let (batch, spare) = (VecDeque::new(), Vec::new());
        Ok(Self { run, post, batches, batch, spare, rung, thread })
    }

    /// Passes on the mail that is there for the service, if it is for this run.
    pub(super) fn deliver(&mut self, hub: &mut Hub) {
        let (run, batch) = hub.swap_mail(self.run.worker, std::mem::take(&mut self.spare));
        if run == self.run {
            self.post.send(Parcel { batch, spare: take_spare(&mut self.batch) });
        }
    }

    /// Tells the service to finish, once it has taken its mail.
    pub(super) fn finish(&mut self) {
        self.post.end();
    }

    /// Wakes the service for something else than mail, which it finds then.
    pub(super) fn wake(&self) {
        self.post.ring();
    }

    /// Begins the next batch of the service, once the last one is done. Gives back whether
    /// there is anything to do.
    pub(super) fn begin_batch(&mut self) -> bool {
        if self.batch.is_empty()
            && let Ok(Parcel { batch, spare }) = self.batches.try_recv()
        {
            self.batch = batch.into();
            if spare.capacity() > self.spare.capacity() {
                self.spare = spare;
            }
        }
        !self.batch.is_empty()
    }

    /// The transactions of the batch that are left to be applied.
    pub(super) fn transactions(&mut self) -> impl Iterator<Item = Outbound> {
        std::iter::from_fn(|| self.batch.pop_front())
    }

    /// Whether there is more to do.
    #[must_use]
    pub(super) fn has_more(&self) -> bool {
        !self.batch.is_empty() || !self.batches.is_empty()
    }

    /// This run.
    #[must_use]
    pub(super) const fn run(&self) -> RunId {
        self.run
    }

    /// The loop's side of its bell.
    #[must_use]
    pub(super) const fn rung(&self) -> &Rung {
        &self.rung
    }

    /// The thread of a worker whose exit has been told. It may still be busy with its end.
    pub(super) fn into_thread(self) -> JoinHandle<()> {
        self.thread
    }
}

impl Post {
    /// Hands over mail. A service that has ended takes none; its exit is on its way.
    fn send(&self, parcel: Parcel<Inbound, Outbound>) {
        if self.mail.as_ref().is_some_and(|mail| mail.try_send(parcel).is_ok()) {
            self.ring();
        }
    }

    /// No mail follows.
    fn end(&mut self) {
        if self.mail.take().is_some() {
            self.ring();
        }
    }

    /// Wakes the service, wherever it sleeps.
    fn ring(&self) {
        if !self.doorbell.ring() {
            self.thread.unpark();
        }
    }
}

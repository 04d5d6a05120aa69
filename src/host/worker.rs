//! `Worker`: a service on a thread of its own. A panic on that thread, even while the service is
//! made, ends that service only.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle, Thread};

use crossbeam_channel::{Receiver, Sender};

use crate::engine::{HostEvent, OwnBatches, RunExit};
use crate::host::events::EventSender;
use crate::host::factory::RunService;
use crate::host::thread::spawn;
use crate::host::wake::{MailWaker, WakeFlag, WakeQueue};
use crate::hub::{Hub, RunId};
use crate::limits::Limits;
use crate::service::context::RunTasks;
use crate::service::link::{Batch, SentBytes, ThreadLink, take_spare};
use crate::service::sender_queue::SenderSource;
use crate::service::shared_values::SharedValues;
use crate::service::thread_mark::mark_service;
use crate::service::{Context, Inbound, Outbound};
use crate::sys;

/// The host's side of one running service.
pub(super) struct Worker {
    run: RunId,
    post: MailSender,
    batches: Receiver<Batch>,
    /// The rest of the batch that is being applied.
    batch: VecDeque<Outbound>,
    /// What the service has sent in batches, and what of that has come, in bytes.
    sent: SentBytes,
    received: usize,
    /// An empty list for the next mail.
    spare: Vec<Inbound>,
    wake_flag: WakeFlag,
    thread: WorkerThread,
}

/// The thread of a service.
pub(super) struct WorkerThread {
    handle: JoinHandle<()>,
    /// Another one is held by the thread, up to its end.
    held: Arc<()>,
}

thread_local! {
    /// What each thread of a service holds. It is dropped last, since it is there first.
    static HELD: OnceCell<Arc<()>> = const { OnceCell::new() };
}

/// The channel for mail to a service. Its thread parks while there is none, or sleeps elsewhere and
/// has set its flag. Unparking a thread that is not parked costs no system call.
struct MailSender {
    /// `None` once the service has been asked to finish.
    mail: Option<Sender<Batch>>,
    mail_waker: Arc<MailWaker>,
    thread: Thread,
}

/// The parameters of a new worker.
pub(super) struct WorkerPlan<'a> {
    /// Its run.
    pub run: RunId,
    /// Its number, and how many workers the service has.
    pub number: [usize; 2],
    /// Its path, for the name of the thread.
    pub path: &'a str,
    /// Its bounds.
    pub limits: &'a Limits,
    /// The code of its thread.
    pub body: Arc<dyn RunService>,
    /// Where its end is sent.
    pub events: EventSender,
    /// The queue of its senders.
    pub senders: SenderSource,
    /// What it finds by name.
    pub values: &'a SharedValues,
}

impl Worker {
    /// Starts a service.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(plan: WorkerPlan<'_>, wake_queue: &WakeQueue) -> io::Result<Self> {
        let WorkerPlan { run, number, path, limits, body, events, senders, values } = plan;
        let (mail, inbox) = crossbeam_channel::unbounded();
        let (outbox, batches) = crossbeam_channel::bounded(limits.batches_max);
        let (host_waker, wake_flag) = wake_queue.service_waker(run.worker);
        let mail_waker = Arc::new(MailWaker::new());
        let (heard, host_waker) = (mail_waker.clone(), Arc::new(host_waker));
        let limits = *limits;
        let sent = SentBytes::default();
        let (sends, held) = (sent.clone(), Arc::new(()));
        let holds = held.clone();
        let tasks = RunTasks::new(path, values);
        let handle = spawn(format!("service {path}"), move || {
            let _ = HELD.with(|held| held.set(holds));
            mark_service();
            let thread = thread::current().id();
            let tick = sys::tick;
            tasks.wake_by(|| {
                let thread = thread::current();
                Box::new(move || thread.unpark())
            });
            let ends = ThreadLink {
                thread,
                mail: inbox,
                mail_waker: heard,
                batches: outbox,
                sent: sends,
                host_waker,
                tick,
                senders,
            };
            let context = Context::new(ends, &limits).with_tasks(tasks).with_number(number);
            let end = body.run(context, &limits);
            events.send(HostEvent::Ended(RunExit { run, end }));
        })?;
        let post = MailSender { mail: Some(mail), mail_waker, thread: handle.thread().clone() };
        let thread = WorkerThread { handle, held };
        let (batch, spare) = (VecDeque::new(), Vec::new());
        Ok(Self { run, post, batches, batch, sent, received: 0, spare, wake_flag, thread })
    }

    /// Passes on the mail that is there for the service, if it is for this run.
    pub(super) fn deliver(&mut self, hub: &mut Hub) {
        let (run, inbound) = hub.swap_mail(self.run.worker, std::mem::take(&mut self.spare));
        if run == self.run {
            let outbound = take_spare(&mut self.batch);
            self.post.send(Batch { inbound, outbound, bytes: 0 });
        }
    }

    /// Asks the service to finish, once it has taken its mail.
    pub(super) fn finish(&mut self) {
        self.post.end();
    }

    /// Wakes the service for something else than mail, which it finds then.
    pub(super) fn wake(&self) {
        self.post.wake_service();
    }

    /// Begins the next batch of the service, once the last one is done. Returns whether there is
    /// anything to do.
    pub(super) fn begin_batch(&mut self) -> bool {
        if self.batch.is_empty()
            && let Ok(Batch { inbound, outbound, bytes }) = self.batches.try_recv()
        {
            self.received = self.received.wrapping_add(bytes);
            self.batch = outbound.into();
            if inbound.capacity() > self.spare.capacity() {
                self.spare = inbound;
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

    /// The batches that it has sent.
    #[must_use]
    pub(super) fn batches(&self) -> OwnBatches {
        if self.batch.is_empty() {
            return OwnBatches::Waiting(self.batches.len());
        }
        OwnBatches::Begun
    }

    /// How many bytes are in batches that have not been begun.
    #[must_use]
    pub(super) fn batch_bytes(&self) -> usize {
        self.sent.under_way(self.received)
    }

    /// This run.
    #[must_use]
    pub(super) const fn run(&self) -> RunId {
        self.run
    }

    /// The loop's side of its waker.
    #[must_use]
    pub(super) const fn wake_flag(&self) -> &WakeFlag {
        &self.wake_flag
    }

    /// The thread of a worker that has reported its exit. It may still run for a moment.
    pub(super) fn into_thread(self) -> WorkerThread {
        self.thread
    }
}

impl WorkerThread {
    /// Whether all is dropped that was kept for it, which `JoinHandle::is_finished` does not tell.
    #[must_use]
    pub(super) fn has_ended(&self) -> bool {
        Arc::strong_count(&self.held) == 1
    }

    /// Waits for its end.
    pub(super) fn join(self) {
        // A panic was caught on the thread itself.
        let _ = self.handle.join();
    }
}

impl MailSender {
    /// Sends mail. If the service has ended, the mail is dropped: its exit is already in the queue.
    fn send(&self, batch: Batch) {
        if self.mail.as_ref().is_some_and(|mail| mail.try_send(batch).is_ok()) {
            self.wake_service();
        }
    }

    /// Closes the channel: no mail follows.
    fn end(&mut self) {
        if self.mail.take().is_some() {
            self.wake_service();
        }
    }

    /// Wakes the service, wherever it sleeps.
    fn wake_service(&self) {
        if !self.mail_waker.wake() {
            self.thread.unpark();
        }
    }
}

//! `LoopService`: a service on the loop. It is called with its mail in place, and what it sends is
//! applied to the hub at once, without a channel or another thread. So a callback can only fill
//! outboxes, which have limits.

use std::time::Duration;

use crate::engine::{CallResult, RunExit};
use crate::host::budget::{CallbackBudget, with_untold};
use crate::host::factory::Make;
use crate::host::loop_service::pinned::PinnedService;
use crate::hub::{Hub, RunEnd, RunId, Subject};
use crate::limits::Limits;
use crate::service::context::RunTasks;
use crate::service::link::{Apply, KnowOutboxes};
use crate::service::{
    Callbacks, Context, Inbound, Outbound, SenderSource, SenderTable, SocketId, TakenMail,
};
use crate::time::Time;
use crate::ws::Message;

/// The host's side of one running service on the loop.
#[derive(Debug)]
pub(super) struct LoopService {
    run: RunId,
    limits: Limits,
    service: PinnedService,
    /// Mail that it has not been called with yet, the last one first.
    mail: Vec<Inbound>,
    interval: Option<Duration>,
    /// Whether the interval has passed.
    ticks: bool,
    /// Whether it was asked to finish. It finishes after its mail.
    finishes: bool,
    budget: CallbackBudget,
    senders: SenderSource,
    /// What other threads have it do.
    tasks: RunTasks,
}

impl LoopService {
    /// Starts a service, and admits the sockets that wait for it.
    ///
    /// # Errors
    /// The text of its panic.
    pub(super) fn start(
        make: &Make<dyn Callbacks>,
        run: RunId,
        tasks: RunTasks,
        sender_table: SenderTable,
        hub: &mut Hub,
        now: Time,
    ) -> Result<Self, RunEnd> {
        let limits = *hub.limits_of(run.worker);
        let senders = sender_table.source(run.worker.index(), &limits);
        let mut budget = CallbackBudget::new(&limits);
        let mut direct = LoopLink { hub, run, now, left: usize::MAX, applies: false };
        budget.begin();
        tasks.attend();
        let made = PinnedService::make(make, |service| {
            let mut context =
                Context::on_loop(&mut direct, senders.lend(), &limits).lending(&tasks);
            context.apply(Outbound::Ready(service.admission()));
            service.start(&mut context);
            interval_of(service)
        });
        direct.assert_sound(&made);
        budget.count();
        warn(hub, run, &mut budget);
        let (service, interval) = made?;
        let mail = Vec::new();
        let (ticks, finishes) = (false, false);
        Ok(Self { run, limits, service, mail, interval, ticks, finishes, budget, senders, tasks })
    }

    /// Calls the service with its mail, up to its share of a turn. `left` deliveries are left of
    /// that.
    pub(super) fn call(&mut self, hub: &mut Hub, left: &mut usize, now: Time) -> CallResult {
        let has_more = self.take_mail(hub);
        let Self { run, limits, .. } = *self;
        // A reload may have changed it.
        self.budget.set_max(hub.limits_of(run.worker));
        let mut direct = LoopLink { hub, run, now, left: *left, applies: false };
        let mut taken = TakenMail::default();
        self.budget.begin();
        let called = self.service.call(|service| {
            let mut context =
                Context::on_loop(&mut direct, self.senders.lend(), &limits).lending(&self.tasks);
            if std::mem::take(&mut self.ticks) {
                service.tick(&mut context);
                self.budget.count();
            }
            let mut tasks_left = self.tasks.len();
            loop {
                // A task and a transaction take turns.
                if let Some(left) = tasks_left.checked_sub(1)
                    && let Some(task) = self.tasks.next()
                {
                    tasks_left = left;
                    service.run_task(&mut context, task);
                    self.budget.count();
                    if self.mail.is_empty() && !context.is_spent() && !self.budget.is_over() {
                        continue;
                    }
                }
                let next = next_transaction(&mut context, &mut self.mail, &mut taken);
                let Some(transaction) = next else { break };
                service.receive(&mut context, transaction);
                taken.put_down();
                self.budget.count();
                // Never before the first delivery: otherwise slow ticks would keep all mail
                // waiting.
                if context.is_spent() || self.budget.is_over() {
                    break;
                }
            }
            let is_over = self.finishes && !self.tasks.has_waits();
            let ends = is_over && self.mail.is_empty() && !has_more;
            if ends {
                service.stop(&mut context);
                self.budget.count();
            }
            self.interval = interval_of(service);
            ends
        });
        direct.assert_sound(&called);
        if let (Some((messages, bytes)), Ok(_)) = (taken.report(), &called) {
            direct.apply(Outbound::Taken { messages, bytes });
        }
        *left = direct.left;
        warn(hub, run, &mut self.budget);
        match called {
            Err(end) => CallResult::Ended(RunExit { run, end }),
            Ok(true) => CallResult::Ended(RunExit { run, end: RunEnd::Finished }),
            Ok(false) if !self.tasks.is_empty() => CallResult::More,
            Ok(false) if self.mail.is_empty() && !has_more => CallResult::Done,
            Ok(false) => CallResult::More,
        }
    }

    /// Drops the service. Returns `end`, or the panic of the drop.
    pub(super) fn end(self, end: RunEnd) -> RunEnd {
        self.service.end().err().unwrap_or(end)
    }

    /// The interval of its ticks. Each call may change it.
    pub(super) const fn interval(&self) -> Option<Duration> {
        self.interval
    }

    /// Its next call includes a tick.
    pub(super) const fn set_tick(&mut self) {
        self.ticks = true;
    }

    /// Lets it finish after its mail.
    pub(super) const fn finish(&mut self) {
        self.finishes = true;
    }

    /// Takes the mail from the hub if none is left. The hub gets the used list, unless that has
    /// grown large. Otherwise the hub keeps it, since what is left must not be moved in each turn.
    /// Returns whether the hub has more.
    fn take_mail(&mut self, hub: &mut Hub) -> bool {
        let Self { run, mail, .. } = self;
        if !mail.is_empty() {
            return hub.has_mail(run.worker);
        }
        let is_spare = mail.capacity() <= SPARE_LEN_MAX;
        let spare = if is_spare { std::mem::take(mail) } else { Vec::new() };
        *mail = hub.swap_mail(run.worker, spare).1;
        mail.reverse();
        false
    }
}

/// What a service on the loop sends to.
struct LoopLink<'a> {
    hub: &'a mut Hub,
    run: RunId,
    now: Time,
    /// How many deliveries the turn still allows.
    left: usize,
    /// Whether the hub applies a transaction at the moment.
    applies: bool,
}

impl LoopLink<'_> {
    /// A panic in the hub, during a call of the service, is not caught as one of the service: the
    /// state of the hub is invalid then.
    fn assert_sound<T>(&self, called: &Result<T, RunEnd>) {
        if let (true, Err(end)) = (self.applies, called) {
            panic!("the hub cannot apply what a service has sent: {end}");
        }
    }
}

impl Apply for LoopLink<'_> {
    fn apply(&mut self, transaction: Outbound) {
        self.applies = true;
        let deliveries = self.hub.apply_one(self.run, transaction, self.now);
        self.left = self.left.saturating_sub(deliveries);
        self.applies = false;
    }

    fn send(&mut self, to: SocketId, message: Message) {
        self.applies = true;
        let deliveries = self.hub.send_one(self.run, to, message, self.now);
        self.left = self.left.saturating_sub(deliveries);
        self.applies = false;
    }

    fn is_spent(&self) -> bool {
        self.left == 0
    }
}

impl KnowOutboxes for LoopLink<'_> {
    fn unsent_len(&self, id: SocketId) -> usize {
        self.hub.unsent_len(id)
    }
}

/// What the service is called with next: before its mail, what it has kept for later.
#[inline]
fn next_transaction(
    context: &mut Context<'_>,
    mail: &mut Vec<Inbound>,
    taken: &mut TakenMail,
) -> Option<Inbound> {
    if let Some(transaction) = context.released() {
        taken.pick_up_kept(&transaction);
        return Some(transaction);
    }
    loop {
        if let Some(transaction) = context.keep(mail.pop()?) {
            taken.pick_up(&transaction);
            return Some(transaction);
        }
        taken.keep();
    }
}

fn interval_of(service: &dyn Callbacks) -> Option<Duration> {
    service.tick_interval().filter(|interval| !interval.is_zero())
}

fn warn(hub: &mut Hub, run: RunId, budget: &mut CallbackBudget) {
    match budget.take_slow_len() {
        0 => {}
        slow_len => hub.count_slow_callbacks(run.worker, slow_len),
    }
    if let Some(slow) = budget.end() {
        let text = format!(
            "a callback on the loop took at least {} ms, while everybody waited; allowed are {} ms \
             (max-callback): such a service needs a thread of its own",
            slow.ms, slow.ms_max
        );
        let text = with_untold(text, slow.untold_len);
        Subject::service(hub.path_of(run.worker)).warn(format_args!("{text}"));
    }
}

/// A list that has grown longer is dropped after use, and not kept for the next burst.
const SPARE_LEN_MAX: usize = 1_024;

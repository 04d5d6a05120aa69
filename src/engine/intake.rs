//! `Intake`: what senders have sent, between their queues and the hub. It decides whether a batch
//! of a service or that of its senders is applied next. Without the feature `senders`, `no_intake`
//! stands for this file.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::engine::batches::{NextBatch, OwnBatches};
use crate::hub::{Hub, WorkerId};
use crate::service::{Outbound, SenderQueue, SenderTable};
use crate::time::Time;

/// What the senders of all services have sent.
#[derive(Debug)]
pub struct Intake {
    table: SenderTable,
    /// By the index of the worker, for services whose senders have sent something.
    sides: Vec<Option<SenderBatch>>,
}

/// What the senders of one service have sent.
#[derive(Debug)]
struct SenderBatch {
    queue: Arc<SenderQueue>,
    /// What was taken from the queue, and is to be applied.
    taken: VecDeque<Outbound>,
    /// How many batches of the service are to be begun before that.
    ahead: usize,
    /// Whether it is applied next.
    is_next: bool,
    /// How many transactions, from the first that was taken on, a clean stop waits for.
    stop_awaits: usize,
}

impl Intake {
    /// What was sent to the queues of this table; nothing so far.
    #[must_use]
    pub fn new(table: &SenderTable) -> Self {
        Self { table: table.clone(), sides: Vec::new() }
    }

    /// Something was sent for a service: by itself, or by its senders.
    pub fn hear(&mut self, worker: WorkerId) {
        if self.table.is_used() && self.side(worker).is_none() {
            self.find(worker);
        }
    }

    /// Which batch of a service is to be begun, or goes on. `own` looks at those of the service
    /// itself. It is called after the queue was taken, so that it finds what the service had sent
    /// before other threads did. That is applied first.
    pub fn begin(&mut self, worker: WorkerId, own: impl Fn() -> OwnBatches) -> NextBatch {
        let Some(side) = self.side(worker) else { return NextBatch::Own };
        side.is_next = false;
        let mut batches = own();
        if batches != OwnBatches::Begun && side.taken.is_empty() {
            side.queue.take(&mut side.taken);
            batches = own();
            side.ahead = if let OwnBatches::Waiting(len) = batches { len } else { 0 };
        }
        match batches {
            OwnBatches::Begun => return NextBatch::Own,
            OwnBatches::Waiting(1..) if side.ahead > 0 => {
                side.ahead -= 1;
                return NextBatch::Own;
            }
            // A run that has ended left none.
            OwnBatches::Waiting(_) if side.taken.is_empty() => return NextBatch::Own,
            OwnBatches::Waiting(_) => side.is_next = true,
        }
        NextBatch::Senders
    }

    /// Applies what the senders of a service have sent, if [`Intake::begin`] has said so, up to
    /// `left` deliveries. Returns how many of them are left; `None` if it has not.
    pub fn apply(
        &mut self,
        worker: WorkerId,
        hub: &mut Hub,
        left: usize,
        now: Time,
    ) -> Option<usize> {
        let side = self.side(worker).filter(|side| side.is_next)?;
        let (mut bytes, mut len) = (0, 0);
        let mut batch = std::iter::from_fn(|| {
            let transaction = side.taken.pop_front()?;
            bytes += transaction.batch_bytes();
            len += 1;
            Some(transaction)
        });
        let left = hub.apply_for(worker, &mut batch, left, now);
        side.stop_awaits = side.stop_awaits.saturating_sub(len);
        side.queue.release(bytes, hub.limits_of(worker).sender_bytes_max());
        Some(left)
    }

    /// Whether the senders of a service have sent more than was applied.
    #[must_use]
    pub fn has_more(&self, worker: WorkerId) -> bool {
        let side = self.sides.get(worker.index()).and_then(Option::as_ref);
        side.is_some_and(|side| !side.taken.is_empty() || side.queue.is_announced())
    }

    /// Has a clean stop wait for all that was sent before it. Returns whether there is any.
    pub fn hold_stop(&mut self) -> bool {
        for queue in self.table.all() {
            let worker = WorkerId::new(queue.worker());
            self.find(worker);
            if let Some(side) = self.side(worker) {
                side.stop_awaits = side.taken.len() + side.queue.len();
            }
        }
        self.holds_stop()
    }

    /// Whether a clean stop waits.
    #[must_use]
    pub fn holds_stop(&self) -> bool {
        self.sides.iter().flatten().any(|side| side.stop_awaits > 0)
    }

    /// How many bytes wait to be applied.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.table.all().iter().map(|queue| queue.bytes() as u64).sum()
    }

    /// The host has ended: senders get errors.
    pub fn close(&self) {
        self.table.close();
    }

    fn side(&mut self, worker: WorkerId) -> Option<&mut SenderBatch> {
        self.sides.get_mut(worker.index())?.as_mut()
    }

    fn find(&mut self, worker: WorkerId) {
        let Some(queue) = self.table.find(worker.index()) else { return };
        if self.sides.len() <= worker.index() {
            self.sides.resize_with(worker.index() + 1, || None);
        }
        self.sides[worker.index()].get_or_insert_with(|| SenderBatch {
            queue,
            taken: VecDeque::new(),
            ahead: 0,
            is_next: false,
            stop_awaits: 0,
        });
    }
}

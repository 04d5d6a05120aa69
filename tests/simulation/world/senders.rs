//! Other threads that send to the sockets of services, over the queues of the library. What was
//! accepted is applied once, in the order in which it was accepted, behind what its service had
//! sent before, and before a stop that was asked for later.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use switchboard::engine::{Intake, NextBatch, OwnBatches};
use switchboard::hub::{Hub, WorkerId};
use switchboard::service::{SenderTable, WakeForSenders};
use switchboard::{SendError, ServiceSender};

use super::service::{Order, Whom, Worker};
use super::{Simulation, World};

/// The senders of a world.
pub struct Senders {
    intake: Option<Intake>,
    announced: Arc<Announced>,
    threads: Vec<SenderThread>,
    /// What was accepted and is not applied, by place.
    accepted: Vec<Accepted>,
}

/// Workers whose senders have woken the loop.
#[derive(Default)]
struct Announced(Mutex<Vec<usize>>);

impl WakeForSenders for Announced {
    fn wake_for_senders(&self, worker: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
    }
}

/// A thread that sends.
struct SenderThread {
    place: usize,
    sender: ServiceSender,
    /// What it could not send the last time.
    unsent: Option<Order>,
    /// How much more it sends.
    left: usize,
    topic: u8,
}

/// What was accepted for the sockets of a service.
#[derive(Default)]
struct Accepted {
    orders: VecDeque<Sent>,
    bytes: usize,
    /// How many of these were accepted before a stop was asked for.
    before_stop: usize,
}

struct Sent {
    order: Order,
    bytes: usize,
    /// Which run of the service it was then, and how many batches that had sent.
    run: u32,
    flushed: u64,
}

impl Simulation {
    /// The same, where other threads send to the sockets of its services, some of which are on the
    /// loop.
    pub fn with_senders(mut self) -> Self {
        let world = &mut self.world;
        for (number, place) in world.places.iter_mut().enumerate() {
            place.is_on_loop = number % 3 == 1 && !place.has_crew;
        }
        let announced = world.senders.announced.clone();
        let table = SenderTable::new(|| announced);
        for _ in 0..1 + world.chooser.below(4) {
            let place = world.places[world.chooser.below(world.places.len())].first;
            let of = &world.places[place];
            let worker = of.worker_id.expect("it is mounted");
            let sender = ServiceSender::of(&table.source(worker.index(), &of.limits));
            let left = world.chooser.pick(&[300, 40, 1_000]);
            world.senders.threads.push(SenderThread {
                place,
                sender,
                unsent: None,
                left,
                topic: 0,
            });
        }
        world.senders.accepted = world.places.iter().map(|_| Accepted::default()).collect();
        world.senders.intake = Some(Intake::new(&table));
        self
    }
}

impl Senders {
    pub fn none() -> Self {
        let (threads, accepted) = (Vec::new(), Vec::new());
        Self { intake: None, announced: Arc::default(), threads, accepted }
    }

    pub fn hold_stop(&mut self) -> bool {
        self.intake.as_mut().is_some_and(Intake::hold_stop)
    }

    pub fn holds_stop(&self) -> bool {
        self.intake.as_ref().is_some_and(Intake::holds_stop)
    }

    /// A stop is asked for.
    pub fn note_stop(&mut self) {
        for of in &mut self.accepted {
            of.before_stop = of.orders.len();
        }
    }

    /// A stop begins.
    pub fn check_stop(&self) {
        for of in &self.accepted {
            assert_eq!(of.before_stop, 0, "a stop begins behind what was sent before it");
        }
    }

    /// The world is over; by a stop, the last turn may leave what was sent after that.
    pub fn check_end(&self, stops: bool) {
        let is_applied = self.accepted.iter().all(|of| of.orders.is_empty());
        assert!(stops || is_applied, "what was accepted is applied");
    }
}

impl World {
    /// Threads send, each as much as it likes and as its queue takes.
    pub(super) fn senders_act(&mut self) {
        let mut threads = mem::take(&mut self.senders.threads);
        for thread in &mut threads {
            if thread.left > 0 && self.chooser.once_in(3) {
                for _ in 0..self.chooser.pick(&[1, 3, 60]) {
                    if !self.sender_acts(thread) {
                        break;
                    }
                }
            }
        }
        self.senders.threads = threads;
        let announced = mem::take(
            &mut *self.senders.announced.0.lock().unwrap_or_else(PoisonError::into_inner),
        );
        for worker in announced {
            let worker = WorkerId::new(worker);
            let place = self.place_of(worker);
            if let Some(intake) = &mut self.senders.intake {
                intake.hear(worker);
            }
            self.inbox.add_sender(place);
        }
    }

    /// A thread sends once. Returns whether it could.
    fn sender_acts(&mut self, thread: &mut SenderThread) -> bool {
        let order = match thread.unsent.take() {
            Some(order) => order,
            None => self.wish(thread),
        };
        let place = &self.places[thread.place];
        let (run, worker) = (place.run, place.worker.as_ref().filter(|_| !place.is_on_loop));
        let flushed = worker.map_or(0, |worker| worker.flushed);
        let limits = place.limits;
        let of = &mut self.senders.accepted[thread.place];
        let is_full = of.bytes >= limits.sender_bytes_max();
        match thread.sender.try_apply(order.outbound()) {
            Ok(()) => {
                assert!(!is_full, "the queue is bounded");
                let bytes = order.outbound().batch_bytes();
                of.bytes += bytes;
                of.orders.push_back(Sent { order, bytes, run, flushed });
                thread.left -= 1;
                thread.left > 0
            }
            Err(SendError::Full(transaction)) => {
                assert!(is_full, "a queue with capacity takes what is sent");
                assert_eq!(transaction.batch_bytes(), order.outbound().batch_bytes());
                self.tally.fulls += 1;
                thread.unsent = Some(order);
                false
            }
            Err(SendError::Closed(_)) => panic!("the host goes on"),
        }
    }

    /// What a thread wants to send.
    fn wish(&mut self, thread: &mut SenderThread) -> Order {
        thread.topic = (thread.topic + 1) % 12;
        let topic = thread.topic;
        let len = self.chooser.pick(&[20, 4, 126, 500]).min(self.limits.message_bytes_max);
        let known = |index: &usize| {
            let record = self.links[*index].record.as_ref();
            record.is_some_and(|record| record.opened)
        };
        let known: Vec<_> = self.live.iter().copied().filter(known).collect();
        if known.is_empty() {
            return self.message(Whom::All, len);
        }
        let index = known[self.chooser.below(known.len())];
        let id = self.links[index].record.as_ref().expect("it is known").id;
        match self.chooser.below(40) {
            0 => Order::Close { to: Whom::One(id), code: 3003 },
            1 | 2 => Order::Subscribe { id, topic },
            3 => Order::Unsubscribe { id, topic },
            4 => Order::Label { id, number: 3 },
            5 => Order::Resume { id },
            6..9 => self.message(Whom::All, len),
            9 => self.message(Whom::AllBut(id), len),
            10..14 => self.message(Whom::Topic(topic), len),
            14 => self.message(Whom::Many(vec![id]), len),
            _ => self.message(Whom::One(id), len),
        }
    }

    fn message(&mut self, to: Whom, len: usize) -> Order {
        self.serial += 1;
        let serial = self.serial;
        Order::Send { to, slows: None, serial, len, is_text: !serial.is_multiple_of(3) }
    }

    /// Begins the next batch of a service or of its senders.
    pub(super) fn begin_next(&mut self, place: usize, worker: WorkerId) -> bool {
        let of = &self.places[place];
        let own = || match of.worker.as_ref().filter(|_| !of.is_on_loop) {
            Some(Worker { batch, .. }) if batch.len() > 0 => OwnBatches::Begun,
            Some(Worker { queue, .. }) => OwnBatches::Waiting(queue.len()),
            None => OwnBatches::Waiting(0),
        };
        let intake = self.senders.intake.as_mut();
        if intake.is_some_and(|intake| intake.begin(worker, own) == NextBatch::Senders) {
            return true;
        }
        !self.places[place].is_on_loop && self.begin(place)
    }

    /// Applies what senders have sent, if it is their turn; returns how many deliveries are left.
    pub(super) fn apply_sent(
        &mut self,
        hub: &mut Hub,
        place: usize,
        worker: WorkerId,
        mut left: usize,
    ) -> Option<usize> {
        let mut is_their_turn = false;
        while left > 0 {
            let Some(next) = self.senders.accepted.get(place).and_then(|of| of.orders.front())
            else {
                break;
            };
            let before = self.look(hub, place, &next.order);
            let unsent = self.all_unsent(hub);
            let (intake, now) = (self.senders.intake.as_mut()?, self.now);
            let waited = intake.bytes();
            // One delivery is allowed: so this is one transaction, if the service runs.
            if intake.apply(worker, hub, 1, now).is_none() {
                break;
            }
            is_their_turn = true;
            let released = usize::try_from(waited - intake.bytes()).expect("they are in memory");
            if released == 0 {
                break;
            }
            left -= 1;
            self.inbox.moved = true;
            for at in 0..self.live.len() {
                self.note_unread(hub, self.live[at]);
            }
            let sent = self.pop_sent(place, released);
            match sent.as_slice() {
                [sent] if self.runs(place) => {
                    self.check_order(hub, place, &sent.order, &before);
                }
                _ => {
                    assert_eq!(self.all_unsent(hub), unsent, "a service that rests has nobody");
                    #[cfg(feature = "processes")]
                    self.check_all_shared(place, sent.iter().map(|sent| &sent.order));
                }
            }
        }
        is_their_turn.then_some(left)
    }

    /// What has just been applied, by its bytes.
    fn pop_sent(&mut self, place: usize, mut released: usize) -> Vec<Sent> {
        let (of, at) = (&mut self.senders.accepted[place], &self.places[place]);
        let mut sent = Vec::new();
        while released > 0 {
            let next = of.orders.pop_front().expect("it was accepted");
            released = released.checked_sub(next.bytes).expect("it is applied as it was accepted");
            of.bytes -= next.bytes;
            of.before_stop = of.before_stop.saturating_sub(1);
            self.tally.sent += 1;
            let worker = at.worker.as_ref().filter(|of| of.run == next.run && !at.is_on_loop);
            let is_behind = worker.is_none_or(|of| of.begun >= next.flushed);
            assert!(is_behind, "what a service has sent before is ahead");
            sent.push(next);
        }
        sent
    }

    pub(super) fn has_sent_more(&self, worker: WorkerId) -> bool {
        let has_more = self.senders.intake.as_ref().is_some_and(|of| of.has_more(worker));
        if has_more {
            self.places[self.place_of(worker)].cut_turn.set(self.turns);
        }
        has_more
    }
}

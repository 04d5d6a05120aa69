//! No wake-up is lost between services and the loop, either way: `src/host/wake.rs` itself,
//! compiled over the parts of a model checker, in every order in which its threads can meet and
//! with every value that the memory may show them. A thread that would sleep for ever is a
//! deadlock, which the checker reports.
//!
//! The channels here promise less than real ones: an item is seen with what its sender did
//! before, and nothing else is ordered.
// Where the model checker runs, see Cargo.toml.
#![cfg(feature = "host")]
#![cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), target_pointer_width = "64"))]

#[path = "../src/host/wake.rs"]
mod wake;

use std::env;
use std::process::Command;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use host::sync::{Receiver, Waker, unbounded};
use hub::WorkerId;
use service::link::{WakeHost as _, WakeService as _};
use wake::{LoopWaker, MailWaker, WakeFlag, WakeQueue};

/// What the file says of other files, as far as it needs it.
mod hub {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct WorkerId(pub usize);
}

mod service {
    pub mod link {
        pub trait WakeHost {
            fn wake(&self);
        }

        pub trait WakeService {
            fn connect(&self, wake: Wake);
            fn begin_sleep(&self);
            fn end_sleep(&self);
        }

        pub type Wake = Box<dyn Fn() + Send + Sync>;
    }
}

/// The parts, as `src/host/sync.rs` has the real ones.
mod host {
    pub mod panic {
        /// No waker here panics; one that did would end its test.
        pub fn catch_panic<T>(call: impl FnOnce() -> T) -> Result<T, &'static str> {
            Ok(call())
        }
    }

    pub mod sync {
        use std::io;
        use std::marker::PhantomData;

        pub use loom::sync::Arc;
        use loom::sync::atomic::AtomicUsize;
        pub use loom::sync::atomic::{AtomicBool, Ordering};
        use loom::sync::{Condvar, Mutex};

        use crate::hub::WorkerId;

        /// What may be sent, as a number.
        pub trait Item {
            fn number(&self) -> usize;
            fn of(number: usize) -> Self;
        }

        impl Item for WorkerId {
            fn number(&self) -> usize {
                self.0
            }

            fn of(number: usize) -> Self {
                Self(number)
            }
        }

        /// A batch of a service.
        impl Item for () {
            fn number(&self) -> usize {
                0
            }

            fn of(_: usize) -> Self {}
        }

        #[derive(Debug)]
        struct Channel {
            put: AtomicUsize,
            /// The number of an item and 1; or 0, as long as there is none.
            slots: [AtomicUsize; SLOTS],
        }

        #[derive(Clone, Debug)]
        pub struct Sender<T>(Arc<Channel>, PhantomData<T>);

        #[derive(Debug)]
        pub struct Receiver<T>(Arc<Channel>, AtomicUsize, PhantomData<T>);

        pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
            let slots = [(); SLOTS].map(|()| AtomicUsize::new(0));
            let channel = Arc::new(Channel { put: AtomicUsize::new(0), slots });
            (
                Sender(channel.clone(), PhantomData),
                Receiver(channel, AtomicUsize::new(0), PhantomData),
            )
        }

        impl<T: Item> Sender<T> {
            pub fn try_send(&self, item: T) -> Result<(), ()> {
                let place = self.0.put.fetch_add(1, Ordering::Relaxed);
                self.0.slots[place].store(item.number() + 1, Ordering::Release);
                Ok(())
            }
        }

        impl<T: Item> Receiver<T> {
            pub fn try_recv(&self) -> Result<T, ()> {
                let place = self.1.load(Ordering::Relaxed);
                let slot = self.0.slots.get(place).ok_or(())?;
                let number = slot.load(Ordering::Acquire).checked_sub(1).ok_or(())?;
                self.1.store(place + 1, Ordering::Relaxed);
                Ok(T::of(number))
            }

            pub fn len(&self) -> usize {
                let taken = self.1.load(Ordering::Relaxed);
                let rest = self.0.slots[taken..].iter();
                rest.take_while(|slot| slot.load(Ordering::Acquire) > 0).count()
            }

            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }
        }

        /// A value that one thread may not see yet, though another has set it.
        #[derive(Debug)]
        pub struct OnceLock<T> {
            value: std::sync::OnceLock<T>,
            is_set: AtomicBool,
        }

        impl<T> OnceLock<T> {
            pub fn new() -> Self {
                Self { value: std::sync::OnceLock::new(), is_set: AtomicBool::new(false) }
            }

            pub fn set(&self, value: T) -> Result<(), T> {
                self.value.set(value)?;
                self.is_set.store(true, Ordering::Release);
                Ok(())
            }

            pub fn get(&self) -> Option<&T> {
                self.is_set.load(Ordering::Acquire).then(|| self.value.get()).flatten()
            }
        }

        /// Ends a wait that goes on, or else the next one.
        #[derive(Clone, Debug)]
        pub struct Waker(Arc<(Mutex<bool>, Condvar)>);

        impl Waker {
            pub fn new() -> Self {
                Self(Arc::new((Mutex::new(false), Condvar::new())))
            }

            pub fn wake(&self) -> io::Result<()> {
                *self.0.0.lock().expect("nobody panics with it") = true;
                self.0.1.notify_one();
                Ok(())
            }

            /// What polling is in the loop.
            pub fn wait(&self) {
                let mut woken = self.0.0.lock().expect("nobody panics with it");
                while !*woken {
                    woken = self.0.1.wait(woken).expect("nobody panics with it");
                }
                *woken = false;
            }
        }

        /// More than any test sends.
        const SLOTS: usize = 12;
    }
}

/// What the loop does when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// As it is.
    Right,
    /// As it must not be: a host_waker is cleared after its batches were looked for.
    ClearsLate,
    /// As it must not be: it looks for work, and says after that that it dozes.
    DozesLate,
}

/// A service as the loop has it.
struct ServiceEntry {
    batches: Receiver<()>,
    wake_flag: WakeFlag,
}

/// A loop that takes one batch of each service in a turn, up to so many in all, and goes on
/// until `is_asked`.
fn turns(
    wake_queue: &WakeQueue,
    waker: &Waker,
    workers: &[ServiceEntry],
    batches_len: usize,
    way: Way,
    is_asked: impl Fn() -> bool,
) {
    let mut taken = 0;
    while taken < batches_len || !is_asked() {
        let has_work = || wake_queue.len() > 0 || (taken == batches_len && is_asked());
        let had_work = way == Way::DozesLate && has_work();
        wake_queue.begin_sleep();
        let has_work = if way == Way::DozesLate { had_work } else { has_work() };
        if !has_work {
            waker.wait();
        }
        wake_queue.end_sleep();
        for _ in 0..wake_queue.len() {
            let Some(WorkerId(index)) = wake_queue.next() else { break };
            let ServiceEntry { batches, wake_flag } = &workers[index];
            if way != Way::ClearsLate {
                wake_flag.clear();
            }
            taken += usize::from(batches.try_recv().is_ok());
            if !batches.is_empty() {
                wake_queue.again(WorkerId(index), wake_flag);
            }
            if way == Way::ClearsLate {
                wake_flag.clear();
            }
        }
    }
}

/// Services that send so many batches each, and a loop that takes them all.
fn services_and_loop(services_len: usize, batches_len: usize, way: Way) {
    check(move || {
        let waker = Waker::new();
        let wake_queue = WakeQueue::new(waker.clone());
        let mut workers = Vec::new();
        for index in 0..services_len {
            let (sender, batches) = unbounded::<()>();
            let (host_waker, wake_flag) = wake_queue.service_waker(WorkerId(index));
            workers.push(ServiceEntry { batches, wake_flag });
            thread::spawn(move || {
                for _ in 0..batches_len {
                    sender.try_send(()).expect("there is space");
                    host_waker.wake();
                }
            });
        }
        turns(&wake_queue, &waker, &workers, services_len * batches_len, way, || true);
    });
}

#[test]
fn every_batch_of_a_service_is_taken() {
    services_and_loop(1, 3, Way::Right);
}

#[test]
fn every_batch_of_two_services_is_taken() {
    services_and_loop(2, 1, Way::Right);
}

/// What a stop, an exit and a file do: they send an event and wake the loop.
#[test]
fn an_alarm_beside_a_service_is_heard() {
    check(|| {
        let waker = Waker::new();
        let wake_queue = WakeQueue::new(waker.clone());
        let (sender, batches) = unbounded();
        let (host_waker, wake_flag) = wake_queue.service_waker(WorkerId(0));
        let loop_waker: LoopWaker = wake_queue.loop_waker();
        let requests = Arc::new(AtomicUsize::new(0));
        let asked = requests.clone();
        thread::spawn(move || {
            requests.fetch_add(1, Ordering::Release);
            loop_waker.wake();
        });
        thread::spawn(move || {
            sender.try_send(()).expect("there is space");
            host_waker.wake();
        });
        let worker = ServiceEntry { batches, wake_flag };
        let is_asked = || asked.load(Ordering::Acquire) > 0;
        turns(&wake_queue, &waker, &[worker], 1, Way::Right, is_asked);
    });
}

/// Threads that send to the sockets of one service.
mod senders {
    use loom::sync::Mutex;

    use super::*;

    /// What they add stands in a queue behind a lock, and only the first one after a look of the
    /// loop wakes it. The loop takes one entry in a turn. `has_more` says whether it looks again,
    /// by what it has taken, and whether more was announced.
    fn senders_and_loop(threads_len: usize, entries_len: usize, has_more: fn(usize, bool) -> bool) {
        check(move || {
            let waker = Waker::new();
            let wake_queue = WakeQueue::new(waker.clone());
            let queue = Arc::new(Mutex::new((0, false)));
            for _ in 0..threads_len {
                let (queue, loop_waker) = (queue.clone(), wake_queue.loop_waker());
                thread::spawn(move || {
                    for _ in 0..entries_len {
                        let mut state = queue.lock().expect("nobody panics with it");
                        state.0 += 1;
                        let is_first = !std::mem::replace(&mut state.1, true);
                        drop(state);
                        if is_first {
                            loop_waker.wake_for(WorkerId(0));
                        }
                    }
                });
            }
            let (mut taken, mut applied) = (0, 0);
            while applied < threads_len * entries_len {
                wake_queue.begin_sleep();
                if wake_queue.len() == 0 {
                    waker.wait();
                }
                wake_queue.end_sleep();
                let mut is_cut_short = false;
                for _ in 0..wake_queue.len() {
                    // It has had its share of this turn.
                    if wake_queue.next().is_none() || is_cut_short {
                        continue;
                    }
                    if taken == 0 {
                        let mut state = queue.lock().expect("nobody panics with it");
                        taken = std::mem::take(&mut state.0);
                        state.1 = false;
                    }
                    if taken > 0 {
                        (taken, applied) = (taken - 1, applied + 1);
                    }
                    let is_announced = queue.lock().expect("nobody panics with it").1;
                    is_cut_short = has_more(taken, is_announced);
                }
                if is_cut_short {
                    wake_queue.again_for_senders(WorkerId(0));
                }
            }
        });
    }

    #[test]
    fn every_entry_of_a_sender_is_taken() {
        senders_and_loop(1, 4, |taken, is_announced| taken > 0 || is_announced);
    }

    #[test]
    fn every_entry_of_two_senders_is_taken() {
        senders_and_loop(2, 1, |taken, is_announced| taken > 0 || is_announced);
    }

    #[test]
    #[ignore = "it fails, as `the_checker_sees_what_a_wrong_order_loses` wants it to"]
    fn a_queue_that_is_forgotten() {
        senders_and_loop(1, 4, |taken, _| taken > 0);
    }
}

/// A program that wakes the loop for something that the loop does not look for.
#[test]
fn a_wake_for_no_visible_reason_ends_a_wait() {
    check(|| {
        let waker = Waker::new();
        let wake_queue = WakeQueue::new(waker.clone());
        let loop_waker = wake_queue.loop_waker();
        thread::spawn(move || loop_waker.wake_anyway().expect("it wakes"));
        wake_queue.begin_sleep();
        waker.wait();
        wake_queue.end_sleep();
    });
}

/// What a service that waits in a poll of its own does when, and the loop that sends it mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Post {
    /// As it is.
    Right,
    /// As it must not be: the service looks for mail, and says after that that it dozes.
    DozesLate,
    /// As it must not be: the loop rings, and sends after that.
    RingsEarly,
}

/// A loop that sends so much mail, and a service that takes it all.
fn loop_and_service(batches_len: usize, post: Post) {
    check(move || {
        let mail_waker = Arc::new(MailWaker::new());
        let (mail, inbox) = unbounded::<()>();
        let waker = Waker::new();
        let (host_waker, wakes) = (mail_waker.clone(), waker.clone());
        thread::spawn(move || {
            // The loop has begun by now, as it may have in the host.
            host_waker.connect(Box::new(move || wakes.wake().expect("it wakes")));
            let mut taken = 0;
            while taken < batches_len {
                host_waker.end_sleep();
                if inbox.try_recv().is_err() {
                    host_waker.begin_sleep();
                    if post == Post::DozesLate || inbox.try_recv().is_err() {
                        waker.wait();
                        continue;
                    }
                }
                taken += 1;
            }
        });
        for _ in 0..batches_len {
            if post == Post::RingsEarly {
                mail_waker.wake();
            }
            mail.try_send(()).expect("there is space");
            if post != Post::RingsEarly {
                mail_waker.wake();
            }
        }
    });
}

#[test]
fn all_mail_is_taken_by_a_service_with_a_poll() {
    loop_and_service(3, Post::Right);
}

/// A service may wait for one batch in its poll, and be parked in its line for the next.
#[test]
fn all_mail_is_taken_by_a_service_that_waits_in_turn() {
    check(|| {
        let mail_waker = Arc::new(MailWaker::new());
        let (mail, inbox) = unbounded::<()>();
        let (waker, parker) = (Waker::new(), Waker::new());
        let (host_waker, wakes, parks) = (mail_waker.clone(), waker.clone(), parker.clone());
        thread::spawn(move || {
            host_waker.connect(Box::new(move || wakes.wake().expect("it wakes")));
            host_waker.begin_sleep();
            let mut taken = 0;
            if inbox.try_recv().is_ok() {
                taken += 1;
            } else {
                waker.wait();
            }
            host_waker.end_sleep();
            while taken < 2 {
                match inbox.try_recv() {
                    Ok(()) => taken += 1,
                    Err(_) => parks.wait(),
                }
            }
        });
        for _ in 0..2 {
            mail.try_send(()).expect("there is space");
            if !mail_waker.wake() {
                // What ends a parking that goes on, or else the next one.
                parker.wake().expect("it wakes");
            }
        }
    });
}

#[test]
#[ignore = "it fails, as `the_checker_sees_what_a_wrong_order_loses` wants it to"]
fn a_service_that_dozes_late() {
    loop_and_service(1, Post::DozesLate);
}

#[test]
#[ignore = "it fails, as `the_checker_sees_what_a_wrong_order_loses` wants it to"]
fn mail_that_rings_early() {
    loop_and_service(1, Post::RingsEarly);
}

#[test]
#[ignore = "it fails, as `the_checker_sees_what_a_wrong_order_loses` wants it to"]
fn a_bell_cleared_late() {
    services_and_loop(1, 2, Way::ClearsLate);
}

#[test]
#[ignore = "it fails, as `the_checker_sees_what_a_wrong_order_loses` wants it to"]
fn a_loop_that_dozes_late() {
    services_and_loop(1, 1, Way::DozesLate);
}

/// In processes of their own: the checker does not survive what it finds.
#[test]
fn the_checker_sees_what_a_wrong_order_loses() {
    for name in [
        "a_bell_cleared_late",
        "a_loop_that_dozes_late",
        "a_service_that_dozes_late",
        "mail_that_rings_early",
        "senders::a_queue_that_is_forgotten",
    ] {
        let mut test = Command::new(env::current_exe().expect("this runs"));
        let test = test.args(["--ignored", "--exact", "--nocapture", name]).output();
        let test = test.expect("it runs again");
        let told = String::from_utf8_lossy(&test.stderr);
        assert!(!test.status.success() && told.contains("deadlock"), "{name}: {told}");
    }
}

/// The loop of this file does in its order what the host and the line do.
#[test]
fn the_host_keeps_to_the_order_of_the_model() {
    let orders = [
        (
            include_str!("../src/host/wait.rs"),
            "fn wait(",
            &["wake_queue.begin_sleep()", "has_work()", ".poll(", "wake_queue.end_sleep()"][..],
        ),
        (
            include_str!("../src/host/outer_loop.rs"),
            "fn poll_timeout(",
            &["wake_queue.begin_sleep()", "has_work()"],
        ),
        (
            include_str!("../src/engine/apply.rs"),
            "fn apply_batches(",
            &["senders_len()", "next_sender()", "begin_batch(", "cut_short.push("],
        ),
        (include_str!("../src/host/io.rs"), "fn next_sender(", &["wake_queue.next()", ".clear()"]),
        // Before it sleeps, the loop puts back in line those that it has cut short.
        (include_str!("../src/engine/mod.rs"), "fn turn(", &["apply_batches(", "apply_later("]),
        (include_str!("../src/engine/apply.rs"), "fn apply_later(", &["cut_short", "add_sender("]),
        (include_str!("../src/host/io.rs"), "fn add_sender(", &["wake_queue.again("]),
        (
            include_str!("../src/service/context/mod.rs"),
            "fn flush(",
            &["batches.send(", "host_waker.wake()"],
        ),
        (
            include_str!("../src/service/context/mod.rs"),
            "fn try_receive(",
            &["receive_by(", "mail_waker.begin_sleep()", "next("],
        ),
        (
            include_str!("../src/service/context/mod.rs"),
            "fn receive_by(",
            &["mail_waker.end_sleep()", "next("],
        ),
        (
            include_str!("../src/service/sender_queue.rs"),
            "fn add(",
            &["push_back(", "is_announced, true", "drop(state)", "wake_for_senders("],
        ),
        (include_str!("../src/service/sender_queue.rs"), "fn take(", &["is_announced = false"]),
        (include_str!("../src/host/io.rs"), "fn add_sender(", &["again_for_senders("]),
        (include_str!("../src/host/worker.rs"), "fn send(", &["mail.try_send(", "wake_service()"]),
        (include_str!("../src/host/worker.rs"), "fn end(", &["mail.take()", "wake_service()"]),
        (
            include_str!("../src/host/worker.rs"),
            "fn wake_service(",
            &["mail_waker.wake()", "unpark()"],
        ),
    ];
    for (source, function, steps) in orders {
        let start = source.find(function).expect("the function is there");
        let text = &source[start..];
        let text = &text[..text.find("\n    }\n").expect("it ends")];
        let mut end = 0;
        for step in steps {
            let at = text[end..].find(step);
            end += at.unwrap_or_else(|| panic!("{function} has no {step} where it belongs"));
        }
    }
}

fn check(body: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    // All orders with so many switches away from a thread that could go on. What is wrong
    // with order shows with two at most.
    model.preemption_bound = Some(3);
    model.check(body);
}

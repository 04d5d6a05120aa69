//! `Callbacks`: a service as the loop calls it, and `Thread`: whether the loop does.

use std::time::{Duration, Instant};

use crate::service::{Admission, Context, Inbound};

/// Which thread a service runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Thread {
    /// A thread of its own, so that it may take its time: it holds up its own sockets only.
    #[default]
    Own,
    /// The thread that polls all sockets, for a service that never blocks. A message needs no
    /// other thread then, and a host that has only such services starts none. The price: while
    /// one of its callbacks runs, everybody waits, and nothing is written; so what a callback
    /// sends to a socket has to fit its outbox. What [`handler`](crate::service::handler) and
    /// [`gated`](crate::service::gated) make may be there, a service with a loop of its own not.
    Loop,
}

impl Thread {
    /// What is called `own` or `loop`, in whatever case.
    #[must_use]
    pub const fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("own") {
            return Some(Self::Own);
        }
        if name.eq_ignore_ascii_case("loop") { Some(Self::Loop) } else { None }
    }
}

/// A service as callbacks, one for each transaction. It is what the loop calls; a
/// [`Handler`](crate::service::Handler) is the comfortable way to have one.
pub trait Callbacks: 'static {
    /// How sockets are let in; asked once, at the start.
    fn admission(&self) -> Admission;

    /// The service starts; no socket is there yet.
    fn start(&mut self, context: &mut Context<'_>);

    /// A transaction came.
    fn receive(&mut self, context: &mut Context<'_>, transaction: Inbound);

    /// The interval has passed.
    fn tick(&mut self, context: &mut Context<'_>);

    /// How often [`Callbacks::tick`] is called, if it is; asked at the start, and whenever all
    /// calls of a turn have been made. An interval that has changed begins then. One of zero
    /// counts as none.
    fn tick_interval(&self) -> Option<Duration>;

    /// The host stops; all sockets have been closed.
    fn stop(&mut self, context: &mut Context<'_>);
}

/// When the tick comes after that of `last`, from which it counts so that ticks do not drift.
/// Those that a slow callback has missed are skipped: sockets have their turn in between. `None`
/// if it is farther away than clocks go.
pub(crate) fn next_tick(last: Instant, interval: Duration, now: Instant) -> Option<Instant> {
    last.checked_add(interval).filter(|next| *next > now).or_else(|| now.checked_add(interval))
}

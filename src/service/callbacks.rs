//! `Callbacks`: a service as the loop calls it, and `Thread`: whether the loop does.

use std::time::{Duration, Instant};

use crate::service::{Admission, Context, Inbound};

/// Which thread a service runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Thread {
    /// A thread of its own: a slow callback delays the sockets of this service only.
    #[default]
    Own,
    /// The thread that polls all sockets, for a service that never blocks. Messages then cross no
    /// thread, and a host that has only such services starts none. While a callback runs, all
    /// sockets wait and nothing is written, so what a callback sends to a socket has to fit its
    /// outbox. Services made by [`handler`](crate::service::handler) and
    /// [`gated`](crate::service::gated) may run there. A service with a loop of its own may not.
    Loop,
}

impl Thread {
    /// Parses `own` or `loop`, in any case.
    #[must_use]
    pub const fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("own") {
            return Some(Self::Own);
        }
        if name.eq_ignore_ascii_case("loop") { Some(Self::Loop) } else { None }
    }
}

/// A service as callbacks, one for each transaction. The loop calls these; implement
/// [`Handler`](crate::service::Handler) for a more convenient interface.
pub trait Callbacks: 'static {
    /// How sockets are admitted; called once, at the start.
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

/// The time of the tick after `last`. It counts from `last`, so that ticks do not drift. Ticks that
/// a slow callback has missed are skipped, so that sockets get their turn. `None` if the time is
/// beyond the range of the clock.
pub(crate) fn next_tick(last: Instant, interval: Duration, now: Instant) -> Option<Instant> {
    last.checked_add(interval).filter(|next| *next > now).or_else(|| now.checked_add(interval))
}

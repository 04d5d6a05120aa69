//! `Callbacks`: a service as the loop calls it, and `Thread`: whether the loop does.

use std::time::{Duration, Instant};

use crate::service::context::Task;
use crate::service::{Admission, Context, Inbound};

/// Which thread a service runs on; by default, one of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Thread {
    /// A thread of its own. The service may block: that delays its own sockets only.
    #[default]
    Own,
    /// The thread that polls all sockets, for a service that never blocks. A message then needs no
    /// other thread, and a host with such services only starts none for services.
    ///
    /// While a callback runs, all sockets of the host wait, and nothing is written. So what a
    /// callback sends to a socket has to fit its outbox, and a callback that takes longer than
    /// [`Limits::callback_ms_max`](crate::Limits::callback_ms_max) is logged as a warning.
    ///
    /// It needs callbacks, which [`handler`](crate::service::handler) and
    /// [`gated`](crate::service::gated) provide. For a [`Service`](crate::service::Service) with a
    /// loop of its own, [`Server::bind`](crate::Server::bind) returns
    /// [`BindError::Thread`](crate::BindError::Thread).
    Loop,
}

impl Thread {
    /// Parses `own` or `loop`, in any case; `None` for other names.
    #[must_use]
    pub const fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("own") {
            return Some(Self::Own);
        }
        if name.eq_ignore_ascii_case("loop") { Some(Self::Loop) } else { None }
    }
}

/// A service as callbacks, which the loop calls one at a time: see [`Thread::Loop`]. Most programs
/// implement [`Handler`](crate::service::Handler) instead, which
/// [`handler`](crate::service::handler) makes one of these.
///
/// No callback may wait: [`Context::receive`] panics here. A panic ends the service like one in
/// [`Service::run`](crate::service::Service::run).
pub trait Callbacks: 'static {
    /// How sockets are admitted. Called once, at the start.
    fn admission(&self) -> Admission;

    /// The service starts. It has no socket yet.
    fn start(&mut self, context: &mut Context<'_>);

    /// A transaction came from the host. Those of one socket come in order.
    fn receive(&mut self, context: &mut Context<'_>, transaction: Inbound);

    /// The interval of [`Callbacks::tick_interval`] has passed. Ticks that a slow callback has
    /// missed are skipped.
    fn tick(&mut self, context: &mut Context<'_>);

    /// How often [`Callbacks::tick`] is called; `None` or zero: never. Asked at the start, and
    /// after the callbacks of each turn. An interval that has changed begins at that moment.
    fn tick_interval(&self) -> Option<Duration>;

    /// The host stops. All sockets have been closed, and nothing more can be sent.
    fn stop(&mut self, context: &mut Context<'_>);

    /// Another thread has something done. Only services of this crate have such threads.
    #[doc(hidden)]
    fn run_task(&mut self, _: &mut Context<'_>, _: Task) {}
}

/// The time of the tick after `last`. It counts from `last`, so that ticks do not drift. Ticks that
/// a slow callback has missed are skipped, so that sockets get their turn. `None` if the time is
/// beyond the range of the clock.
pub(crate) fn next_tick(last: Instant, interval: Duration, now: Instant) -> Option<Instant> {
    last.checked_add(interval).filter(|next| *next > now).or_else(|| now.checked_add(interval))
}

//! Callbacks on a thread of their own: a loop over a context that calls them.

use std::time::Instant;

use crate::service::callbacks::next_tick;
#[cfg(feature = "state")]
use crate::service::context::NextCall;
#[cfg(not(feature = "state"))]
use crate::service::link::Received as NextCall;
use crate::service::{Callbacks, Context};

/// Calls the callbacks of a service until the host stops.
pub(super) fn run_callbacks(service: &mut impl Callbacks, context: &mut Context<'_>) {
    #[cfg(feature = "state")]
    context.attend();
    service.start(context);
    let mut interval = None;
    let mut tick = None;
    loop {
        let wanted = service.tick_interval();
        if wanted != interval {
            interval = wanted;
            tick = interval.and_then(|interval| Instant::now().checked_add(interval));
        }
        match next(context, tick) {
            NextCall::Transaction(transaction) => service.receive(context, transaction),
            #[cfg(feature = "state")]
            NextCall::Task(task) => service.run_task(context, task),
            NextCall::Time => {
                service.tick(context);
                let now = Instant::now();
                tick = tick.zip(interval).and_then(|(last, every)| next_tick(last, every, now));
            }
            NextCall::End => break,
        }
    }
    service.stop(context);
}

#[cfg(feature = "state")]
fn next(context: &mut Context<'_>, tick: Option<Instant>) -> NextCall {
    context.receive_or_task(tick)
}

#[cfg(not(feature = "state"))]
fn next(context: &mut Context<'_>, tick: Option<Instant>) -> NextCall {
    match tick {
        Some(tick) => context.receive_until(tick),
        None => context.receive().map_or(NextCall::End, NextCall::Transaction),
    }
}

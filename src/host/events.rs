//! Events of helper threads for the loop: one queue for all of them.

use std::any::Any;

use crossbeam_channel::Sender;

use crate::engine::HostEvent;
use crate::host::wake::LoopWaker;

/// A notice of a resolver, from its threads to its part on the loop.
pub type Notice = Box<dyn Any + Send>;

/// An event for the loop of a host.
pub(super) type LoopEvent = HostEvent<Notice>;

/// Sends events to the loop, and wakes it.
#[derive(Clone, Debug)]
pub(super) struct EventSender {
    sender: Sender<LoopEvent>,
    loop_waker: LoopWaker,
}

impl EventSender {
    pub(super) const fn new(sender: Sender<LoopEvent>, loop_waker: LoopWaker) -> Self {
        Self { sender, loop_waker }
    }

    /// Sends an event. A host that has gone takes none.
    pub(super) fn send(&self, event: LoopEvent) {
        if self.sender.try_send(event).is_ok() {
            self.loop_waker.wake();
        }
    }
}

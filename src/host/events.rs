//! What helper threads tell the loop: one queue for all of them.

use std::any::Any;

use crossbeam_channel::Sender;

use crate::engine::Event;
use crate::host::bell::Alarm;

/// What a resolver sends to itself on the loop.
pub type Notice = Box<dyn Any + Send>;

/// An event for the loop of a host.
pub(super) type HostEvent = Event<Notice>;

/// Sends events to the loop, and wakes it.
#[derive(Clone, Debug)]
pub(super) struct EventSender {
    sender: Sender<HostEvent>,
    alarm: Alarm,
}

impl EventSender {
    pub(super) const fn new(sender: Sender<HostEvent>, alarm: Alarm) -> Self {
        Self { sender, alarm }
    }

    /// Sends an event. A host that has gone takes none.
    pub(super) fn send(&self, event: HostEvent) {
        if self.sender.try_send(event).is_ok() {
            self.alarm.wake();
        }
    }
}

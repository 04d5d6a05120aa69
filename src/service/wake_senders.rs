//! `WakeForSenders`: how senders wake the loop.

/// Wakes the loop for the senders of a service.
pub trait WakeForSenders: Send + Sync {
    /// Something was sent to the sockets of the service of this worker.
    fn wake_for_senders(&self, worker: usize);
}

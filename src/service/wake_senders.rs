//! `WakeForSenders`: how senders wake the loop.

/// Wakes the loop for the senders of a service.
pub(crate) trait WakeForSenders: Send + Sync {
    /// Something was sent to the sockets of the service of this worker.
    #[cfg_attr(not(feature = "senders"), expect(dead_code, reason = "there are none"))]
    fn wake_for_senders(&self, worker: usize);
}

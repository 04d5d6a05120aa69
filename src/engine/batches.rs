//! Whose batch is applied next: that of a service, or that of its senders.

/// The batches that a service itself has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnBatches {
    /// One is being applied.
    Begun,
    /// None is, and so many wait.
    Waiting(usize),
}

/// The batch that is to be applied next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextBatch {
    /// One of the service itself, if there is any.
    Own,
    /// That of its senders.
    Senders,
}

//! `SendError`: why a `ServiceSender` has not sent a transaction.

use std::error::Error;
use std::fmt;

use crate::service::Outbound;
#[cfg(doc)]
use crate::service::ServiceSender;

/// Why a [`ServiceSender`] has not sent a transaction, with the transaction. Nothing of it was
/// sent: [`ServiceSender::apply`] and [`ServiceSender::try_apply`] send it later.
#[derive(Clone, Debug)]
pub enum SendError {
    /// As much waits for the loop as may wait. The loop takes it within one of its next turns.
    Full(Outbound),
    /// The host has ended, so no socket is left.
    Closed(Outbound),
}

impl SendError {
    /// The transaction that was not sent.
    #[must_use]
    pub fn into_transaction(self) -> Outbound {
        match self {
            Self::Full(transaction) | Self::Closed(transaction) => transaction,
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => {
                "the queue of the service's senders is full: batches_max and batch_bytes_max bound \
                 it, and the loop has not taken enough; send less, or later"
            }
            Self::Closed(_) => "the host has ended: no socket is left",
        })
    }
}

impl Error for SendError {}

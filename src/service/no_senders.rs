//! What stands for `sender_queue` in builds without the feature `senders`: there are no queues, and
//! what is here takes no memory.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::limits::Limits;
use crate::service::wake_senders::WakeForSenders;

/// No queues.
#[derive(Clone, Debug)]
pub struct NoSenderTable(());

/// The way to no queue.
#[derive(Clone, Debug)]
pub struct NoSenderSource(());

/// The same, lent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoSenderWay<'a>(PhantomData<&'a ()>);

pub use NoSenderSource as SenderSource;
pub use NoSenderTable as SenderTable;
pub(crate) use NoSenderWay as SenderWay;

#[expect(clippy::unused_self, reason = "with senders, it has queues")]
impl NoSenderTable {
    pub(crate) fn new(_: impl FnOnce() -> Arc<dyn WakeForSenders>) -> Self {
        Self(())
    }

    pub(crate) const fn source(&self, _: usize, _: &Limits) -> NoSenderSource {
        NoSenderSource(())
    }

    pub(crate) const fn close(&self) {}
}

impl NoSenderSource {
    #[expect(clippy::unused_self, reason = "with senders, it is lent")]
    pub(crate) const fn lend(&self) -> NoSenderWay<'_> {
        NoSenderWay(PhantomData)
    }
}

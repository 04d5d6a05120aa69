//! Stands for `later` in builds without the feature `database`: nothing waits.

use crate::service::Inbound;
use crate::service::context::Context;

#[expect(clippy::unused_self, reason = "nothing waits")]
impl Context<'_> {
    #[inline(always)]
    pub(crate) const fn released(&mut self) -> Option<Inbound> {
        None
    }

    #[inline(always)]
    pub(crate) fn keep(&self, transaction: Inbound) -> Option<Inbound> {
        Some(transaction)
    }
}

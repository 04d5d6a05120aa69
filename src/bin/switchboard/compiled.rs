//! `BuiltinService`: a compiled-in service.

use switchboard::server::Mounted;
use switchboard::{Server, Service};

/// A compiled-in service.
pub(crate) struct BuiltinService {
    pub(crate) path: &'static str,
    pub(crate) about: &'static str,
    pub(crate) page: Option<&'static [u8]>,
    /// The policy of the page, if it is a shipped one.
    pub(crate) policy: &'static str,
    pub(crate) mount: for<'a> fn(&'a mut Server, &str) -> Mounted<'a>,
    /// Whether it may run on the loop.
    pub(crate) has_callbacks: fn() -> bool,
    /// Why it has one worker, if it has: its constant `ONE_WORKER`.
    #[cfg(feature = "workers")]
    pub(crate) one_worker: Option<&'static str>,
}

/// Whether the services that this makes may run on the loop.
pub(crate) fn has_callbacks<S: Service>(_service: fn() -> S) -> bool {
    S::callbacks().is_some()
}

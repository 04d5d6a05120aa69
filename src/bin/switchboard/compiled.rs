//! `BuiltinService`: a service that is compiled in.

use switchboard::server::Mounted;
use switchboard::{Server, Service};

/// A service that is compiled in.
pub(crate) struct BuiltinService {
    pub(crate) path: &'static str,
    pub(crate) about: &'static str,
    pub(crate) page: Option<&'static [u8]>,
    /// What the page may do, if it is one that is shipped.
    pub(crate) policy: &'static str,
    pub(crate) mount: for<'a> fn(&'a mut Server, &str) -> Mounted<'a>,
    /// Whether the loop may call it.
    pub(crate) has_callbacks: fn() -> bool,
}

/// Whether the loop may call what this makes.
pub(crate) fn has_callbacks<S: Service>(_service: fn() -> S) -> bool {
    S::callbacks().is_some()
}

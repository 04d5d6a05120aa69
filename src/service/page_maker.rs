//! `PageMaker`: what makes a page for each request, with the feature `pages`. Without it, nothing
//! does, and the code that would call it is left out by the compiler.

#[cfg(not(feature = "pages"))]
use std::convert::Infallible;
use std::fmt;
#[cfg(feature = "pages")]
use std::sync::Arc;

use crate::limits::Limits;
use crate::service::request::Request;
use crate::ws::Response;

/// A plain request for the page of a service.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "pages"), expect(dead_code, reason = "nothing makes pages"))]
pub(crate) struct PageCall<'a> {
    pub(crate) request: &'a Request,
    /// The path of the service.
    pub(crate) path: &'a str,
    /// The bounds of the service.
    pub(crate) limits: &'a Limits,
}

/// A page that has been made.
#[derive(Debug)]
pub(crate) struct MadePage {
    pub(crate) response: Response,
    /// How many callbacks it was that took too long: 0 or 1.
    pub(crate) slow_len: u64,
}

/// Makes pages.
#[cfg(feature = "pages")]
pub(crate) trait MakePage: Send + Sync {
    /// Makes a page. It does not panic.
    fn make(&self, call: &PageCall<'_>) -> MadePage;
}

/// What makes the pages of a service.
#[derive(Clone)]
pub(crate) struct PageMaker(
    #[cfg(feature = "pages")] Arc<dyn MakePage>,
    #[cfg(not(feature = "pages"))] Infallible,
);

impl PageMaker {
    #[cfg(feature = "pages")]
    pub(crate) fn new(maker: impl MakePage + 'static) -> Self {
        Self(Arc::new(maker))
    }

    /// Makes a page.
    #[cfg(feature = "pages")]
    pub(crate) fn make(&self, call: &PageCall<'_>) -> MadePage {
        self.0.make(call)
    }

    /// Never called.
    #[cfg(not(feature = "pages"))]
    pub(crate) const fn make(&self, _: &PageCall<'_>) -> MadePage {
        match self.0 {}
    }
}

/// Two are equal if they share what makes the pages.
impl PartialEq for PageMaker {
    #[cfg(feature = "pages")]
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    #[cfg(not(feature = "pages"))]
    fn eq(&self, _: &Self) -> bool {
        match self.0 {}
    }
}

impl Eq for PageMaker {}

impl fmt::Debug for PageMaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PageMaker")
    }
}

//! The page of a service: what a plain GET of its path shows.

use std::sync::Arc;

use crate::service::page_maker::PageMaker;
use crate::ws::{Response, Status};

/// A page of a service: the answer to a plain GET or HEAD of its path. It is held in memory, or
/// made for each request by a closure (`Page::of`, with the feature `pages`). Clones share the
/// bytes or the closure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    content: PageContent,
    /// Its policy; empty if it has none.
    policy: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PageContent {
    Held(Arc<Vec<u8>>),
    #[cfg_attr(not(feature = "pages"), expect(dead_code, reason = "nothing makes pages"))]
    Made(PageMaker),
}

impl Page {
    /// A page of HTML in UTF-8, without a policy.
    #[must_use]
    pub fn html(body: impl Into<Vec<u8>>) -> Self {
        Self { content: PageContent::Held(Arc::new(body.into())), policy: "" }
    }

    /// A page to try a service from a browser: it opens a socket to its own address, sends what is
    /// typed, and shows what goes over the socket. It connects again when the service or the server
    /// has gone. It loads nothing else, and has a strict policy.
    #[must_use]
    pub fn talk() -> Self {
        Self::html(include_str!("talk.html")).policy(TALK)
    }

    /// A page that is made for each request.
    #[cfg(feature = "pages")]
    pub(crate) const fn made_by(maker: PageMaker) -> Self {
        Self { content: PageContent::Made(maker), policy: "" }
    }

    /// The same page with a `Content-Security-Policy`: `policy` lists what it may load and run,
    /// such as `script-src` with the hash of its script; it may also open sockets to this server.
    /// Other pages cannot frame it or keep a reference to its window, and it sends no `Referer`.
    /// Each answer of a closure has these headers besides its own.
    #[must_use]
    pub fn policy(self, policy: &'static str) -> Self {
        Self { policy, ..self }
    }

    /// The answer to a request: a 200 with the page, or what a closure makes, and the headers of
    /// its policy. `make` calls the closure.
    pub(crate) fn answer(&self, make: impl FnOnce(&PageMaker) -> Response) -> Response {
        let page = match &self.content {
            PageContent::Held(body) => Response::new(Status::OK, Response::HTML, body.clone()),
            PageContent::Made(maker) => make(maker),
        };
        if self.policy.is_empty() {
            return page;
        }
        page.header("Content-Security-Policy", &format!("{CLOSED}; {}", self.policy))
            .header("Referrer-Policy", "no-referrer")
            .header("Cross-Origin-Opener-Policy", "same-origin")
    }
}

/// The directives of each page with a policy. In some browsers, `'self'` does not include
/// WebSockets.
const CLOSED: &str = "default-src 'none'; connect-src 'self' ws: wss:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";
/// The hashes of the script and the style in `talk.html`.
const TALK: &str = "script-src 'sha256-YiXes5KGDAuHdhRh8PKB4Pc3b26/zAk6GMJkUWlhf+o='; \
    style-src 'sha256-DbOOSi6LAFN4Olg5tdxi5eTP4lzjezW1l4BXh0+U4+8='";

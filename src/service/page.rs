//! The page of a service: what a plain GET of its path shows.

use std::sync::Arc;

use crate::ws::{Response, Status};

/// A page of a service, held in memory: the answer to a plain GET or HEAD of its path. Clones share
/// the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    body: Arc<Vec<u8>>,
    /// Its policy; empty if it has none.
    policy: &'static str,
}

impl Page {
    /// A page of HTML in UTF-8, without a policy.
    #[must_use]
    pub fn html(body: impl Into<Vec<u8>>) -> Self {
        Self { body: Arc::new(body.into()), policy: "" }
    }

    /// A page to try a service from a browser: it opens a socket to its own address, sends what is
    /// typed, and shows what goes over the socket. It connects again when the service or the server
    /// has gone. It loads nothing else, and has a strict policy.
    #[must_use]
    pub fn talk() -> Self {
        Self::html(include_str!("talk.html")).policy(TALK)
    }

    /// The same page with a `Content-Security-Policy`: `policy` lists what it may load and run,
    /// such as `script-src` with the hash of its script; it may also open sockets to this server.
    /// Other pages cannot frame it or keep a reference to its window, and it sends no `Referer`.
    #[must_use]
    pub fn policy(self, policy: &'static str) -> Self {
        Self { policy, ..self }
    }

    /// The answer: a 200 with the page, and the headers of its policy.
    #[must_use]
    pub fn response(&self) -> Response {
        let page = Response::new(Status::OK, "text/html; charset=utf-8", self.body.clone());
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

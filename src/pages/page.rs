//! The page of a service: what a plain GET of its path shows.

use std::sync::Arc;

use crate::ws::{Response, Status};

/// A page, held in memory.
#[derive(Clone, Debug)]
pub struct Page {
    body: Arc<Vec<u8>>,
}

impl Page {
    /// A page of HTML.
    #[must_use]
    pub fn html(body: impl Into<Vec<u8>>) -> Self {
        Self { body: Arc::new(body.into()) }
    }

    /// A page with which to try a service from a browser: it opens a socket to its own address,
    /// sends what is typed, and shows what goes over the socket. It loads nothing else.
    #[must_use]
    pub fn talk() -> Self {
        Self::html(include_str!("talk.html"))
    }

    /// The answer that shows it.
    #[must_use]
    pub fn response(&self) -> Response {
        Response::new(Status::OK, "text/html; charset=utf-8", self.body.clone())
            .header("Cache-Control", "no-cache")
    }
}

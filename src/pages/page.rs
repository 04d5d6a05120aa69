//! The page of a service: what a plain GET of its path shows.

use std::borrow::Cow;

use crate::ws::{Response, Status};

/// A page, held in memory.
#[derive(Clone, Debug)]
pub struct Page {
    body: Cow<'static, [u8]>,
}

impl Page {
    /// A page of HTML.
    #[must_use]
    pub fn html(body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self { body: body.into() }
    }

    /// The answer that shows it.
    #[must_use]
    pub fn response(&self) -> Response {
        Response::new(Status::OK, "text/html; charset=utf-8", self.body.clone())
            .header("Cache-Control", "no-cache")
            .header("X-Content-Type-Options", "nosniff")
    }
}

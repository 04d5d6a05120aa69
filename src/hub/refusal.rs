//! Refusals with Retry-After.

use crate::ws::{Response, Status};

/// A 503 with a Retry-After in seconds (RFC 9110, 10.2.3 and 15.6.4).
pub(super) fn unavailable(text: &str, retry_s: u64) -> Response {
    later(Status::UNAVAILABLE, text, retry_s)
}

/// A refusal with any status, likewise.
#[inline(never)]
pub(super) fn later(status: Status, text: &str, retry_s: u64) -> Response {
    Response::text(status, text).header("Retry-After", &retry_s.to_string())
}

//! The answer with a file, but for its bytes: what a request demands (RFC 9110, 13 and 14) of the
//! state that the file is in.

use std::ops::Range;

use crate::pages::media::media_type;
use crate::ws::http_date::{format, parse};
use crate::ws::range::Selection;
use crate::ws::syntax::list;
use crate::ws::{Head, Response, Status};

/// A file in the state that it is in now.
#[derive(Debug)]
pub struct FileState<'a> {
    /// Its name, whose end tells its media type.
    pub name: &'a str,
    /// How many bytes it has.
    pub len: u64,
    /// A strong entity tag, in its quotation marks.
    pub tag: &'a str,
    /// When it was modified last, in seconds since 1970.
    pub modified: u64,
}

impl FileState<'_> {
    /// The answer to a GET or HEAD, and which bytes of the file are its content; none if it is
    /// whole without them. `now` is in seconds since 1970.
    #[must_use]
    pub fn answer(&self, head: &Head, now: u64) -> (Response, Option<Range<u64>>) {
        // RFC 9110, 8.8.2.1: nothing was modified later than its answer is sent.
        let modified = self.modified.min(now);
        if self.is_known(head, modified, now) {
            // RFC 9110, 15.4.5: the fields are those of a 200.
            return (self.describe(Response::empty(Status::NOT_MODIFIED), modified), None);
        }
        let len = self.len;
        let (status, part) = match self.select(head, modified, now) {
            Selection::Whole => (Status::OK, 0..len),
            Selection::Part(part) => (Status::PARTIAL_CONTENT, part),
            Selection::Unsatisfiable => {
                let text = format!("the range is outside of the file, which has {len} bytes");
                let refusal = Response::text(Status::RANGE_NOT_SATISFIABLE, &text);
                // RFC 9110, 15.5.17: the answer tells how long the content is.
                return (refusal.header("Content-Range", &format!("bytes */{len}")), None);
            }
        };
        let media_type = media_type(self.name);
        let mut response = Response::empty(status)
            .header("Content-Type", media_type)
            .header("Accept-Ranges", "bytes")
            .with_content_of(part.end - part.start);
        if status == Status::PARTIAL_CONTENT {
            let range = format!("bytes {}-{}/{len}", part.start, part.end - 1);
            response = response.header("Content-Range", &range);
        }
        // A picture is none that runs scripts where it is shown by itself.
        if media_type.ends_with("xml") {
            response = response.header("Content-Security-Policy", "script-src 'none'; sandbox");
        }
        let is_head = head.method() == "HEAD";
        (self.describe(response, modified), Some(part).filter(|_| !is_head))
    }

    /// Whether the client has the file in this very state.
    fn is_known(&self, head: &Head, modified: u64, now: u64) -> bool {
        let mut tags = head.values("If-None-Match").peekable();
        // RFC 9110, 13.1.3: where there are tags, the date says nothing.
        if tags.peek().is_some() {
            // RFC 9110, 13.1.2: tags are the same whether they are weak or not.
            let weak =
                |tag: &'_ [u8]| tag.strip_prefix(b"W/").unwrap_or(tag) == self.tag.as_bytes();
            return tags.flat_map(list).any(|tag| tag == b"*" || weak(tag));
        }
        let since = head.single("If-Modified-Since").and_then(|date| moment(date, now));
        since.is_some_and(|since| modified <= since)
    }

    fn select(&self, head: &Head, modified: u64, now: u64) -> Selection {
        // RFC 9110, 14.2: a range is for GET alone.
        let range = head.single("Range").filter(|_| head.method() == "GET");
        let Some(range) = range.and_then(|range| core::str::from_utf8(range).ok()) else {
            return Selection::Whole;
        };
        // RFC 9110, 13.1.5: it holds for the state that the client has a part of; a weak tag and
        // another date are another state.
        let is_same = |state: &[u8]| {
            state == self.tag.as_bytes() || moment(state, now).is_some_and(|date| date == modified)
        };
        if !head.values("If-Range").all(is_same) {
            return Selection::Whole;
        }
        Selection::of(range, self.len)
    }

    /// What tells which state of a file an answer is about.
    fn describe(&self, response: Response, modified: u64) -> Response {
        response.header("ETag", self.tag).header("Last-Modified", &format(modified))
    }
}

fn moment(value: &[u8], now: u64) -> Option<u64> {
    parse(core::str::from_utf8(value).ok()?, now)
}

//! The answer with a file, except for its bytes: conditional requests (RFC 9110, 13) and range
//! requests (RFC 9110, 14).

use std::ops::Range;

use crate::pages::media::media_type;
use crate::ws::http_date::{format, parse};
use crate::ws::range::Selection;
use crate::ws::syntax::list;
use crate::ws::{Head, Response, Status};

/// The current state of a file.
#[derive(Debug)]
pub struct FileState<'a> {
    /// Its name, whose extension decides on the media type.
    pub name: &'a str,
    /// How many bytes it has.
    pub len: u64,
    /// A strong entity tag, in its quotation marks.
    pub tag: &'a str,
    /// When it was modified last, in seconds since 1970.
    pub modified: u64,
}

impl FileState<'_> {
    /// The answer to a GET or HEAD, and which bytes of the file are its content; `None` if it has
    /// no content. `now` is in seconds since 1970.
    #[must_use]
    pub fn answer(&self, head: &Head, now: u64) -> (Response, Option<Range<u64>>) {
        // RFC 9110, 8.8.2.1: Last-Modified is not later than the Date of the answer.
        let modified = self.modified.min(now);
        let mut response = Response::empty(Status::OK);
        // RFC 9110, 15.4.5: the fields of a 304 are those of a 200.
        response.add("ETag", self.tag);
        response.add("Last-Modified", &format(modified));
        if self.is_another(head, modified, now) {
            return (response.with_status(Status::PRECONDITION_FAILED).note(ANOTHER), None);
        }
        if self.is_known(head, modified, now) {
            return (response.with_status(Status::NOT_MODIFIED), None);
        }
        let len = self.len;
        let (status, part) = match self.select(head, modified, now) {
            Selection::Whole => (Status::OK, 0..len),
            Selection::Part(part) => (Status::PARTIAL_CONTENT, part),
            Selection::Unsatisfiable => {
                // RFC 9110, 15.5.17: the answer has the length of the content.
                response.add("Content-Range", &format!("bytes */{len}"));
                let note = format!("the range begins behind the {len} bytes of the file");
                return (response.with_status(Status::RANGE_NOT_SATISFIABLE).note(&note), None);
            }
        };
        let media_type = media_type(self.name);
        response.add("Content-Type", media_type);
        response.add("Accept-Ranges", "bytes");
        if status == Status::PARTIAL_CONTENT {
            response.add("Content-Range", &format!("bytes {}-{}/{len}", part.start, part.end - 1));
        }
        // An SVG that is opened by itself must not run scripts.
        if media_type.ends_with("xml") {
            response.add("Content-Security-Policy", "script-src 'none'; sandbox");
        }
        let response = response.with_status(status).with_content_of(part.end - part.start);
        (response, Some(part).filter(|_| head.method() != "HEAD"))
    }

    /// Whether the preconditions of the client fail.
    fn is_another(&self, head: &Head, modified: u64, now: u64) -> bool {
        // RFC 9110, 13.1.1: a weak tag is never the same; 13.2.2: where there are tags, the date
        // says nothing.
        let (mut are_there, mut is_ours) = (false, false);
        for tags in head.values("If-Match") {
            are_there = true;
            is_ours |= list(tags).any(|tag| tag == b"*" || tag == self.tag.as_bytes());
        }
        if are_there {
            return !is_ours;
        }
        // RFC 9110, 13.1.4: an invalid date is ignored.
        let since = head.single("If-Unmodified-Since").and_then(|date| moment(date, now));
        since.is_some_and(|since| modified > since)
    }

    /// Whether the client has the file in this very state.
    fn is_known(&self, head: &Head, modified: u64, now: u64) -> bool {
        // RFC 9110, 13.1.2: If-None-Match uses the weak comparison.
        let is_ours = |tag: &[u8]| {
            tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == self.tag.as_bytes()
        };
        let (mut are_there, mut is_known) = (false, false);
        for tags in head.values("If-None-Match") {
            are_there = true;
            is_known |= list(tags).any(is_ours);
        }
        // RFC 9110, 13.1.3: with If-None-Match, If-Modified-Since is ignored.
        if are_there {
            return is_known;
        }
        let since = head.single("If-Modified-Since").and_then(|date| moment(date, now));
        since.is_some_and(|since| modified <= since)
    }

    fn select(&self, head: &Head, modified: u64, now: u64) -> Selection {
        // RFC 9110, 14.2: Range is defined for GET only.
        let range = head.single("Range").filter(|_| head.method() == "GET");
        let Some(range) = range.and_then(|range| core::str::from_utf8(range).ok()) else {
            return Selection::Whole;
        };
        // RFC 9110, 13.1.5: If-Range uses the strong comparison, and the exact date.
        let is_same = |state: &[u8]| {
            state == self.tag.as_bytes() || moment(state, now).is_some_and(|date| date == modified)
        };
        if !head.values("If-Range").all(is_same) {
            return Selection::Whole;
        }
        Selection::of(range, self.len)
    }
}

/// The reason of a 412, for the log.
const ANOTHER: &str = "the file is in another state than If-Match or If-Unmodified-Since wants";

fn moment(value: &[u8], now: u64) -> Option<u64> {
    parse(core::str::from_utf8(value).ok()?, now)
}

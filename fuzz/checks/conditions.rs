//! What a request demands of the state of a file (RFC 9110, 13 and 14), against the steps of
//! 13.2.2 one by one.

use std::ops::Range;

use switchboard::limits::Limits;
use switchboard::pages::file::FileState;
use switchboard::ws::range::Selection;
use switchboard::ws::{DateField, Head, HeadReader, Response};

use super::{dates, ranges};

/// The length of the file in two bytes, how many seconds ago it was modified in another one, whose
/// odd values ask by HEAD, and the header lines of the request.
pub fn check(data: &[u8]) {
    let Some((&[first, second, age], lines)) = data.split_first_chunk() else { return };
    if lines.len() > INPUT_BYTES_MAX {
        return;
    }
    let len = u64::from(first) << 8 | u64::from(second);
    let is_get = age % 2 == 0;
    // Some files are of tomorrow.
    let now = MODIFIED + u64::from(age) - 16;
    let method = if is_get { "GET" } else { "HEAD" };
    let mut request = format!("{method} /x.txt HTTP/1.1\r\nHost: h\r\n").into_bytes();
    request.extend_from_slice(lines);
    request.extend_from_slice(b"\r\n\r\n");
    let read = HeadReader::default().receive(&request, &Limits::SERVER);
    let Ok((_, Some(head))) = read else { return };

    let expected = expected(&head, len, now);
    let state = FileState { name: "x.txt", len, tag: TAG, modified: MODIFIED };
    let (response, part) = state.answer(&head, now);
    let status = response.status().number();
    let text = request.escape_ascii();
    assert_eq!(status, expected.0, "{text}");
    assert_eq!(part, expected.1.clone().filter(|_| is_get), "{text}");
    check_headers(&response, expected, len);
}

/// The status, and the selected bytes.
type Outcome = (u16, Option<Range<u64>>);

fn expected(head: &Head, len: u64, now: u64) -> Outcome {
    let fields: Vec<(String, &[u8])> =
        head.fields().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    let values = |wanted: &str| -> Vec<&[u8]> {
        fields.iter().filter(|(name, _)| name == wanted).map(|(_, value)| *value).collect()
    };
    let date = |value: &[u8]| {
        let text = std::str::from_utf8(value).ok()?;
        dates::read(text, now)
    };
    let modified = MODIFIED.min(now);
    let has = |lists: &[&[u8]], tags: &[&str]| {
        let mut listed = lists.iter().flat_map(|list| list.split(|&byte| byte == b','));
        listed.any(|tag| tags.iter().any(|wanted| wanted.as_bytes() == tag.trim_ascii()))
    };
    // Steps 1 and 2.
    let wanted = values("if-match");
    let since = values("if-unmodified-since");
    let is_new = matches!(since[..], [since] if date(since).is_some_and(|since| modified > since));
    if if wanted.is_empty() { is_new } else { !has(&wanted, &["*", TAG]) } {
        return (412, None);
    }
    // Steps 3 and 4.
    let tags = values("if-none-match");
    let has_tag = has(&tags, &["*", TAG, &format!("W/{TAG}")]);
    let since = values("if-modified-since");
    let is_old = tags.is_empty()
        && matches!(since[..], [since] if date(since).is_some_and(|since| modified <= since));
    if has_tag || is_old {
        return (304, None);
    }
    // Step 5.
    let is_same = |state: &&[u8]| *state == TAG.as_bytes() || date(state) == Some(modified);
    let range = match values("range")[..] {
        [range] if head.method() == "GET" && values("if-range").iter().all(is_same) => range,
        _ => return (200, Some(0..len)),
    };
    match ranges::expected(std::str::from_utf8(range).unwrap_or_default(), len.into()) {
        Selection::Whole => (200, Some(0..len)),
        Selection::Part(part) => (206, Some(part)),
        Selection::Unsatisfiable => (416, None),
    }
}

fn check_headers(response: &Response, outcome: Outcome, len: u64) {
    let answer = String::from_utf8(response.head(&DateField::default())).expect("it is text");
    let lines: Vec<_> = answer.split("\r\n").collect();
    let says = |line: &str| lines.iter().filter(|other| **other == line).count();
    assert_eq!(says(&format!("ETag: {TAG}")), 1, "{answer}");
    match outcome {
        (206, Some(part)) => {
            let last = part.end - 1;
            assert_eq!(says(&format!("Content-Range: bytes {}-{last}/{len}", part.start)), 1);
            assert_eq!(says(&format!("Content-Length: {}", part.end - part.start)), 1);
        }
        (200, _) => assert_eq!(says(&format!("Content-Length: {len}")), 1, "{answer}"),
        (416, _) => assert_eq!(says(&format!("Content-Range: bytes */{len}")), 1, "{answer}"),
        (412, _) => assert_eq!(says("Content-Length: 0"), 1, "{answer}"),
        // RFC 9110, 8.6: the length would be that of the content.
        _ => assert!(!answer.contains("Content-Length"), "{answer}"),
    }
}

const TAG: &str = "\"a-1\"";
/// RFC 9110, 5.6.7: its own example.
const MODIFIED: u64 = 784_111_777;
const INPUT_BYTES_MAX: usize = 512;

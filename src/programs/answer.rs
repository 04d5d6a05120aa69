//! The body of a REJECT: header lines, an empty line, content. The peer gets this answer instead of
//! the 101.

use crate::programs::LineErrorKind;
use crate::ws::syntax::{is_token, is_value_byte, trim};
use crate::ws::{Response, Status};

/// Reads the answer with this status. An empty body is an answer without headers and content.
pub(super) fn answer(status: Status, body: Vec<u8>) -> Result<Response, LineErrorKind> {
    if body.is_empty() {
        return Ok(Response::empty(status));
    }
    let mut rest = &body[..];
    let mut headers = Vec::new();
    loop {
        let end = rest.iter().position(|&byte| byte == b'\n');
        let line = &rest[..end.unwrap_or(rest.len())];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Without the empty line, headers and content could not be distinguished.
        let end = end.ok_or_else(|| wrong(line))?;
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
        headers.push(header(line).ok_or_else(|| wrong(line))?);
    }
    let media_type = headers.iter().position(|(name, _)| name.eq_ignore_ascii_case(MEDIA_TYPE));
    let media_type = media_type.map(|at| headers.remove(at).1);
    let response = match media_type {
        None if rest.is_empty() => Response::empty(status),
        found => Response::new(status, found.unwrap_or(PLAIN_TEXT), rest.to_vec()),
    };
    Ok(headers.into_iter().fold(response, |response, (name, value)| response.header(name, value)))
}

/// A header that is sent unchanged. A header that would be changed or left out is refused, so that
/// the program gets an error.
fn header(line: &[u8]) -> Option<(&str, &str)> {
    let (name, value) = str::from_utf8(line).ok()?.split_once(':')?;
    let value = str::from_utf8(trim(value.as_bytes())).ok()?;
    let is_whole = is_token(name.as_bytes()) && value.bytes().all(is_value_byte);
    let is_framing = Response::FRAMING.iter().any(|own| own.eq_ignore_ascii_case(name));
    (is_whole && !is_framing).then_some((name, value))
}

fn wrong(line: &[u8]) -> LineErrorKind {
    LineErrorKind::Header(
        String::from_utf8_lossy(&line[..line.len().min(LINE_BYTES_MAX)]).into_owned(),
    )
}

const MEDIA_TYPE: &str = "Content-Type";
const PLAIN_TEXT: &str = "text/plain; charset=utf-8";
/// How much of a line the program gets in the error.
const LINE_BYTES_MAX: usize = 200;

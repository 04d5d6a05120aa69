//! Answers other than the 101: their content, and that no input can inject headers.

use crate::ws::{DateField, Response, Status};

/// Answers, what stands in their heads between the status line and `Connection`, and what
/// follows the head. All of them forbid guessing at what they are.
fn rows() -> Vec<(Response, &'static str, &'static str, &'static str)> {
    let page = || Response::new(Status::OK, "text/html", b"<p>".to_vec());
    let status = |number| Status::new(number).expect("it is a status");
    vec![
        (
            Response::text(Status::BAD_REQUEST, "bad"),
            "400 Bad Request\r\nContent-Type: text/plain; charset=utf-8",
            "Content-Length: 4\r\nConnection: close",
            "bad\n",
        ),
        (
            Response::text(Status::METHOD_NOT_ALLOWED, "é").header("Allow", "GET"),
            "405 Method Not Allowed\r\nContent-Type: text/plain; charset=utf-8\r\nAllow: GET",
            "Content-Length: 3\r\nConnection: close",
            "é\n",
        ),
        (
            page(),
            "200 OK\r\nContent-Type: text/html",
            "Content-Length: 3\r\nConnection: close",
            "<p>",
        ),
        (
            Response::empty(Status::OK).header("A", "b").with_content_of(u64::MAX),
            "200 OK\r\nA: b",
            "Content-Length: 18446744073709551615\r\nConnection: close",
            "",
        ),
        // RFC 9110, 7.8: a sender of Upgrade names it in Connection.
        (
            Response::empty(Status::UPGRADE_REQUIRED).header("Upgrade", "websocket"),
            "426 Upgrade Required\r\nUpgrade: websocket",
            "Content-Length: 0\r\nConnection: close, Upgrade",
            "",
        ),
        // RFC 9110, 8.6, 15.3.5 and 15.4.5: a 204 and a 304 have no content, and do not say
        // how long it is.
        (
            Response::new(Status::NOT_MODIFIED, "text/html", b"<p>".to_vec()).header("ETag", "a"),
            "304 Not Modified\r\nContent-Type: text/html\r\nETag: a",
            "Connection: close",
            "",
        ),
        (
            Response::text(status(204), "nothing"),
            "204 No Content\r\nContent-Type: text/plain; charset=utf-8",
            "Connection: close",
            "",
        ),
        // RFC 9112, 4: a status without known words still has the blank before them.
        (
            Response::empty(status(418)).header("A", "b"),
            "418 \r\nA: b",
            "Content-Length: 0\r\nConnection: close",
            "",
        ),
    ]
}

#[test]
fn answers() {
    for (response, begin, end, body) in rows() {
        let expected = format!(
            "HTTP/1.1 {begin}\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-cache\r\n\
             {end}\r\n\r\n{body}"
        );
        assert_eq!(encode(&response), expected);
    }
}

/// Law: whatever stands in a name or a value, it makes one line or none.
#[test]
fn nothing_breaks_out_of_a_header() {
    let values = ["a\r\nB: c", "a\nB: c", "a\rB: c", "a\0b", "\r\n\r\nbody", "\u{7F}", "\u{1B}[0m"];
    let names = ["A", "A\r\nB", "A:", "A b", "", "Ä", "A\0"];
    for (name, value) in names.into_iter().flat_map(|n| values.map(|v| (n, v))) {
        let text = encode(&Response::empty(Status::OK).header(name, value));
        let lines: Vec<_> = text.split("\r\n").collect();
        let expected = if name == "A" { 8 } else { 7 };
        assert_eq!(lines.len(), expected, "{name:?} {value:?}: {text:?}");
        let line = |line: &&str| !line.contains(|c: char| c.is_ascii_control());
        assert!(lines.iter().all(line), "{text:?}");
        assert_eq!(lines[lines.len() - 2..], ["", ""]);
    }
    let response = Response::empty(Status::OK).header("A", "\tb\u{E9} c~\r\nd");
    let text = encode(&response);
    assert!(text.contains("\r\nA: \tb\u{E9} c~  d\r\n"), "{text:?}");
}

#[test]
fn a_media_type_is_a_value_too() {
    let response = Response::new(Status::OK, "a\r\nB: c", Vec::new());
    assert!(!encode(&response).contains("\r\nB"));
}

/// What an answer says itself about its date and about caches is not said again.
#[test]
fn what_an_answer_says_itself_stands() {
    let own = Response::empty(Status::OK).header("cache-CONTROL", "max-age=60").header("date", "x");
    let head = String::from_utf8(own.head(&DateField::at(0))).expect("a head is text");
    assert!(head.contains("\r\ncache-CONTROL: max-age=60\r\n"), "{head}");
    assert_eq!(head.to_ascii_lowercase().matches("cache-control:").count(), 1, "{head}");
    // The date is the server's to set.
    assert!(!head.contains("date: x"), "{head}");
    let other =
        Response::empty(Status::OK).header("X", "Date: x").header("Date-", "Cache-Control:");
    let head = String::from_utf8(other.head(&DateField::at(0))).expect("a head is text");
    let begin = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nX: Date: x\r\n";
    assert!(head.starts_with(begin) && head.contains("\r\nCache-Control: no-cache\r\n"), "{head}");
}

#[test]
fn statuses() {
    for number in [0, 100, 101, 199, 600, 999, 65_535] {
        assert_eq!(Status::new(number), None, "{number}");
    }
    for number in [200, 299, 404, 599] {
        assert_eq!(Status::new(number).map(Status::number), Some(number));
    }
    let named = [
        (Status::OK, 200, "OK"),
        (Status::NO_CONTENT, 204, "No Content"),
        (Status::PARTIAL_CONTENT, 206, "Partial Content"),
        (Status::NOT_MODIFIED, 304, "Not Modified"),
        (Status::BAD_REQUEST, 400, "Bad Request"),
        (Status::UNAUTHORIZED, 401, "Unauthorized"),
        (Status::FORBIDDEN, 403, "Forbidden"),
        (Status::NOT_FOUND, 404, "Not Found"),
        (Status::METHOD_NOT_ALLOWED, 405, "Method Not Allowed"),
        (Status::REQUEST_TIMEOUT, 408, "Request Timeout"),
        (Status::URI_TOO_LONG, 414, "URI Too Long"),
        (Status::RANGE_NOT_SATISFIABLE, 416, "Range Not Satisfiable"),
        (Status::UPGRADE_REQUIRED, 426, "Upgrade Required"),
        (Status::FIELDS_TOO_LARGE, 431, "Request Header Fields Too Large"),
        (Status::INTERNAL_ERROR, 500, "Internal Server Error"),
        (Status::UNAVAILABLE, 503, "Service Unavailable"),
        (Status::VERSION_NOT_SUPPORTED, 505, "HTTP Version Not Supported"),
    ];
    for (status, number, phrase) in named {
        assert_eq!((status.number(), status.phrase()), (number, phrase));
    }
}

/// What is sent: the head, and the content if there is any.
fn encode(response: &Response) -> String {
    let body = response.body().map_or(&[][..], |body| body);
    String::from_utf8([&response.head(&DateField::default()), body].concat()).expect("it is text")
}

#[test]
fn framing_is_not_for_services_to_set() {
    let response = Response::text(Status::FORBIDDEN, "no")
        .header("content-length", "0")
        .header("Transfer-Encoding", "chunked")
        .header("CONNECTION", "keep-alive");
    let head = String::from_utf8(response.head(&DateField::default())).expect("a head is text");
    assert_eq!(head.matches("ength").count(), 1, "{head}");
    assert!(head.contains("Content-Length: 3\r\n") && !head.contains("Encoding"), "{head}");
    assert!(head.ends_with("Connection: close\r\n\r\n") && !head.contains("keep-alive"), "{head}");
}

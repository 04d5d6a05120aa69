//! What requests ask for, and how wrong ones are answered.

use super::*;
use crate::service::{Audience, SocketId};
use crate::ws::DateField;
use crate::ws::tests::cuttings;

/// The first line without its version, the fields behind `Host`, the content, and the beginning of
/// each step.
type Row = (&'static str, &'static str, &'static [u8], &'static [&'static str]);

const DONE: &[Row] = &[
    ("GET /healthz", "", b"", &["Health"]),
    ("HEAD /healthz", "", b"", &["Health"]),
    ("GET /healthz", "Content-Length: 0\r\n", b"", &["Health"]),
    ("GET /readyz?verbose", "", b"", &["Readiness"]),
    // What a load balancer appends does not matter.
    ("GET /status?a=1&a=2&%zz", "", b"", &["Status"]),
    ("HEAD /metrics", "", b"", &["Metrics"]),
    ("GET http://example.com/metrics", "", b"", &["Metrics"]),
    ("GET /%6detrics", "", b"", &["Metrics"]),
    ("POST /reload", "", b"", &["Reload"]),
    ("POST /reload", "Content-Length: 0\r\n", b"", &["Reload"]),
    ("POST /drain", "", b"", &["Drain"]),
    ("POST /log-level?level=debug", "", b"", &["LogLevel(Debug)"]),
    ("POST /log-level?level=off", "", b"", &["LogLevel(Off)"]),
    ("POST /close?service=/a&to=*", "", b"", &["close /a 1000"]),
    ("POST /close?service=/a&to=1&code=4000&reason=b%20y+e", "", b"", &["close /a 4000 \"b y e\""]),
    ("POST /close?service=/a&to=1&code=1012", "", b"", &["close /a 1012"]),
    ("POST /send?service=/a&to=*", "Content-Length: 2\r\n", b"hi", &["find /a", "send /a hi"]),
    ("POST /send?service=/a&to=*", "content-length:   02\r\n", b"hi", &["find /a", "send /a hi"]),
    ("POST /send?service=/a&to=*", "Content-Length: 0\r\n", b"", &["find /a", "send /a "]),
    (
        "POST /send?service=/a&to=@n&type=text",
        "Content-Length: 2\r\n",
        b"\xC3\xA9",
        &["find /a", "send /a é"],
    ),
    (
        "POST /send?service=/a&to=1&type=binary",
        "Content-Length: 2\r\n",
        b"\xFF\0",
        &["find /a", "send /a [255, 0]"],
    ),
    (
        "POST /send?to=*&service=%2Fa%20+b",
        "Content-Length: 1\r\n",
        b"x",
        &["find /a  b", "send /a  b x"],
    ),
    // A second request is never read.
    (
        "POST /send?service=/a&to=*",
        "Content-Length: 2\r\n",
        b"hiPOST /drain HTTP/1.1\r\n\r\n",
        &["find /a", "send /a hi"],
    ),
    ("GET /healthz", "", b"POST /drain HTTP/1.1\r\nHost: localhost\r\n\r\n", &["Health"]),
];

const REFUSED: &[Row] = &[
    ("GET /", "", b"", &["404 nothing is here; there are /healthz, "]),
    ("POST /sends", "", b"", &["404 nothing is here"]),
    ("GET /Healthz", "", b"", &["404 nothing is here"]),
    ("GET /healthz/", "", b"", &["404 nothing is here"]),
    ("GET /healthz%00", "", b"", &["40"]),
    ("GET /../healthz", "", b"", &["40"]),
    ("GET /x/..%2fhealthz", "", b"", &["40"]),
    ("OPTIONS *", "", b"", &["400 "]),
    ("GET healthz", "", b"", &["400 "]),
    ("GET /%ED%A0%80", "", b"", &["40"]),
    ("POST /healthz", "", b"", &["405 /healthz takes GET, HEAD"]),
    ("POST /metrics", "", b"", &["405 /metrics takes GET, HEAD"]),
    ("GET /send?service=/a&to=*", "", b"", &["405 /send takes POST"]),
    ("HEAD /drain", "", b"", &["405 /drain takes POST"]),
    ("OPTIONS /status", "", b"", &["405 /status takes GET, HEAD"]),
    ("get /status", "", b"", &["405 /status takes GET, HEAD"]),
    ("post /drain", "", b"", &["405 /drain takes POST"]),
    // What has no content.
    ("GET /status", "Content-Length: 5\r\n", b"hello", &["400 this takes no content"]),
    ("POST /drain", "Content-Length: 1\r\n", b"x", &["400 this takes no content"]),
    // The length of a message (RFC 9112, 6).
    (SEND, "", b"hi", &["411 the message needs a Content-Length"]),
    (SEND, "Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", &["411 the message needs"]),
    (SEND, "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", b"hi", &["411 the message"]),
    (SEND, "Content-Length: 2, 2\r\n", b"hi", &["400 Content-Length is not one number"]),
    (SEND, "Content-Length: 2\r\nContent-Length: 2\r\n", b"hi", &["400 Content-Length is not"]),
    (SEND, "Content-Length: +2\r\n", b"hi", &["400 Content-Length is not one number"]),
    (SEND, "Content-Length: -2\r\n", b"hi", &["400 Content-Length is not one number"]),
    (SEND, "Content-Length: 0x2\r\n", b"hi", &["400 Content-Length is not one number"]),
    (SEND, "Content-Length:\r\n", b"hi", &["400 Content-Length is not one number"]),
    (SEND, "Content-Length: 18446744073709551616\r\n", b"", &["400 Content-Length is not"]),
    (SEND, "Content-Length: 18446744073709551615\r\n", b"hi", &["find /a", "413 the message has"]),
    (SEND, "Content-Length: 100000000\r\n", b"hi", &["find /a", "413 the message has 100000000 "]),
    (
        SEND,
        "Content-Length: 11\r\n",
        b"hi",
        &["find /a", "413 the message has 11 bytes, and the service takes 10 (max-message)"],
    ),
    (
        "POST /send?service=/none&to=*",
        "Content-Length: 2\r\n",
        b"hi",
        &["find /none", "404 no service has this path (service)"],
    ),
    // RFC 6455, 5.6: a text is UTF-8; a surrogate is none.
    (SEND, "Content-Length: 2\r\n", b"\xFFx", &["find /a", "415 the message is not UTF-8"]),
    (SEND, "Content-Length: 3\r\n", b"\xED\xA0\x80", &["find /a", "415 the message is not UTF-8"]),
    (SEND, "Content-Length: 1\r\n", "é".as_bytes(), &["find /a", "415 the message is not UTF-8"]),
    (SEND, "Expect: 200-ok\r\nContent-Length: 2\r\n", b"hi", &["417 Expect takes 100-continue"]),
    (SEND, "Expect: 100-continue\r\nExpect: 100-continue\r\n", b"hi", &["417 Expect takes"]),
    // Parameters.
    ("POST /send?to=*", "Content-Length: 0\r\n", b"", &["400 the parameter service is missing"]),
    ("POST /send?service=/a", "", b"", &["400 the parameter to is missing"]),
    ("POST /send?service=/a&to=", "", b"", &["400 to: \"\" is not a socket id"]),
    ("POST /send?service=/a&to=x", "", b"", &["400 to: \"x\" is not a socket id"]),
    ("POST /send?service=/a&to=@", "", b"", &["400 to: \"\" is not a topic"]),
    ("POST /send?service=/a&to=@a%0Ab,c", "", b"", &["400 to: \"a\\nb,c\" is not a topic"]),
    ("POST /send?service=/a&to=*&type=json", "", b"", &["400 type is \"json\": text or binary"]),
    ("POST /send?service=/a&to=*&x=1", "", b"", &["400 there is no parameter \"x\" here"]),
    ("POST /send?service=/a&to=*&to=*", "", b"", &["400 the parameter \"to\" is there twice"]),
    ("POST /send?service=%ED%A0%80&to=*", "", b"", &["400 the query is not UTF-8"]),
    ("POST /send?service=%2&to=*", "", b"", &["400 the query has broken percent-encoding"]),
    ("POST /reload?now", "", b"", &["400 there is no parameter \"now\" here"]),
    ("POST /drain?service=/a", "", b"", &["400 there is no parameter \"service\" here"]),
    (
        "POST /close?service=/a&to=*&code=1005",
        "",
        b"",
        &["400 code is \"1005\", which is no close"],
    ),
    ("POST /close?service=/a&to=*&code=1006", "", b"", &["400 code is \"1006\""]),
    ("POST /close?service=/a&to=*&code=1015", "", b"", &["400 code is \"1015\""]),
    ("POST /close?service=/a&to=*&code=999", "", b"", &["400 code is \"999\""]),
    ("POST /close?service=/a&to=*&code=5000", "", b"", &["400 code is \"5000\""]),
    ("POST /close?service=/a&to=*&code=66536", "", b"", &["400 code is \"66536\""]),
    ("POST /close?service=/a&to=*&code=%2B1000", "", b"", &["400 code is \"+1000\""]),
    ("POST /close?service=/a&to=*&code=", "", b"", &["400 code is \"\""]),
    ("POST /log-level", "", b"", &["400 the parameter level is missing"]),
    ("POST /log-level?level=DEBUG", "", b"", &["400 level is \"DEBUG\": off, error, warn"]),
    ("POST /log-level?level=loud", "", b"", &["400 level is \"loud\""]),
];

const SEND: &str = "POST /send?service=/a&to=*";

fn request(line: &str, fields: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("{line} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    [head.as_bytes(), content].concat()
}

fn check(bytes: &[u8], expected: &[&str]) {
    let whole = steps(UNIX, [bytes], 10);
    let fits = whole.len() == expected.len()
        && whole.iter().zip(expected).all(|(step, expected)| step.starts_with(expected));
    assert!(fits, "{:?}: {whole:?}, not {expected:?}", String::from_utf8_lossy(bytes));
    for pieces in cuttings(bytes.len()).into_iter().step_by(3) {
        let mut rest = bytes;
        let cut = pieces.iter().map(|len| {
            let (piece, behind) = rest.split_at(*len);
            rest = behind;
            piece
        });
        let mut told = steps(UNIX, cut.collect::<Vec<_>>(), 10);
        told.retain(|step| step != CONTINUE);
        assert_eq!(told, whole, "{:?} in {pieces:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn each_request_asks_for_one_thing() {
    for (line, fields, content, expected) in DONE {
        check(&request(line, fields, content), expected);
    }
}

#[test]
fn each_fault_has_its_answer() {
    for (line, fields, content, expected) in REFUSED {
        check(&request(line, fields, content), expected);
    }
    let reason = "r".repeat(124);
    let close = |reason: &str| format!("POST /close?service=/a&to=*&reason={reason}");
    check(&request(&close(&reason), "", b""), &["400 reason is longer than the 123 bytes"]);
    check(&request(&close(&reason[1..]), "", b""), &["close /a 1000 \"rrr"]);
    let target = "x".repeat(100_000);
    check(format!("GET /{target} HTTP/1.1\r\n").as_bytes(), &["414 "]);
    let head = format!("GET /status HTTP/1.1\r\nHost: localhost\r\nX: {target}\r\n\r\n");
    check(head.as_bytes(), &["431 "]);
}

#[test]
fn heads_that_are_none() {
    for (bytes, expected) in [
        ("GET /status HTTP/2.0\r\nHost: localhost\r\n\r\n", "505 "),
        ("GET /status HTTP/1.1\nHost: localhost\n\n", "400 "),
        ("GET /status HTTP/1.1\r\n\r\n", "400 "),
        ("GET /status HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 "),
        ("GET /sta\0tus HTTP/1.1\r\nHost: localhost\r\n\r\n", "400 "),
        ("GET /status HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n", "400 "),
        ("GET /status HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n", "400 "),
        ("\u{16}\u{3}\u{1}\0", "400 "),
    ] {
        check(bytes.as_bytes(), &[expected]);
    }
    // RFC 9112, 3.2: HTTP/1.0 has no Host.
    check(b"GET /healthz HTTP/1.0\r\n\r\n", &["Health"]);
    let bytes = b"POST /send?service=/a&to=* HTTP/1.0\r\nExpect: x\r\nContent-Length: 1\r\n\r\nx";
    check(bytes, &["find /a", "send /a x"]);
}

#[test]
fn a_client_that_waits_is_told_to_go_on() {
    let fields = "Expect: 100-Continue\r\nContent-Length: 2\r\n";
    let head = request(SEND, fields, b"");
    let whole = [CONTINUE, "find /a", "send /a hi"];
    let told = steps(UNIX, [&head[..], b"h", b"i"], 10);
    assert_eq!(told, [whole[1], whole[0], whole[2]]);
    // RFC 9110, 10.1.1: what has begun to come needs none, and neither does what is refused.
    assert_eq!(steps(UNIX, [&[&head[..], b"h"].concat()[..], b"i"], 10), whole[1..]);
    let told = steps(UNIX, [&head[..], b"hi"], 1);
    assert!(told.len() == 2 && told[1].starts_with("413 "), "{told:?}");
    let empty = request(SEND, "Expect: 100-continue\r\nContent-Length: 0\r\n", b"");
    assert_eq!(steps(UNIX, [&empty[..]], 10), ["find /a", "send /a "]);
}

/// Until it is known how long it may be, no more of a message is kept than has its length.
#[test]
fn a_message_has_no_more_than_its_length() {
    let mut exchange = AdminExchange::new(UNIX);
    let head = request(SEND, "Content-Length: 3\r\n", b"a");
    assert_eq!(exchange.receive(&head), Some(ExchangeStep::Find("/a".to_owned())));
    assert_eq!(exchange.receive(b"bcdefgh"), None);
    assert_eq!(exchange.allow(Some(3)).as_ref().map(word).as_deref(), Some("send /a abc"));
    assert_eq!(exchange.receive(b"POST"), None);
    assert_eq!(exchange.allow(Some(3)), None);
    assert_eq!(exchange.line(), SEND);
}

#[test]
fn audiences_are_those_of_programs() {
    let id = SocketId::from_u64;
    for (to, expected) in [
        ("*", Audience::all()),
        ("@news", Audience::topic("news")),
        ("%40n%C3%A9", Audience::topic("né")),
        ("17", id(17).into()),
        ("18,17,18", Audience::from(&[id(17), id(18)][..])),
        ("*,!17", Audience::all().but(id(17))),
    ] {
        let bytes = request(&format!("POST /close?service=/a&to={to}"), "", b"");
        let step = AdminExchange::new(UNIX).receive(&bytes);
        let Some(ExchangeStep::Do(AdminCommand::Close { to: found, .. })) = step else {
            panic!("{to}: {step:?}")
        };
        assert_eq!(found, expected, "{to}");
    }
}

#[test]
fn answers_are_whole() {
    let answer = |line: &str| {
        let mut exchange = AdminExchange::new(UNIX);
        match exchange.receive(&request(line, "", b"")) {
            Some(ExchangeStep::Answer(answer)) => {
                let bytes = exchange.encode(&answer, &DateField::at(0));
                String::from_utf8(bytes).expect("it is text")
            }
            other => panic!("{other:?}"),
        }
    };
    let text = answer("GET /drain");
    assert!(text.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"), "{text}");
    for part in ["\r\nAllow: POST\r\n", "\r\nConnection: close\r\n", "\r\nContent-Length: 18\r\n"] {
        assert!(text.contains(part), "{part:?}: {text}");
    }
    assert!(text.ends_with("\r\n\r\n/drain takes POST\n"), "{text}");
    // RFC 9110, 9.3.2.
    let text = answer("HEAD /drain");
    assert!(text.contains("\r\nContent-Length: 18\r\n") && text.ends_with("\r\n\r\n"), "{text}");
    assert!(answer("POST /status").contains("\r\nAllow: GET, HEAD\r\n"));
    // What a peer says ends no line of the answer.
    let text = answer("POST /log-level?level=%0D%0AX:%20y%00%1B");
    assert!(
        text.ends_with(
            "level is \"\\r\\nX: y\\0\\u{1b}\": off, error, warn, info, debug or trace\n"
        )
    );
}

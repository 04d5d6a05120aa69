//! Files and what a client has of them already: ranges, dates, tags, and HEAD, over real sockets.

#![cfg(feature = "host")]

mod support;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use switchboard::Server;

use support::folder::folder;
use support::http::{Answer, get};
use support::{LIMITS, Running};

/// RFC 9110, 5.6.7: its own example.
const MODIFIED: u64 = 784_111_777;
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BIG_BYTES: usize = 300_000;

/// A folder of files that are all as old, and a server of it.
fn serve() -> (PathBuf, Running) {
    let folder = folder("root");
    let big: Vec<u8> = (0..BIG_BYTES).map(byte).collect();
    for (name, content) in [("x.txt", &b"0123456789"[..]), ("empty.txt", b""), ("big.bin", &big)] {
        let path = folder.join(name);
        fs::write(&path, content).expect("a file can be written");
        date(&path, UNIX_EPOCH + Duration::from_secs(MODIFIED));
    }
    let mut server = Server::new(LIMITS);
    server.static_root(&folder);
    (folder, Running::start(server))
}

fn date(path: &Path, time: SystemTime) {
    let file = File::options().write(true).open(path).expect("it is there");
    file.set_modified(time).expect("its date can be set");
}

fn ask(server: &Running, more: &str) -> Answer {
    server.ask(&get("/x.txt", more))
}

#[test]
fn one_range_is_a_part() {
    let (_folder, server) = serve();
    let rows = [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=4-", "456789", "bytes 4-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=0-", "0123456789", "bytes 0-9/10"),
        ("bytes=8-100", "89", "bytes 8-9/10"),
    ];
    for (range, text, told) in rows {
        let answer = ask(&server, &format!("Range: {range}\r\n"));
        assert_eq!((answer.status, answer.text()), (206, text), "{range}");
        assert_eq!(answer.header("content-range"), Some(told));
        assert_eq!(answer.header("content-length"), Some(text.len().to_string().as_str()));
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.header("accept-ranges"), Some("bytes"));
        assert_eq!(answer.header("last-modified"), Some(DATE));
        assert!(answer.header("etag").is_some() && answer.header("date").is_some());
    }
    for range in ["bytes=10-", "bytes=-0"] {
        let answer = ask(&server, &format!("Range: {range}\r\n"));
        assert_eq!((answer.status, answer.header("content-range")), (416, Some("bytes */10")));
    }
    // An invalid range, and several ranges, are ignored.
    for more in ["bytes=0-1,4-5", "x", "bytes=0-1\r\nRange: bytes=2-3"] {
        let answer = ask(&server, &format!("Range: {more}\r\n"));
        assert_eq!((answer.status, answer.text()), (200, "0123456789"), "{more}");
        assert_eq!(answer.header("content-range"), None);
        assert_eq!(answer.header("accept-ranges"), Some("bytes"));
    }
    let empty = |range: &str| server.ask(&get("/empty.txt", &format!("Range: {range}\r\n"))).status;
    assert_eq!((empty("bytes=0-"), empty("bytes=-5")), (416, 200));
}

/// A range of a big file is sent in parts as well, from its first byte on.
#[test]
fn a_range_of_a_big_file_is_streamed() {
    let (_folder, server) = serve();
    let rows = [(0, BIG_BYTES), (1, BIG_BYTES), (99_999, 250_000), (BIG_BYTES - 1, BIG_BYTES)];
    for (start, end) in rows {
        let range = format!("Range: bytes={start}-{}\r\n", end - 1);
        let answer = server.ask(&get("/big.bin", &range));
        assert_eq!(answer.status, 206, "{range}");
        let told = format!("bytes {start}-{}/{BIG_BYTES}", end - 1);
        assert_eq!(answer.header("content-range"), Some(told.as_str()));
        assert!(answer.body.into_iter().eq((start..end).map(byte)), "{range}");
    }
}

/// RFC 9110, 13.1.5: a range applies if the client has the same state of the file.
#[test]
fn another_state_is_sent_whole() {
    let (folder, server) = serve();
    let tag = ask(&server, "").header("etag").expect("it has a tag").to_owned();
    let rows = [
        (tag.clone(), 206),
        (DATE.to_owned(), 206),
        ("Sunday, 06-Nov-94 08:49:37 GMT".to_owned(), 206),
        (format!("W/{tag}"), 200),
        ("\"x\"".to_owned(), 200),
        ("*".to_owned(), 200),
        (format!("{tag}, \"x\""), 200),
        (format!("{tag}\r\nIf-Range: \"x\""), 200),
        ("Sun, 06 Nov 1994 08:49:38 GMT".to_owned(), 200),
        ("Sun, 06 Nov 1994 08:49:36 GMT".to_owned(), 200),
        (String::new(), 200),
    ];
    for (state, status) in rows {
        let answer = ask(&server, &format!("Range: bytes=2-3\r\nIf-Range: {state}\r\n"));
        assert_eq!(answer.status, status, "{state}");
        assert_eq!(answer.text(), if status == 206 { "23" } else { "0123456789" }, "{state}");
    }
    // The whole file as well, if the range is beyond its end.
    let answer = ask(&server, "Range: bytes=99-\r\nIf-Range: \"x\"\r\n");
    assert_eq!(answer.status, 200);
    fs::write(folder.join("x.txt"), "abcdefghij").expect("it can be written");
    let answer = ask(&server, &format!("Range: bytes=2-3\r\nIf-Range: {tag}\r\n"));
    assert_eq!((answer.status, answer.text()), (200, "abcdefghij"));
}

#[test]
fn what_has_not_been_modified_is_304() {
    let (folder, server) = serve();
    assert_eq!(ask(&server, "").header("last-modified"), Some(DATE));
    let rows = [
        (format!("If-Modified-Since: {DATE}\r\n"), 304),
        ("If-Modified-Since: Mon, 07 Nov 1994 00:00:00 GMT\r\n".to_owned(), 304),
        ("If-Modified-Since: Sun Nov  6 08:49:37 1994\r\n".to_owned(), 304),
        ("If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n".to_owned(), 200),
        ("If-Modified-Since: yesterday\r\n".to_owned(), 200),
        (format!("If-Modified-Since: {DATE}\r\nIf-Modified-Since: {DATE}\r\n"), 200),
        // RFC 9110, 13.1.3: with If-None-Match, If-Modified-Since is ignored.
        (format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {DATE}\r\n"), 200),
        ("If-None-Match: \"x\"\r\nIf-None-Match: *\r\n".to_owned(), 304),
        // RFC 9110, 13.2.2: conditions come before the range.
        (format!("If-Modified-Since: {DATE}\r\nRange: bytes=0-1\r\n"), 304),
        ("If-None-Match: \"x\"\r\nRange: bytes=0-1\r\n".to_owned(), 206),
    ];
    for (more, status) in rows {
        let answer = ask(&server, &more);
        assert_eq!(answer.status, status, "{more}");
        assert_eq!(answer.header("last-modified"), Some(DATE), "{more}");
        if status == 304 {
            assert_eq!((answer.body.len(), answer.header("content-length")), (0, None));
        }
    }
    // RFC 9110, 8.8.2.1: Last-Modified is not later than the Date of the answer.
    date(&folder.join("x.txt"), SystemTime::now() + Duration::from_secs(100_000));
    let answer = ask(&server, "");
    let told = |name| {
        let text = answer.header(name).expect("it is there");
        switchboard::ws::http_date::parse(text, 0).expect("it is a date")
    };
    let ahead = told("last-modified").saturating_sub(told("date"));
    assert!(ahead <= 1, "the date is at most a second old, and not a day: {ahead}");
}

/// RFC 9110, 13.1.1, 13.1.4 and 13.2.2.
#[test]
fn another_state_than_is_wanted_is_412() {
    let (_folder, server) = serve();
    let tag = ask(&server, "").header("etag").expect("it has a tag").to_owned();
    let rows = [
        (format!("If-Match: {tag}\r\n"), 200),
        (format!("If-Match: \"x\", {tag}\r\n"), 200),
        ("If-Match: *\r\n".to_owned(), 200),
        ("If-Match: \"x\"\r\n".to_owned(), 412),
        (format!("If-Match: W/{tag}\r\n"), 412),
        ("If-Match: \"x\"\r\nRange: bytes=0-1\r\n".to_owned(), 412),
        ("If-Match: \"x\"\r\nIf-None-Match: *\r\n".to_owned(), 412),
        (format!("If-Match: {tag}\r\nIf-None-Match: {tag}\r\n"), 304),
        (format!("If-Unmodified-Since: {DATE}\r\n"), 200),
        ("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n".to_owned(), 412),
        ("If-Unmodified-Since: yesterday\r\n".to_owned(), 200),
        (format!("If-Match: {tag}\r\nIf-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n"), 200),
        (format!("If-Match: \"x\"\r\nIf-Unmodified-Since: {DATE}\r\n"), 412),
    ];
    for (more, status) in rows {
        let answer = ask(&server, &more);
        assert_eq!(answer.status, status, "{more}");
        assert_eq!(answer.header("etag"), Some(tag.as_str()), "{more}");
    }
}

/// RFC 9110, 9.3.2 and 14.2: HEAD has the head of the whole, and no range.
#[test]
fn a_head_of_a_file_opens_nothing() {
    let (_folder, server) = serve();
    for (path, more) in
        [("/x.txt", ""), ("/big.bin", ""), ("/nothing", ""), ("/x.txt", "If-None-Match: *\r\n")]
    {
        let whole = server.ask(&get(path, more));
        let range = format!("Range: bytes=0-1\r\n{more}");
        let request = format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\n{range}\r\n");
        let head = server.ask(request.as_bytes());
        assert_eq!((head.status, head.body.len()), (whole.status, 0), "{path}");
        for name in ["content-length", "content-type", "etag", "last-modified", "accept-ranges"] {
            assert_eq!(head.header(name), whole.header(name), "{path} {name}");
        }
    }
}

/// The byte at a place of the big file; the row is so long that no part repeats another.
fn byte(at: usize) -> u8 {
    let word = u32::try_from(at / 4).expect("the file is small").wrapping_mul(2_654_435_761);
    word.to_be_bytes()[at % 4]
}

//! Origins, whose they are, and patterns of them.

use crate::ws::UriHost;
use crate::ws::origin::{Origin, OriginError, names};

#[test]
fn an_origin_is_equal_however_it_is_written() {
    let rows = [
        ("null", "null"),
        ("NULL", "null"),
        ("https://Example.org", "https://example.org"),
        ("HTTPS://a.example:443", "https://a.example"),
        ("http://a.example:80", "http://a.example"),
        ("http://a.example:443", "http://a.example:443"),
        ("https://a:80", "https://a:80"),
        ("https://a:00443", "https://a"),
        ("https://a.example.", "https://a.example"),
        ("https://a.example/", "https://a.example"),
        ("https://a.example.:8443/", "https://a.example:8443"),
        ("ws://a:80", "ws://a"),
        ("WSS://a:443/", "wss://a"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]", "http://[::1]"),
        ("http://[0:0::1]:81", "http://[::1]:81"),
        ("chrome-extension://AbCdef", "chrome-extension://abcdef"),
        ("tauri://localhost", "tauri://localhost"),
        ("capacitor://-", "capacitor://-"),
        ("app://.", "app://."),
        ("app://./", "app://."),
        ("app://obsidian.md", "app://obsidian.md"),
        ("file://", "file://"),
        ("file:///", "file://"),
        ("vscode-webview://0a-1b:80", "vscode-webview://0a-1b:80"),
    ];
    for (text, expected) in rows {
        let origin = Origin::parse(text).expect(text);
        assert_eq!(Origin::parse(expected), Ok(origin), "{text}");
    }
    let differ = ["null", "file://", "null://", "http://a", "https://a", "ws://a", "http://a:81"];
    for (at, a) in differ.iter().enumerate() {
        for b in &differ[at + 1..] {
            assert_ne!(Origin::parse(a), Origin::parse(b));
        }
    }
}

#[test]
fn other_texts_are_no_origins() {
    let wrong = [
        "",
        "*",
        "example.org",
        "https://",
        "https:///",
        "https://.",
        "https://a..",
        "https://a//",
        "https://a/b",
        "https://a:0",
        "https://a:65536",
        "https://a:",
        "https://a:*",
        "https://a:+1",
        "https://a:x",
        "https://::1",
        "https://u@a",
        "1x://a",
        "://a",
        "://",
        "https://*.a",
        "https://300.1.1.1",
        "file:///home",
        "app://*",
        "app://a,b",
        "app://u@a",
        "https://[::1",
        "https://[127.0.0.1]",
        "https://a https://b",
        " https://a",
        "https://ä.example",
    ];
    for text in wrong {
        assert_eq!(Origin::parse(text), Err(OriginError), "{text:?}");
    }
}

#[test]
fn origins_have_hosts() {
    let rows = [
        ("http://a.example", "a.example", true),
        ("http://a.example", "A.Example:80", true),
        ("https://a.example", "a.example:443", true),
        ("https://a.example", "a.example", true),
        ("https://a.example", "a.example:", true),
        ("http://a:8080", "a:8080", true),
        ("https://a:8080", "a:8080", true),
        ("http://[::1]:81", "[0:0::1]:81", true),
        // From clients other than browsers.
        ("ws://a:8080", "a:8080", true),
        ("wss://a.example", "a.example:443", true),
        ("ws://a.example", "a.example:80", true),
        ("wss://a.example:443", "a.example", true),
        ("http://a:8080/", "a:8080", true),
        ("wss://a.example/", "a.example", true),
        // The dot that may end a name.
        ("http://a.example.", "a.example", true),
        ("http://a.example", "a.example.:80", true),
        ("http://a.example.", "a.example.", true),
        ("http://a.example", "a.example..", false),
        // Another port, another host.
        ("http://a.example", "a.example:443", false),
        ("wss://a.example", "a.example:80", false),
        ("ws://a.example", "a.example:443", false),
        ("http://a.example", "b.example", false),
        ("http://a.example", "a.example:81", false),
        ("http://a.example:81", "a.example", false),
        ("http://a.example", "", false),
        ("http://a.example", "x@a.example", false),
        ("http://[::1]", "127.0.0.1", false),
        // No host of HTTP.
        ("chrome-extension://a", "a", false),
        ("file://", "", false),
        ("app://.", ".", false),
        ("null", "null", false),
    ];
    for (origin, host, expected) in rows {
        let origin = Origin::parse(origin).expect("it is an origin");
        assert_eq!(origin.is_of(host), expected, "{origin:?} of {host:?}");
    }
}

#[test]
fn patterns_match_origins() {
    let rows = [
        ("same", "https://h:443", true),
        ("SAME", "ws://h/", true),
        ("same", "http://h:81", false),
        ("null", "null", true),
        ("null", "file://", false),
        ("file://", "file://", true),
        ("file://", "file:///", true),
        ("file://", "null", false),
        ("app://.", "app://.", true),
        ("app://.", "app://a", false),
        ("chrome-extension://abc", "chrome-extension://ABC", true),
        ("chrome-extension://abc", "moz-extension://abc", false),
        ("https://a.example:443", "https://A.example.", true),
        ("https://a.example", "http://a.example", false),
        ("https://a.example", "https://a.example:8443", false),
        ("https://*.a.example", "https://b.a.example", true),
        ("https://*.a.example", "https://c.b.a.example:443/", true),
        ("https://*.a.example", "https://a.example", false),
        ("https://*.a.example", "https://xa.example", false),
        ("https://*.a.example", "https://b.a.example.evil.net", false),
        ("https://*.a.example", "https://b.a.example:8443", false),
        ("https://*.a.example", "http://b.a.example", false),
        ("https://*.a.example:8443", "https://b.a.example:8443", true),
        ("http://localhost:*", "http://localhost", true),
        ("http://localhost:*", "http://LOCALHOST:5173", true),
        ("http://localhost:*", "https://localhost:5173", false),
        ("http://localhost:*", "http://a.localhost:5173", false),
        ("http://*.localhost:*", "http://a.localhost:5173", true),
        ("http://[::1]:*", "http://[::1]:5173", true),
        ("http://127.0.0.1:*", "http://127.0.0.1:5173", true),
        ("app://-:*", "app://-:9", true),
    ];
    for (text, origin, expected) in rows {
        let origin = Origin::parse(origin).expect("it is an origin");
        assert_eq!(origin.is_one_of(text, "h"), Some(expected), "{text} and {origin:?}");
    }
    let hosts = [
        ("https://a.example", "a.example", true),
        ("http://a.example:81", "A.Example", true),
        ("https://*.a.example:*", "b.a.example", true),
        ("https://*.a.example", "a.example", false),
        ("same", "a.example", false),
        ("null", "null", false),
        ("file://", "a.example", false),
    ];
    for (text, host, expected) in hosts {
        assert_eq!(names(text, UriHost::parse(host).expect(host)), expected, "{text} and {host}");
    }
}

#[test]
fn what_is_no_pattern_is_told() {
    let wrong = [
        "",
        "*",
        "any",
        "https://*",
        "https://*:443",
        "https://*.",
        "https://*a.example",
        "https://a.*.example",
        "https://*.*.example",
        "https://*.1.2.3.4",
        "https://a.example:*1",
        "https://a.example:**",
        "*://a.example",
        "app://*",
        "app://*.",
        "localhost:*",
        "http://::1:*",
        "https://a.example/path",
    ];
    let null = Origin::parse("null").expect("it is an origin");
    for text in wrong {
        assert_eq!(null.is_one_of(text, "h"), None, "{text:?}");
    }
}

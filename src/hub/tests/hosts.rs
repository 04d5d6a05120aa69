//! Which hosts requests may name: every sentence of the rule as rows.

use super::*;
use crate::service::{OriginRule, Page};

/// What a request is.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A handshake with this line in its head.
    Handshake(&'static str),
    /// A plain GET with this line in its head.
    Plain(&'static str),
    /// A plain GET in HTTP/1.0 with this line in its head.
    Old(&'static str),
}

use Kind::{Handshake, Old, Plain};

const EVIL: &str = "evil.example:12345";
/// The origin of a page that has its own name resolve to this machine.
const REBOUND: &str = "Origin: http://evil.example:12345";
const FORWARDED: [&str; 4] = [
    "X-Forwarded-For: 203.0.113.9",
    "x-forwarded-host: evil.example",
    "Forwarded: for=203.0.113.9",
    "Via: 1.1 proxy",
];

/// A hub with `/same`, `/list`, and `/any`, each with such a rule about origins.
fn rig(allowed: &str, origin: &str) -> Rig {
    let mut rig = Rig::new(Limits::SERVER);
    rig.engine
        .hub_mut()
        .allow_hosts(allowed.parse().expect(allowed), origin.parse().expect(origin));
    let rules = [
        ("/same", "same"),
        ("/list", "same, https://*.b.example, http://c.example:81, null"),
        ("/any", "any"),
    ];
    for (path, rule) in rules {
        let mount = ServiceOptions { origin: rule.parse().expect(rule), ..mount(Limits::SERVER) };
        rig.engine.hub_mut().mount(path, mount).expect("the paths differ");
    }
    rig
}

impl Rig {
    /// The status of the answer to a request; 101 for one that is on its way to its service.
    fn ask_host(&mut self, reach: Reach, path: &str, host: &str, kind: Kind) -> String {
        let id = self.connect_to(reach);
        let (version, upgrade, line) = match kind {
            Handshake(line) => (
                "1.1",
                "Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                line,
            ),
            Plain(line) => ("1.1", "", line),
            Old(line) => ("1.0", "", line),
        };
        let line = if line.is_empty() { String::new() } else { format!("{line}\r\n") };
        let head = format!("GET {path} HTTP/{version}\r\nHost: {host}\r\n{upgrade}{line}\r\n");
        self.receive(id, head.as_bytes());
        self.outcome(id)
    }

    fn outcome(&mut self, id: SocketId) -> String {
        let status = self.status(id);
        if status.is_empty() { "101".to_owned() } else { status }
    }
}

/// On a listener on loopback, `auto` lets no page of another name in.
#[test]
fn names_of_others_are_refused_on_loopback() {
    let rows = [
        // A handshake with an Origin, whose Host is...
        ("/same", EVIL, Handshake(REBOUND), "421"),
        ("/same", "EVIL.example.:12345", Handshake(REBOUND), "421"),
        ("/same", "localhost.evil.example", Handshake("Origin: http://localhost"), "421"),
        ("/same", "127.0.0.1.evil.example", Handshake("Origin: http://a"), "421"),
        ("/same", "127.1", Handshake("Origin: http://127.1"), "421"),
        ("/same", "a..b", Handshake("Origin: http://a"), "421"),
        // ... a loopback name,
        ("/same", "localhost:1", Handshake("Origin: http://localhost:1"), "101"),
        ("/same", "LOCALHOST.", Handshake("Origin: http://localhost"), "101"),
        ("/same", "a.localhost", Handshake("Origin: http://a.localhost"), "101"),
        ("/same", "localhost", Handshake(REBOUND), "403"),
        // ... an address,
        ("/same", "127.0.0.1:1", Handshake("Origin: http://127.0.0.1:1"), "101"),
        ("/same", "[::1]", Handshake("Origin: http://[::1]"), "101"),
        ("/same", "192.0.2.1", Handshake("Origin: http://192.0.2.1"), "101"),
        ("/same", "[2001:db8::1]:1", Handshake("Origin: http://[2001:db8::1]:1"), "101"),
        // ... named by origin, that of the service,
        ("/list", "a.b.example", Handshake("Origin: https://a.b.example"), "101"),
        ("/list", "c.example", Handshake("Origin: null"), "101"),
        ("/list", "b.example", Handshake("Origin: https://a.b.example"), "421"),
        ("/same", "a.b.example", Handshake("Origin: https://a.b.example"), "421"),
        ("/any", EVIL, Handshake(REBOUND), "101"),
        ("/any", "a..b", Handshake(REBOUND), "101"),
        // ... or anything, without an Origin.
        ("/same", EVIL, Handshake(""), "101"),
        // A plain GET, of a page and of anything else.
        ("/same", EVIL, Plain(""), "421"),
        ("/same", EVIL, Plain(REBOUND), "421"),
        ("/same", "localhost", Plain(""), "426"),
        ("/same", "192.0.2.1:1", Plain(""), "426"),
        ("/list", "a.b.example", Plain(""), "426"),
        ("/any", EVIL, Plain(""), "426"),
        ("/none", EVIL, Plain(""), "421"),
        ("/none", EVIL, Handshake(REBOUND), "421"),
        ("/none", EVIL, Handshake(""), "404"),
        ("/none", "localhost", Plain(""), "404"),
        // No browser asks in HTTP/1.0.
        ("/same", EVIL, Old(""), "426"),
        ("/same", "backend", Old("Connection: close"), "426"),
        ("/none", EVIL, Old(""), "404"),
        ("http://evil.example/same", EVIL, Old(""), "426"),
        // An empty Host names nothing.
        ("/same", "", Plain(""), "426"),
        ("/same", "", Handshake("Origin: http://evil.example"), "403"),
        // The absolute form replaces Host.
        ("http://evil.example/same", "localhost", Plain(""), "421"),
        ("http://localhost/same", EVIL, Plain(""), "426"),
    ];
    let mut rig = rig("auto", "same");
    for (path, host, kind, status) in rows {
        let found = rig.ask_host(Reach::Machine, path, host, kind);
        assert_eq!(found, status, "{path} of {host:?}: {kind:?}");
    }
    // Requests that a proxy has forwarded.
    for line in FORWARDED {
        for (path, status) in [("/same", "426"), ("/none", "404")] {
            assert_eq!(rig.ask_host(Reach::Machine, path, EVIL, Plain(line)), status, "{line}");
        }
    }
    for line in ["X-Forwarded: 1", "X-Real-IP: 203.0.113.9", "X-Forwarded-Proto: https"] {
        assert_eq!(rig.ask_host(Reach::Machine, "/same", EVIL, Plain(line)), "421", "{line}");
    }
}

#[test]
fn what_a_proxy_forwards_is_excused() {
    let mut rig = rig("auto", "same");
    for line in FORWARDED {
        let both = format!("{REBOUND}\r\n{line}").leak();
        assert_eq!(rig.ask_host(Reach::Machine, "/same", EVIL, Handshake(both)), "101", "{line}");
    }
}

/// Other machines can reach it in any case, by any name.
#[test]
fn listeners_that_are_not_on_loopback_have_any_host() {
    let mut rig = rig("auto", "same");
    assert_eq!(rig.ask_host(Reach::Network, "/same", EVIL, Handshake(REBOUND)), "101");
    assert_eq!(rig.ask_host(Reach::Network, "/same", EVIL, Plain("")), "426");
}

#[test]
fn hosts_may_be_listed() {
    let rows = [
        // Beside auto.
        ("auto, evil.example", Reach::Machine, EVIL, Handshake(REBOUND), "101"),
        ("auto, evil.example", Reach::Machine, EVIL, Plain(""), "426"),
        ("auto, *.example", Reach::Machine, EVIL, Plain(""), "426"),
        ("auto, a.example", Reach::Machine, EVIL, Plain(""), "421"),
        ("auto, a.example", Reach::Machine, EVIL, Plain("Via: 1.1 proxy"), "426"),
        ("auto, a.example", Reach::Machine, "localhost", Plain(""), "426"),
        ("auto, a.example", Reach::Machine, EVIL, Old(""), "426"),
        // Alone, a list is strict: neither a header nor HTTP/1.0 excuses another host, on any
        // listener.
        ("a.example", Reach::Machine, EVIL, Old(""), "421"),
        ("a.example", Reach::Network, EVIL, Old(""), "421"),
        ("a.example", Reach::Network, "a.example", Old(""), "426"),
        ("evil.example", Reach::Machine, EVIL, Handshake(REBOUND), "101"),
        ("evil.example", Reach::Network, EVIL, Plain(""), "426"),
        ("a.example", Reach::Machine, EVIL, Handshake(""), "421"),
        ("a.example", Reach::Network, EVIL, Handshake(""), "421"),
        ("a.example", Reach::Network, EVIL, Handshake(REBOUND), "421"),
        ("a.example", Reach::Network, EVIL, Handshake("Via: 1.1 proxy"), "421"),
        ("a.example", Reach::Network, EVIL, Plain("X-Forwarded-For: 203.0.113.9"), "421"),
        ("a.example", Reach::Machine, "localhost", Plain(""), "421"),
        ("a.example", Reach::Machine, "127.0.0.1", Plain(""), "421"),
        ("a.example 127.0.0.1", Reach::Machine, "127.0.0.1:1", Plain(""), "426"),
        ("a.example", Reach::Network, "", Plain(""), "426"),
        ("any", Reach::Machine, EVIL, Handshake(REBOUND), "101"),
        ("any", Reach::Machine, "a..b", Plain(""), "426"),
    ];
    for (allowed, reach, host, kind, status) in rows {
        let found = rig(allowed, "same").ask_host(reach, "/same", host, kind);
        assert_eq!(found, status, "{allowed}, {reach:?}, {host:?}, {kind:?}");
    }
    // Not even the rule of a service.
    assert_eq!(rig("a.example", "any").ask_host(Reach::Machine, "/any", EVIL, Plain("")), "421");
    for text in [
        "",
        ",",
        "auto, any",
        "any, a",
        "auto, auto",
        "a.example:80",
        "*",
        "http://a",
        "true",
        "None",
    ] {
        assert!(text.parse::<AllowedHosts>().is_err(), "{text:?}");
    }
    for text in ["auto", "any", "auto, a.example", "*.a.example, 10.0.0.1, [::1]"] {
        assert_eq!(text.parse::<AllowedHosts>().expect(text).to_string(), text);
    }
}

/// Paths without a service have the rule of the server.
#[test]
fn files_have_the_rule_of_the_server() {
    for (origin, status) in [("same", "421"), ("https://evil.example", "404"), ("any", "404")] {
        let found = rig("auto", origin).ask_host(Reach::Machine, "/none", EVIL, Plain(""));
        assert_eq!(found, status, "{origin}");
    }
}

/// For each result of a lookup.
#[test]
fn programs_are_asked_for_by_their_hosts_too() {
    let mut rig = rig("auto", "same");
    rig.engine.hub_mut().look_up();
    let any = ServiceOptions { origin: OriginRule::Any, ..mount(Limits::SERVER) };
    let any = rig.engine.hub_mut().mount_program("/free", any).expect("it is free");
    let same = rig.engine.hub_mut().mount_program("/p", mount(Limits::SERVER)).expect("it is free");
    let refused = LookupResult::Refused(Response::text(Status::INTERNAL_ERROR, "it is no program"));
    let page = || Page::html("a page");
    let rows = [
        (LookupResult::Found(any), Handshake(REBOUND), "101"),
        (LookupResult::Found(same), Handshake(REBOUND), "421"),
        (LookupResult::Below(same), Handshake(REBOUND), "421"),
        (LookupResult::Nothing, Handshake(REBOUND), "421"),
        (refused, Handshake(REBOUND), "421"),
        (LookupResult::Found(any), Plain(""), "426"),
        (LookupResult::Below(same), Plain(""), "421"),
        (LookupResult::Page(any, page()), Plain(""), "200"),
        (LookupResult::Page(same, page()), Plain(""), "421"),
        (LookupResult::Page(same, page()), Plain("Via: 1.1 proxy"), "200"),
    ];
    for (looked, kind, status) in rows {
        let looked_for = format!("{looked:?}");
        assert_eq!(rig.ask_host(Reach::Machine, "/x", EVIL, kind), "101", "it waits");
        let LookupJob { id, .. } = rig.io.lookups.remove(0);
        rig.looked_up(id, looked);
        assert_eq!(rig.outcome(id), status, "{looked_for}");
    }
}

/// The refusal says what was found, which rule forbids it, and the cure.
#[test]
fn the_refusal_helps() {
    for (allowed, words) in [
        ("auto", ["evil.example:12345", "allowed-hosts is auto", "set allowed-hosts: auto, evil"]),
        (
            "a.example",
            ["evil.example:12345", "allowed-hosts is a.ex", "allowed-hosts: a.example, ev"],
        ),
    ] {
        let mut rig = rig(allowed, "same");
        let id = rig.connect_to(Reach::Machine);
        rig.receive(id, format!("GET /same HTTP/1.1\r\nHost: {EVIL}\r\n\r\n").as_bytes());
        let answer = String::from_utf8(rig.got(id)).expect("it is text");
        assert!(answer.starts_with("HTTP/1.1 421 Misdirected Request\r\n"), "{answer}");
        assert!(words.iter().all(|word| answer.contains(word)), "{answer}");
    }
    // What the rule about origins would refuse next is named there, which passes both.
    let mut rig = rig("auto", "same");
    let id = rig.connect_to(Reach::Machine);
    let head = "GET /same HTTP/1.1\r\nHost: app.example:1\r\nOrigin: http://app.example:2\r\n\
                Upgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    rig.receive(id, head.as_bytes());
    let answer = String::from_utf8(rig.got(id)).expect("it is text");
    assert!(answer.contains("421") && answer.contains("no X-Forwarded-For"), "{answer}");
    assert!(answer.contains("set origin: same, http://app.example:2\n"), "{answer}");
}

//! Laws for each key, including new ones: it sets one option, and a change of that is named in the
//! class that its `ReloadTime` says.

use super::*;
use crate::config::key::{Key, ReloadTime};
use crate::config::section::Section;

#[test]
fn each_key_sets_an_option_of_its_own() {
    for key in keys::all().filter(|key| is_built(key)) {
        let (mut before, mut after) = changed_by(key, key.section.title());
        let differ = keys::all().filter(|other| other.differs(&mut before, &mut after));
        assert_eq!(differ.map(|other| other.name).collect::<Vec<_>>(), [key.name]);
    }
}

#[test]
fn a_service_has_the_option_in_its_section_alone() {
    for key in keys::all().filter(|key| is_built(key) && key.is_for_services()) {
        let (before, after) = changed_by(key, "[service /a]");
        assert_eq!(after.service("/b"), before.service("/b"), "{}", key.name);
        let for_all = Config { services: before.services.clone(), ..after.clone() };
        assert_eq!(for_all, before, "{}", key.name);
    }
}

/// Each key has a class. `tests/reload.rs` shows of each that it is true.
#[test]
fn a_change_is_named_in_its_class() {
    for key in keys::all().filter(|key| is_built(key)) {
        let names = |before: &Config, after: &Config| match key.reload {
            ReloadTime::Live => (before.applied_changes(after), before.waiting_changes(after)),
            ReloadTime::NextStart => (before.waiting_changes(after), before.applied_changes(after)),
        };
        let none: Vec<String> = Vec::new();
        let (before, after) = changed_by(key, key.section.title());
        let only = (vec![key.name.to_owned()], none.clone());
        assert_eq!(names(&before, &after), only, "what services have from all is named once");
        assert_eq!(names(&after, &before), only);
        assert_eq!(names(&after, &after), (none.clone(), none.clone()), "{}", key.name);
        if key.is_for_services() {
            let (before, after) = changed_by(key, "[service /a]");
            let only = (vec![format!("[service /a] {}", key.name)], none);
            assert_eq!(names(&before, &after), only);
            assert_eq!(names(&after, &before), only);
        }
    }
}

/// A program that embeds the server sets fields, and its log has the names of keys.
#[test]
fn the_documentation_of_limits_has_the_field_of_each_key() {
    let rows = include_str!("../../limits/fields.md").lines();
    let is_of_key = |line: &&str| {
        let name = line.strip_prefix("| `").and_then(|rest| rest.split('`').next());
        name.is_some_and(|name| keys::unbuilt(name).is_none())
    };
    let rows: Vec<_> = rows.filter(is_of_key).collect();
    let keys = keys::all().filter(|key| key.section == Section::Limits);
    let expected = keys.map(|key| {
        let (before, after) = changed_by(key, key.section.title());
        let [before, after] = [before, after].map(|config| config.limits_for(usize::MAX));
        let after = fields(&after);
        let changed = fields(&before).into_iter().filter(|field| !after.contains(field));
        let links = changed.map(|(name, _)| format!("[`{name}`](Limits::{name})"));
        format!("| `{}` | {} |", key.name, Vec::from_iter(links).join(", "))
    });
    assert_eq!(rows, Vec::from_iter(expected));
}

/// The names and values of all fields.
fn fields(limits: &Limits) -> Vec<(String, String)> {
    let text = format!("{limits:#?}");
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        // Deeper lines belong to the value above them.
        let name = line.strip_prefix("    ").filter(|rest| !rest.starts_with([' ', '}']));
        match (name.and_then(|rest| rest.split_once(": ")), fields.last_mut()) {
            (Some((name, value)), _) => fields.push((name.to_owned(), value.to_owned())),
            (None, Some((_, value))) => *value += line,
            (None, None) => {}
        }
    }
    fields
}

/// Another word for the same value is no change. A section that comes or goes is one of what it
/// says.
#[test]
fn a_reload_compares_values_and_not_words() {
    let read = |text: &str| parse(text).expect("it is right");
    let changes = |before: &str, after: &str| {
        let (before, after) = (read(before), read(after));
        (before.applied_changes(&after).join(", "), before.waiting_changes(&after).join(", "))
    };
    let rows = [
        ("", "[server]\nport: 12345\norigin: SAME\n[limits]\nmax-message: 1024k", "", ""),
        ("", "[server]\nhost: ::1\nlog-level: warn", "log-level", "host"),
        ("", "[service /a]\norigin: same", "", ""),
        ("", "[service /a]\nidle-timeout: 1s", "[service /a] idle-timeout", ""),
        ("[service /a]\nthread: loop", "", "", "[service /a] thread"),
        ("[service /a]\norigin: any", "[server]\norigin: any", "origin", ""),
        ("[service /a]\norigin: any", "[service /a]\norigin: null", "[service /a] origin", ""),
        (
            "[service /a]\norigin: null",
            "[server]\norigin: any\n[service /a]\norigin: any",
            "origin, [service /a] origin",
            "",
        ),
        ("", "[limits]\nmax-message: 2m", "max-message, outbox-max", ""),
    ];
    for (before, after, applied, waiting) in rows {
        let expected = (applied.to_owned(), waiting.to_owned());
        assert_eq!(changes(before, after), expected, "{before:?} {after:?}");
    }
}

/// Two configurations that differ in what a key sets in a section.
fn changed_by(key: &Key, section: &str) -> (Config, Config) {
    // Framing sets nothing in another mode, and the PROXY protocol needs a proxy.
    let modes: &[&str] = if cfg!(feature = "programs") { &["shared", "per-socket"] } else { &[] };
    let modes = modes.iter().map(|mode| format!("mode: {mode}\n"));
    let proxies = cfg!(feature = "proxy").then(|| "trusted-proxy: unix\n".to_owned());
    // The keys of TLS need a certificate, and some of them another key.
    let tls: &[&str] =
        if cfg!(feature = "tls") { &["", "tls-port: 1", "tls-client-ca: c"] } else { &[] };
    let tls = tls.iter().map(|key| format!("tls-certificate: a\n{key}\n"));
    for begin in [String::new()].into_iter().chain(modes).chain(proxies).chain(tls) {
        let begin = format!("[server]\n{begin}[service /a]\n[service /b]\n");
        let before = parse(&begin).expect("it is right");
        for value in VALUES {
            let after = parse(&format!("{begin}{section}\n{}: {value}\n", key.name));
            if let Some(after) = after.ok().filter(|after| *after != before) {
                return (before, after);
            }
        }
    }
    panic!("no value in VALUES changes what {} sets in {section}: add one", key.name)
}

/// Whether this build has another value than the default.
pub(super) fn is_built(key: &Key) -> bool {
    key.name != "compression" || cfg!(feature = "deflate")
}

/// Of these each key takes one at least that is not its default.
pub(super) const VALUES: [&str; 31] = [
    "7",
    "7 messages or 17k",
    "17k",
    "4m",
    "0600",
    "3s",
    "7/s burst 8",
    "on",
    "yes",
    "one",
    "any",
    "loop",
    "json",
    "debug",
    "all",
    "src",
    "/path",
    "::1",
    "127.0.0.1:1",
    "A=1",
    "HOME",
    "text",
    "per-socket",
    "keep",
    "close",
    "replace",
    "after-exit",
    "forwarded",
    "ask",
    "eager",
    "peer",
];

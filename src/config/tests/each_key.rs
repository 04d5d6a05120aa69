//! Laws for each key, including new ones: it sets one option, and its `ReloadTime` says whether a
//! reload leaves it to the next start.

use super::*;
use crate::config::key::{Key, ReloadTime, Setter};
use crate::config::section::Section;

#[test]
fn each_key_sets_an_option_of_its_own() {
    for key in keys::all().filter(|key| is_built(key)) {
        let (mut before, mut after) = changed_by(key, key.section.title());
        let differ = keys::all().filter(|other| other.differs(&mut before, &mut after));
        let differ: Vec<_> = differ.map(|other| other.name).collect();
        // For some keys that a reload applies, the difference is never needed.
        if key.reload != ReloadTime::Live || !differ.is_empty() {
            assert_eq!(differ, [key.name]);
        }
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

#[test]
fn a_reload_tells_what_it_does_not_apply() {
    let is_compiled = |path: &str| path == "/a";
    for key in keys::all().filter(|key| is_built(key)) {
        let (before, after) = changed_by(key, key.section.title());
        let all = "what holds for all services, such as origin, for those that are compiled in";
        let needs = match key.reload {
            ReloadTime::Live => vec![],
            _ if key.is_for_services() => vec![all, "[service /a]"],
            ReloadTime::LiveForPrograms => panic!("{} is not for services", key.name),
            ReloadTime::NextStart => vec![key.name],
        };
        assert_eq!(before.needs_restart(&after, is_compiled), needs, "{}", key.name);
        assert_eq!(after.needs_restart(&before, is_compiled), needs, "{}", key.name);
        assert_eq!(after.needs_restart(&after, is_compiled), [""; 0], "{}", key.name);
        if !key.is_for_services() {
            continue;
        }
        for (path, is_told) in [("/a", key.reload != ReloadTime::Live), ("/b", false)] {
            let (before, after) = changed_by(key, &format!("[service {path}]"));
            let needs = if is_told { vec!["[service /a]"] } else { vec![] };
            assert_eq!(before.needs_restart(&after, is_compiled), needs, "{} {path}", key.name);
        }
    }
}

/// A reload passes on only the options of programs (`Server::reload`). If it applies a key of the
/// server one day, that key becomes an exception here, with a test of the binary.
#[test]
fn marks_are_true() {
    for key in keys::all() {
        let mark = match key.setter {
            // The files are read again.
            Setter::Server(_) if key.name == "admin-token" => ReloadTime::Live,
            Setter::Server(_)
                if key.name.starts_with("tls-")
                    && !["tls-port", "tls-redirect"].contains(&key.name) =>
            {
                ReloadTime::Live
            }
            Setter::Server(_) => ReloadTime::NextStart,
            // Open sockets have agreed on compression, and the thread of a program is its own.
            Setter::Service(_) if ["compression", "thread"].contains(&key.name) => {
                ReloadTime::NextStart
            }
            Setter::Service(_) => ReloadTime::LiveForPrograms,
            #[cfg(feature = "programs")]
            Setter::Program(_) => ReloadTime::Live,
        };
        assert_eq!(key.reload, mark, "{}", key.name);
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

/// Another word for the same value needs no restart.
#[test]
fn a_reload_compares_values_and_not_words() {
    let new = parse("[server]\nport: 12345\norigin: SAME\n[limits]\nmax-message: 1024k\n");
    let new = new.expect("it is right");
    assert_eq!(Config::default().needs_restart(&new, |_| true), [""; 0]);
    let new = parse("[server]\nhost: ::1\nlog-level: warn\n[service /a]\nidle-timeout: 1s\n");
    let needs = Config::default().needs_restart(&new.expect("it is right"), |_| true);
    assert_eq!(needs, ["host", "log-level", "[service /a]"]);
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
pub(super) const VALUES: [&str; 30] = [
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
];

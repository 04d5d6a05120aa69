//! Which requests a hub refuses for their host, against a model of texts; and that OPTIONS is
//! answered for each target.

use std::net::{Ipv6Addr, SocketAddr};

use switchboard::hub::{FilePolicy, Hub, ListenerTraits, Reach};
use switchboard::limits::Limits;
use switchboard::time::Time;
use switchboard::ws::{Head, HeadReader, Target, Upgrade};
use switchboard::{AllowedHosts, OriginRule, ServiceOptions};

use super::origin::{is_name, parts};

/// A rule about hosts in a line, a rule about origins in another one, a byte that is odd on a
/// listener on loopback, and the head of a request. The rule about origins is that of the server
/// and of `/a`; that of `/same` is `same`.
pub fn check(data: &[u8]) {
    let mut lines = data.splitn(3, |&byte| byte == b'\n');
    let (Some(allowed), Some(origin), Some(rest)) = (lines.next(), lines.next(), lines.next())
    else {
        return;
    };
    let Some((&reach, request)) = rest.split_first() else { return };
    let (Ok(allowed), Ok(origin)) = (std::str::from_utf8(allowed), std::str::from_utf8(origin))
    else {
        return;
    };
    // The model knows of no other blanks.
    let is_odd = |text: &str| text.chars().any(|c| c.is_whitespace() && c != ' ');
    if data.len() > INPUT_BYTES_MAX || is_odd(allowed) || is_odd(origin) {
        return;
    }
    let Ok(origin_rule) = origin.parse::<OriginRule>() else { return };
    let read = allowed.parse::<AllowedHosts>();
    let rule = Rule::of(allowed);
    assert_eq!(read.is_ok(), rule.is_some(), "{allowed:?}");
    let (Ok(read), Some(rule)) = (read, rule) else { return };
    assert_eq!(read.to_string().parse().as_ref(), Ok(&read), "{allowed:?}");

    let is_local = reach % 2 == 1;
    let (hub, answer) = ask(read, origin_rule, is_local, request);
    let status = answer.get(9..12);

    let Ok((_, Some(head))) = HeadReader::default().receive(request, &Limits::SERVER) else {
        assert_ne!(status, Some("421"), "what is no request has no host");
        return;
    };
    let upgrade = match head.method() {
        "GET" => Upgrade::parse(&head),
        "OPTIONS" => {
            assert_eq!(status, Some("204"), "{:?}", head.target());
            assert!(answer.contains("\r\nAllow: GET, HEAD, OPTIONS\r\n"), "{answer:?}");
            return;
        }
        "HEAD" => Ok(None),
        _ => return assert_eq!(status, Some("405")),
    };
    let Ok(upgrade) = upgrade else { return assert_ne!(status, Some("421")) };
    let Ok(target) = Target::parse(head.target()) else { return assert_ne!(status, Some("421")) };
    let service = hub.find(&target.path);
    // The rule of a service, or that of the server where there is none.
    let is_same = service.is_some_and(|service| hub.path(service) == "/same");
    let origin = if is_same { "same" } else { origin };
    let host = target.authority.as_deref().or(head.header("Host")).unwrap_or_default();
    let is_refused = !host.is_empty()
        && match &rule {
            Rule::Any => false,
            Rule::List(names) => !is_listed(names, host),
            Rule::Auto(names) => {
                let passes = is_listed(names, host)
                    || is_own(host)
                    || is_named(origin, host)
                    || is_excused(&head, upgrade.is_some());
                is_local && !passes
            }
        };
    assert_eq!(status == Some("421"), is_refused, "{allowed:?} {origin:?} {host:?}: {answer:?}");
    if upgrade.is_none() && !is_refused {
        assert_eq!(
            status,
            Some(if service.is_some() { "426" } else { "404" }),
            "{:?}",
            target.path
        );
    }
}

/// A hub with these rules, and its answer to a request.
fn ask(hosts: AllowedHosts, rule: OriginRule, is_local: bool, request: &[u8]) -> (Hub, String) {
    let mut hub = Hub::new(Limits::SERVER, FilePolicy::None, Time::ZERO);
    hub.allow_hosts(hosts, rule.clone());
    for (path, origin) in [("/a", rule), ("/same", OriginRule::Same)] {
        let options = ServiceOptions { origin, ..ServiceOptions::default() };
        hub.mount(path, options).expect("it is a path");
    }
    let reach = if is_local { Reach::Machine } else { Reach::Network };
    let peer = SocketAddr::from(([192, 0, 2, 1], 1));
    let id =
        hub.accept(Some(peer), ListenerTraits::plain(reach), Time::ZERO).expect("there is space");
    hub.receive(id, &mut request.to_vec(), Time::ZERO);
    let answer: Vec<u8> = hub.unsent(id).flatten().copied().collect();
    (hub, String::from_utf8_lossy(&answer).into_owned())
}

/// A rule about hosts, as the words of its list.
enum Rule<'a> {
    Any,
    Auto(Vec<&'a str>),
    List(Vec<&'a str>),
}

impl<'a> Rule<'a> {
    fn of(text: &'a str) -> Option<Self> {
        if text.trim_matches(' ').eq_ignore_ascii_case("any") {
            return Some(Self::Any);
        }
        let mut words: Vec<_> = text.split([',', ' ']).filter(|word| !word.is_empty()).collect();
        // A list does not begin with a comma where it begins with a word.
        let is_auto = words.first()?.eq_ignore_ascii_case("auto")
            && !text.trim_start_matches(' ').starts_with(',');
        if is_auto {
            words.remove(0);
        }
        let is_right = |word: &&str| {
            let is_rule = WORDS.iter().any(|rule| word.eq_ignore_ascii_case(rule));
            !is_rule && Names::of(word).is_some()
        };
        if !words.iter().all(is_right) {
            return None;
        }
        Some(if is_auto { Self::Auto(words) } else { Self::List(words) })
    }
}

/// Words that are no names, since they were meant to be a rule.
const WORDS: [&str; 11] =
    ["any", "auto", "all", "none", "same", "on", "off", "true", "false", "yes", "no"];

/// What a word of a list names, in lower case.
enum Names {
    One(String),
    /// All names that end in this.
    Below(String),
}

impl Names {
    fn of(word: &str) -> Option<Self> {
        if let Some(parent) = word.strip_prefix("*.") {
            return Some(Self::Below(format!(
                ".{}",
                host_of(parent).filter(|host| is_name(host))?
            )));
        }
        let address = word.parse::<Ipv6Addr>().map(|address| address.to_string());
        address.ok().or_else(|| host_of(word)).map(Self::One)
    }

    fn have(&self, host: &str) -> bool {
        match self {
            Self::One(one) => one == host,
            Self::Below(end) => is_name(host) && host.ends_with(end),
        }
    }
}

/// A host without a port: a name, or an address without brackets.
fn host_of(text: &str) -> Option<String> {
    // With a port of its own behind it, it can have none.
    parts(&format!("http://{text}:9")).map(|(_, host, _)| host)
}

/// The host of an authority.
fn host_in(authority: &str) -> Option<String> {
    let authority = authority.strip_suffix(':').unwrap_or(authority);
    parts(&format!("http://{authority}")).filter(|_| !authority.ends_with('/')).map(|parts| parts.1)
}

fn is_listed(words: &[&str], authority: &str) -> bool {
    let has = |host: &String| words.iter().filter_map(|word| Names::of(word)).any(|n| n.have(host));
    host_in(authority).is_some_and(|host| has(&host))
}

/// RFC 6761, 6.3: loopback names; and addresses, which DNS does not resolve.
fn is_own(authority: &str) -> bool {
    host_in(authority)
        .is_some_and(|host| !is_name(&host) || host == "localhost" || host.ends_with(".localhost"))
}

/// Whether a rule about origins has a pattern of this host.
fn is_named(rule: &str, authority: &str) -> bool {
    let Some(host) = host_in(authority) else { return rule.trim().eq_ignore_ascii_case("any") };
    let names = |word: &str| {
        let (_, named) = word.split_once("://")?;
        let named = named.strip_suffix('/').unwrap_or(named);
        let colon = named.rfind(':').filter(|at| !named[*at..].ends_with(']'));
        Names::of(&named[..colon.unwrap_or(named.len())])
    };
    rule.trim().eq_ignore_ascii_case("any")
        || rule.split([',', ' ']).filter_map(names).any(|names| names.have(&host))
}

/// Whether no page of a browser can have sent it.
fn is_excused(head: &Head, is_handshake: bool) -> bool {
    let has = |name: &str| head.fields().any(|(other, _)| other.eq_ignore_ascii_case(name));
    is_handshake && !has("Origin")
        || head.is_http_1_0()
        || ["X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Via"].into_iter().any(has)
}

const INPUT_BYTES_MAX: usize = 1_024;

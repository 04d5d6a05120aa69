//! Rules about origins and hosts in any words, against a model that compares normalized texts.

use std::net::{Ipv4Addr, Ipv6Addr};

use switchboard::{AllowedHosts, OriginRule};

/// Three lines: a rule, the Host of a request, and its Origin.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.splitn(3, '\n');
    let (Some(rule), Some(host), Some(origin)) = (lines.next(), lines.next(), lines.next()) else {
        return;
    };
    if text.len() > INPUT_BYTES_MAX {
        return;
    }
    if let Ok(hosts) = rule.parse::<AllowedHosts>() {
        assert_eq!(hosts.to_string().parse().as_ref(), Ok(&hosts), "{rule:?}");
    }
    let words: Vec<&str> = rule.split([',', ' ']).filter(|word| !word.is_empty()).collect();
    // The model knows of no other blanks.
    if rule.chars().any(|c| c.is_whitespace() && c != ' ') {
        return;
    }
    let patterns: Option<Vec<Pattern>> = words.iter().map(|word| Pattern::of(word)).collect();
    let patterns = patterns.filter(|patterns| !patterns.is_empty());
    let is_any = rule.trim().eq_ignore_ascii_case("any");
    let read = rule.parse::<OriginRule>();
    assert_eq!(read.is_ok(), is_any || patterns.is_some(), "{rule:?}");
    let Ok(read) = read else { return };
    assert_eq!(read.to_string().parse().as_ref(), Ok(&read), "{rule:?} is {read}");
    assert!(read.accepts(None, host), "nobody's page");
    let model = is_any
        || parts(origin).is_some_and(|origin| {
            patterns.iter().flatten().any(|pattern| pattern.matches(&origin, host))
        });
    assert_eq!(read.accepts(Some(origin.as_bytes()), host), model, "{rule:?} {host:?} {origin:?}");
}

/// Scheme, host and port, in lower case; the port is that of the scheme where none is written.
type Parts = (String, String, String);

enum Pattern {
    Same,
    One(Parts),
    /// The host, or all that end in this if it begins with a dot; and all ports if it is a star.
    Many(String, String, String),
}

impl Pattern {
    fn of(word: &str) -> Option<Self> {
        if word.eq_ignore_ascii_case("same") {
            return Some(Self::Same);
        }
        if let Some(one) = parts(word) {
            return Some(Self::One(one));
        }
        // A port in place of the star, so that the rest can be read.
        let ports = word.replacen(":*", ":9", 1);
        let (whole, port) = match word.ends_with(":*") || word.ends_with(":*/") {
            true => (ports.as_str(), Some("*".to_owned())),
            false => (word, None),
        };
        let Some((scheme, parent)) = whole.split_once("://*.") else {
            let (scheme, host, own_port) = parts(whole)?;
            return Some(Self::Many(scheme, host, port.unwrap_or(own_port)));
        };
        let (scheme, parent, own_port) = parts(&format!("{scheme}://{parent}"))?;
        // An address has no subdomains.
        let suffix = Some(format!(".{parent}")).filter(|_| is_name(&parent))?;
        Some(Self::Many(scheme, suffix, port.unwrap_or(own_port)))
    }

    fn matches(&self, origin: &Parts, host: &str) -> bool {
        match self {
            Self::One(one) => one == origin,
            Self::Same => {
                let web = ["http", "https", "ws", "wss"].contains(&origin.0.as_str());
                let host = host.strip_suffix(':').unwrap_or(host);
                // A Host does not end in a slash.
                web && !host.contains('/')
                    && parts(&format!("{}://{host}", origin.0)).as_ref() == Some(origin)
            }
            Self::Many(scheme, host, port) => {
                let is_below =
                    host.starts_with('.') && is_name(&origin.1) && origin.1.ends_with(host);
                let has_host = *host == origin.1 || is_below;
                *scheme == origin.0 && has_host && (port == "*" || *port == origin.2)
            }
        }
    }
}

pub(super) fn parts(text: &str) -> Option<Parts> {
    let text = text.to_ascii_lowercase();
    if text == "null" {
        return Some(("null".into(), String::new(), String::new()));
    }
    let (scheme, rest) = text.split_once("://")?;
    let mut letters = scheme.chars();
    let is_scheme = letters.next().is_some_and(|c| c.is_ascii_lowercase())
        && letters.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let default = match scheme {
        "http" | "ws" => "80",
        "https" | "wss" => "443",
        _ => "",
    };
    let colon = rest.rfind(':').filter(|at| !rest[*at..].ends_with(']'));
    let (host, port) = colon.map_or((rest, None), |at| (&rest[..at], Some(&rest[at + 1..])));
    let port = match port {
        None => default.to_owned(),
        Some(digits) => {
            let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
            let number = digits.trim_start_matches('0');
            let fits =
                !number.is_empty() && number.len() <= 5 && number.parse::<u32>().ok()? < 65_536;
            Some(number.to_owned()).filter(|_| is_number && fits)?
        }
    };
    let undotted = host.strip_suffix('.').unwrap_or(host);
    let host = if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        inner.parse::<Ipv6Addr>().ok()?.to_string()
    } else if undotted.parse::<Ipv4Addr>().is_ok() || is_name(undotted) {
        undotted.to_owned()
    } else {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._~%!$&'()+;=".contains(c);
        // The question mark distinguishes it from a name.
        let opaque = default.is_empty() && host.chars().all(fits);
        opaque.then(|| format!("?{host}"))?
    };
    // The scheme `null:` differs from the origin `null`.
    let scheme = if scheme == "null" { "null:" } else { scheme };
    is_scheme.then(|| (scheme.to_owned(), host, port))
}

/// RFC 1123, 2.1, and underscores.
pub(super) fn is_name(text: &str) -> bool {
    let labels: Vec<&str> = text.split('.').collect();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_number = labels.last().is_some_and(|l| l.chars().all(|c| c.is_ascii_digit()));
    !is_number
        && text.len() < 254
        && labels.iter().all(|l| matches!(l.len(), 1..64))
        && labels.iter().all(|l| l.chars().all(fits))
}

const INPUT_BYTES_MAX: usize = 512;

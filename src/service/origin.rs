//! Which pages may open sockets: the check of `Origin` (RFC 6455, 10.2). Scripts on pages of other
//! sites would otherwise connect with the cookies and from the network of their visitor. `ws`
//! parses origins.

use std::fmt;
use std::str::FromStr;

use crate::ws::origin::names;
use crate::ws::syntax::{cut, items};
use crate::ws::{Origin, OriginError, Transport, UriHost};

/// The origins that a service accepts; requests from others get a 403. A request without `Origin`
/// does not come from a page, and is always accepted. One whose `Origin` is malformed is accepted
/// by [`OriginRule::Any`] only.
///
/// It is parsed from a text, as in `server.conf`. When each value is safe:
///
/// - `same`: always.
/// - `https://a.example`: if all pages of that host may act for their users here.
/// - `https://*.a.example`: if no other party can have a page on a host below that one.
/// - `http://localhost:*`: on the machine of a developer. There, the pages of any program pass.
/// - `null`, `file://`: if all pages may, as with `any`. Any page can make a frame whose origin is
///   `null`, and `file://` covers each file that a user opens.
/// - `app://.` and other schemes: if only that app can have pages with this scheme.
/// - `any`: for services that identify no user by cookies, addresses or networks.
///
/// ```
/// use switchboard::OriginRule;
///
/// let rule: OriginRule = "same, https://*.a.example".parse().expect("it is a rule");
/// assert!(rule.accepts(Some(b"http://b.example:8080"), "b.example:8080"));
/// assert!(rule.accepts(Some(b"https://www.a.example"), "b.example:8080"));
/// assert!(!rule.accepts(Some(b"https://evil.example"), "b.example:8080"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginRule {
    /// The origin whose host and port are those of the request itself. This is the default.
    #[default]
    Same,
    /// Any origin, and no check.
    Any,
    /// Those listed, such as `https://example.org`.
    List(Origins),
}

/// A list of [patterns](Origin::is_one_of) of origins, as in [`OriginRule::List`]. It is made by
/// parsing an [`OriginRule`], which checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins(String);

impl OriginRule {
    /// Whether a request is accepted. `origin` is the value of its `Origin`, if it has one, and
    /// `host` that of its `Host`.
    #[must_use]
    pub fn accepts(&self, origin: Option<&[u8]>, host: &str) -> bool {
        self.accepts_over(Transport::Unknown, origin, host)
    }

    /// The same, for a client of whose connection more may be known: a page that came without TLS
    /// is not of the same origin as a connection over TLS (RFC 6454, 4).
    pub(crate) fn accepts_over(
        &self,
        transport: Transport,
        origin: Option<&[u8]>,
        host: &str,
    ) -> bool {
        let Some(origin) = origin else { return true };
        let words = match self {
            Self::Any => return true,
            Self::Same => "same",
            Self::List(Origins(words)) => words,
        };
        let origin = core::str::from_utf8(origin).ok().and_then(|text| Origin::parse(text).ok());
        let is_right = |origin: Origin<'_>, word: &str| {
            let is_other = word.eq_ignore_ascii_case("same") && origin.is_other_for(transport);
            !is_other && origin.is_one_of(word, host) == Some(true)
        };
        origin.is_some_and(|origin| items(words).any(|word| is_right(origin, word)))
    }

    /// The text of a refusal: the origin, the rule, and the setting that would accept it. Values of
    /// the peer are cut to a length for logs.
    #[must_use]
    pub fn refusal(&self, origin: &[u8], host: &str) -> String {
        self.refusal_over(Transport::Unknown, origin, host)
    }

    /// The same, for a client of whose connection more may be known.
    pub(crate) fn refusal_over(&self, transport: Transport, origin: &[u8], host: &str) -> String {
        let is_plain = self.accepts(Some(origin), host) && transport == Transport::Secure;
        let why = if is_plain { ", and the client has connected over TLS" } else { "" };
        let origin = String::from_utf8_lossy(origin);
        let (shown, host) = (cut(&origin), cut(host));
        let advice = match is_plain {
            true => "redirect its pages from http to https".to_owned(),
            false => self.advice(&origin),
        };
        format!(
            "the origin {shown} may not use this service of {host}: origin is {self}{why}; {advice}"
        )
    }

    /// How to accept an origin.
    pub(crate) fn advice(&self, origin: &str) -> String {
        let (condition, rule) = match Origin::parse(origin) {
            Ok(known) if known.is_shared() => ("any page can have this origin; if all may", self),
            Ok(_) => ("if its pages may", self),
            Err(_) => ("it is not scheme://host:port; if all may", &Self::Any),
        };
        let (comma, listed) = if *rule == Self::Any { ("", "") } else { (", ", cut(origin)) };
        format!("{condition}, set origin: {rule}{comma}{listed}")
    }

    /// Whether the rule has this host by its name: [`OriginRule::Any`] has all,
    /// [`OriginRule::Same`] none. [`AllowedHosts::Auto`](crate::AllowedHosts::Auto) accepts such a
    /// host.
    #[must_use]
    pub fn names(&self, host: Option<UriHost<'_>>) -> bool {
        match self {
            Self::Any => true,
            Self::Same => false,
            Self::List(Origins(words)) => {
                host.is_some_and(|host| items(words).any(|word| names(word, host)))
            }
        }
    }
}

impl FromStr for OriginRule {
    type Err = OriginError;

    /// Parses `same`, `any`, or a list of patterns, separated by commas or blanks.
    ///
    /// # Errors
    /// The text is empty, or a member is no pattern of origins.
    fn from_str(text: &str) -> Result<Self, OriginError> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("any") {
            return Ok(Self::Any);
        }
        if text.eq_ignore_ascii_case("same") {
            return Ok(Self::Same);
        }
        // Whether a word is a pattern does not depend on the origin.
        let null = Origin::parse("null")?;
        let is_pattern = |word| null.is_one_of(word, "").is_some();
        let is_list = items(text).next().is_some() && items(text).all(is_pattern);
        if is_list { Ok(Self::List(Origins(text.to_owned()))) } else { Err(OriginError) }
    }
}

impl fmt::Display for OriginRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "same",
            Self::Any => "any",
            Self::List(Origins(words)) => words,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        let rows: [(&str, Option<&[u8]>, bool); 20] = [
            ("same", None, true),
            ("same", Some(b"http://b.org"), true),
            ("Same", Some(b"https://B.org"), true),
            ("same", Some(b"https://a.org"), false),
            ("same", Some(b"null"), false),
            ("same", Some(b"b.org"), false),
            ("https://A.org:443 null", None, true),
            ("https://A.org:443 null", Some(b"https://a.org"), true),
            ("https://A.org:443 null", Some(b"null"), true),
            ("https://A.org:443 null", Some(b"http://a.org"), false),
            ("https://A.org:443 null", Some(b"https://b.org"), false),
            ("https://A.org:443 null", Some(b"https://a.org https://a.org"), false),
            ("https://A.org:443 null", Some(b"\xff"), false),
            ("same, https://*.a.org", Some(b"https://b.org"), true),
            ("same, https://*.a.org", Some(b"https://x.a.org"), true),
            ("same, https://*.a.org", Some(b"https://a.org"), false),
            ("same,same", Some(b"https://b.org"), true),
            ("ANY", Some(b"\xff"), true),
            ("any", Some(b"http://a.org"), true),
            ("any", None, true),
        ];
        for (rule, origin, expected) in rows {
            let rule: OriginRule = rule.parse().expect(rule);
            assert_eq!(rule.to_string().parse().as_ref(), Ok(&rule), "{rule}");
            assert_eq!(rule.accepts(origin, "b.org"), expected, "{rule} {origin:?}");
        }
        for text in ["", ",", "*", "same any", "any, https://a", "https://a; null", "a.org"] {
            assert_eq!(text.parse::<OriginRule>(), Err(OriginError), "{text:?}");
        }
    }

    /// The proposed rule works: it accepts the origin that was refused.
    #[test]
    fn refusals_name_a_rule_that_helps() {
        let rows: [(&str, &[u8], &str); 7] = [
            ("same", b"https://a.org", "set origin: same, https://a.org"),
            ("https://c.org", b"null", "if all may, set origin: https://c.org, null"),
            ("same", b"file://", "if all may, set origin: same, file://"),
            // Some clients send the address of a page or of a project.
            ("same", b"https://a.org/page", "if all may, set origin: any"),
            ("same", b"a.org", "if all may, set origin: any"),
            ("same", b"any", "if all may, set origin: any"),
            ("same", b"\xff", "if all may, set origin: any"),
        ];
        for (rule, origin, cure) in rows {
            let text = rule.parse::<OriginRule>().expect(rule).refusal(origin, "b.org");
            assert!(text.contains(cure), "{text}");
            let (_, cure) = cure.split_once("origin: ").expect("it names the key");
            assert!(
                cure.parse::<OriginRule>().expect(cure).accepts(Some(origin), "b.org"),
                "{cure}"
            );
        }
    }
}

//! Which hosts requests may name, against DNS rebinding: the name of another site is made to
//! resolve to an address of this machine. To the browser, the pages of that site then have the same
//! origin as this server, and its user may have access here. Such a page cannot change the
//! `Host` of its requests, which is the name of its own site.

use std::fmt;
use std::str::FromStr;

use crate::hub::identity::has_forwarded;
use crate::hub::pending::PendingRequest;
use crate::hub::socket_flags::SocketFlag;
use crate::hub::{Hub, ServiceId};
use crate::service::{OriginRule, SocketId};
use crate::ws::authority::{is_one_of, split_port};
use crate::ws::syntax::{cut, items};
use crate::ws::{Response, Status, UriHost};

/// The hosts that requests may name in their `Host`; others get a 421. It prevents DNS rebinding: a
/// page of another site whose name resolves to this machine. A request without `Host`, as HTTP/1.0
/// allows, is not refused by this.
///
/// It can be parsed from a text, as in `server.conf`: `auto`, `any`, `a.example, *.b.example`, or
/// `auto, a.example`.
///
/// ```
/// use switchboard::AllowedHosts;
///
/// let hosts: AllowedHosts = "auto, chat.example".parse().expect("it is a rule");
/// assert!(matches!(hosts, AllowedHosts::Auto(_)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AllowedHosts {
    /// On a listener whose address is on loopback: `localhost` and the names below it, addresses,
    /// hosts that the rule about origins names, and those listed here. On other listeners: any.
    ///
    /// Requests that do not come from the page of a browser may name other hosts: a handshake
    /// without `Origin`, a request in HTTP/1.0, and one that a proxy has forwarded, with
    /// `X-Forwarded-For`, `X-Forwarded-Host`, `Forwarded` or `Via`. The WebSocket of a browser can
    /// set none of these. `fetch` can, so for pages and files this is no complete protection. Where
    /// trusted proxies are named (`TrustedProxies`), these headers count from them only, and so
    /// does the PROXY protocol.
    Auto(HostNames),
    /// Any host, and no check.
    Any,
    /// Only those listed, on all listeners and for all requests.
    List(HostNames),
}

/// A list of [patterns](is_one_of) of hosts. It is made by parsing [`AllowedHosts`], which checks
/// it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostNames(String);

/// The rules about hosts.
#[derive(Debug)]
pub(super) struct Hosts {
    allowed: AllowedHosts,
    /// The rule about origins for paths without a service.
    origin: OriginRule,
}

impl Hub {
    /// Sets which hosts requests may name. Hosts in the rule about origins are allowed, too: the
    /// rule of the service, or else `origin`. By default, any host is allowed.
    pub fn allow_hosts(&mut self, allowed: AllowedHosts, origin: OriginRule) {
        self.hosts = Hosts { allowed, origin };
    }

    /// The refusal of a request for a host that this server does not serve.
    pub(super) fn misdirected(
        &self,
        id: SocketId,
        service: Option<ServiceId>,
        asked: &PendingRequest,
    ) -> Option<Response> {
        let allowed = &self.hosts.allowed;
        let socket = self.sockets.get(id)?;
        let is_local = socket.flags.has(SocketFlag::Local);
        let is_auto = matches!(allowed, AllowedHosts::Auto(_));
        let words = match allowed {
            AllowedHosts::Any => return None,
            AllowedHosts::Auto(_) if !is_local || asked.is_no_page() => return None,
            AllowedHosts::Auto(HostNames(words)) | AllowedHosts::List(HostNames(words)) => words,
        };
        let text = asked.host();
        let host = UriHost::of(text).map(|(host, _)| host);
        let is_listed =
            host.is_some_and(|host| items(words).any(|word| is_one_of(host, word) == Some(true)));
        let rule = self.origin_rule(service);
        // Once proxies are named, the word of others does not count.
        let is_passed = || match self.proxies.trusted.is_none() {
            true => has_forwarded(&asked.head),
            false => socket.cold.as_ref().is_some_and(|cold| cold.proxied.has_passed),
        };
        let is_excused = || is_own(host) || rule.names(host) || is_passed();
        if is_listed || is_auto && is_excused() || text.is_empty() {
            return None;
        }
        // A page that `rule` names also passes `auto`. It has to pass that rule next.
        let origin = asked.head.header("Origin").filter(|_| is_auto && asked.protocols.is_some());
        let advice = match origin.filter(|origin| !rule.accepts(Some(origin.as_bytes()), text)) {
            Some(origin) => rule.advice(origin),
            None => format!("if it is, set allowed-hosts: {allowed}, {}", split_port(cut(text)).0),
        };
        let unmarked = match self.proxies.trusted.is_none() {
            _ if !is_auto => "",
            true => ", and no X-Forwarded-For tells of a proxy",
            false => ", and it has no X-Forwarded-For of a trusted-proxy",
        };
        let text = format!(
            "the Host {} is not one of this server{unmarked}: allowed-hosts is {allowed}; {advice}",
            cut(text)
        );
        // RFC 9110, 7.4 and 15.5.20: the request is for an authority that is not served here.
        Some(Response::text(Status::MISDIRECTED, &text))
    }

    /// The rule about origins for a service, or for what has none.
    fn origin_rule(&self, service: Option<ServiceId>) -> &OriginRule {
        service.map_or(&self.hosts.origin, |service| &self.services[service].options.origin)
    }
}

impl Default for Hosts {
    fn default() -> Self {
        Self { allowed: AllowedHosts::Any, origin: OriginRule::Same }
    }
}

impl PendingRequest {
    /// The host and port of the request; empty if it names none.
    pub(super) fn host(&self) -> &str {
        let named = self.target.authority.as_deref();
        named.or_else(|| self.head.header("Host")).unwrap_or_default()
    }

    /// Whether a page in a browser could not have sent it as a handshake: see
    /// [`AllowedHosts::Auto`].
    fn is_no_page(&self) -> bool {
        // Browsers use HTTP/1.1 or later. Proxies and load balancers use HTTP/1.0 as well, with the
        // name of an upstream as the Host.
        self.protocols.is_some() && self.head.first("Origin").is_none() || self.head.is_http_1_0()
    }
}

impl AllowedHosts {
    /// [`AllowedHosts::Auto`] without further names, which is the default.
    pub const AUTO: Self = Self::Auto(HostNames(String::new()));
}

impl Default for AllowedHosts {
    fn default() -> Self {
        Self::AUTO
    }
}

impl FromStr for AllowedHosts {
    type Err = HostNamesError;

    fn from_str(text: &str) -> Result<Self, HostNamesError> {
        let text = text.trim();
        if text.eq_ignore_ascii_case(ANY) {
            return Ok(Self::Any);
        }
        let first = items(text).next().ok_or(HostNamesError)?;
        let is_auto = text.starts_with(first) && first.eq_ignore_ascii_case(AUTO);
        let names = if is_auto { &text[first.len()..] } else { text };
        // These are not names of hosts: one of the two words was meant.
        let is_word = |name: &str| items(WORDS).any(|word| name.eq_ignore_ascii_case(word));
        let is_right = |name| !is_word(name) && is_one_of(UriHost::Opaque(""), name).is_some();
        if !items(names).all(is_right) {
            return Err(HostNamesError);
        }
        let names = HostNames(names.to_owned());
        Ok(if is_auto { Self::Auto(names) } else { Self::List(names) })
    }
}

impl fmt::Display for AllowedHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, names) = match self {
            Self::Any => (ANY, ""),
            Self::Auto(HostNames(names)) => (AUTO, &**names),
            Self::List(HostNames(names)) => ("", &**names),
        };
        f.write_str(word)?;
        f.write_str(names)
    }
}

/// The text is no rule about hosts. The text of the error says what one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostNamesError;

impl fmt::Display for HostNamesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the hosts are auto, any, or a list of names such as a.example, of all names below \
             one such as *.a.example, and of IP addresses, without ports; auto may begin the list",
        )
    }
}

impl std::error::Error for HostNamesError {}

/// Whether it is an address or a loopback name, which DNS cannot change.
fn is_own(host: Option<UriHost<'_>>) -> bool {
    host.is_some_and(|host| matches!(host, UriHost::Address(_)) || host.is_loopback())
}

const AUTO: &str = "auto";
const ANY: &str = "any";
const WORDS: &str = "any auto all none same on off true false yes no";

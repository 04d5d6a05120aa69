//! Who may ask for what. Any local user, any program that runs here, and any request that a web
//! application can be made to send reaches loopback; probes and load balancers send no token.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::admin::token::AdminToken;
use crate::host::ListenAddress;
use crate::hub::Reach;
use crate::ws::credentials::bearer;
use crate::ws::{Head, Response, Status, Target, UriHost};

/// How a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminWay {
    /// Through a Unix socket: the permissions of its file say who may ask.
    Unix,
    /// From any user of this machine: over TCP, or through a Unix socket that all may write.
    Loopback,
    /// Over TCP, to an address that other machines reach.
    Network,
}

/// How much a request can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Power {
    /// It asks whether the server is well.
    Probe,
    /// It reads.
    Look,
    /// It changes something.
    Change,
}

/// The rule for the requests of one listener.
#[derive(Clone, Debug)]
pub struct AdminAccess {
    /// How they come.
    pub way: AdminWay,
    /// The secret, if there is one.
    pub token: Option<AdminToken>,
}

impl AdminWay {
    /// The way through a listener.
    pub(super) fn of(address: &ListenAddress) -> Self {
        match (address, address.reach()) {
            (_, Reach::Network) => Self::Network,
            (ListenAddress::Unix(path), _) if !is_abstract(path) && !is_open_to_all(path) => {
                Self::Unix
            }
            (_, Reach::Machine) => Self::Loopback,
        }
    }
}

/// An abstract name has no permissions (unix(7)): every local user reaches it, as on loopback.
/// An empty one is such a name, too.
fn is_abstract(path: &Path) -> bool {
    let path = path.as_os_str().as_encoded_bytes();
    path.is_empty() || path.starts_with(b"@")
}

/// Whether every user may connect: a service manager may have made the file so.
fn is_open_to_all(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.mode() & OTHERS_WRITE != 0)
}

impl AdminAccess {
    /// Whether a request may have this power.
    ///
    /// # Errors
    /// The refusal.
    pub(super) fn check(&self, head: &Head, power: Power) -> Result<(), Response> {
        refuse_pages(head)?;
        if self.way == AdminWay::Loopback {
            refuse_names(head)?;
        }
        if self.way == AdminWay::Unix || power == Power::Probe {
            return Ok(());
        }
        let Some(token) = &self.token else {
            return match (self.way, power) {
                (AdminWay::Loopback, Power::Look) => Ok(()),
                _ => Err(Response::text(Status::FORBIDDEN, NO_TOKEN)),
            };
        };
        let needs_token = self.way == AdminWay::Network || power == Power::Change;
        match head.single("Authorization") {
            Some(value) if bearer(value).is_some_and(|found| token.is(found)) => Ok(()),
            None if !needs_token && head.values("Authorization").next().is_none() => Ok(()),
            // RFC 6750, 3: a request without a token gets no error code.
            None => Err(unauthorized("Bearer", MISSING)),
            Some(_) => Err(unauthorized("Bearer error=\"invalid_token\"", WRONG)),
        }
    }
}

/// No page may reach it, of whatever site: a browser says so in these headers (Fetch, 3.2; Fetch
/// Metadata, 2.3). What a user types into its address bar is none.
fn refuse_pages(head: &Head) -> Result<(), Response> {
    let site = head.values("Sec-Fetch-Site").find(|site| *site != b"none");
    if head.values("Origin").next().is_some() || site.is_some() {
        return Err(Response::text(Status::FORBIDDEN, OF_A_PAGE));
    }
    Ok(())
}

/// Against DNS rebinding: a page whose own name leads here sends no `Origin` with a GET.
fn refuse_names(head: &Head) -> Result<(), Response> {
    // RFC 9112, 3.2.2: the host of a target in absolute form replaces the other one.
    let target = Target::parse(head.target()).ok().and_then(|target| target.authority);
    let field = head.values("Host").next();
    // A request in HTTP/1.0, which browsers do not use, may have none.
    let mut hosts = field.into_iter().chain(target.as_deref().map(str::as_bytes));
    let is_loopback = |host| {
        let named = std::str::from_utf8(host).ok().and_then(UriHost::of);
        named.is_some_and(|(host, _)| host.is_loopback())
    };
    if hosts.all(is_loopback) {
        return Ok(());
    }
    // RFC 9110, 7.4.
    Err(Response::text(Status::MISDIRECTED, NOT_LOOPBACK))
}

fn unauthorized(challenge: &str, text: &str) -> Response {
    Response::text(Status::UNAUTHORIZED, text).header("WWW-Authenticate", challenge)
}

const OF_A_PAGE: &str = "a page in a browser has sent this (Origin, Sec-Fetch-Site): only programs \
                         and people may ask here";
const NOT_LOOPBACK: &str = "the Host is no name of loopback: ask for localhost, 127.0.0.1 or \
                            [::1], or through a Unix socket (admin)";
const NO_TOKEN: &str = "this needs a token, and none is set: set admin-token, or ask through a \
                        Unix socket that not all users may write (admin)";
const OTHERS_WRITE: u32 = 0o002;
const MISSING: &str = "this needs the token of admin-token, as Authorization: Bearer TOKEN";
const WRONG: &str = "the Authorization is not Bearer with the token of admin-token";

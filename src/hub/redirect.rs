//! Requests that did not come over TLS are sent there.

use crate::hub::pending::PendingRequest;
use crate::hub::{Hub, ServiceId};
use crate::service::SocketId;
use crate::ws::authority::split_port;
use crate::ws::{Response, Status, UriHost};

impl Hub {
    /// Redirects plain requests to this port, which has TLS. By default, and with `None`, they are
    /// served.
    pub const fn redirect_to_tls(&mut self, port: Option<u16>) {
        self.tls_port = port;
    }

    /// The answer to a request that had to come over TLS and did not; `None` if it is served.
    pub(super) fn redirect(
        &self,
        id: SocketId,
        service: Option<ServiceId>,
        asked: &PendingRequest,
    ) -> Option<Response> {
        let port = self.tls_port.filter(|_| cfg!(feature = "tls"))?;
        let cold = self.sockets.get(id)?.cold.as_ref();
        if cold.is_some_and(|cold| cold.proxied.is_secure)
            || asked.target.path.starts_with(CHALLENGES)
        {
            return None;
        }
        // The address has the host of the request.
        if let Some(refusal) = self.misdirected(id, service, asked) {
            return Some(refusal);
        }
        let text = asked.host().trim_end_matches(':');
        let host = UriHost::of(text).map_or("", |_| split_port(text).0);
        let authority = match port {
            443 => host.to_owned(),
            port => format!("{host}:{port}"),
        };
        let target = origin_form(asked.head.target());
        if asked.protocols.is_some() || host.is_empty() {
            // RFC 9110, 15.5.22: the answer names the protocol that is needed.
            let address =
                if host.is_empty() { "" } else { &format!(": wss://{authority}{target}") };
            let text = format!("{NEEDS_TLS}{address}");
            let response = Response::text(Status::UPGRADE_REQUIRED, &text);
            return Some(response.header("Upgrade", "TLS/1.2"));
        }
        // RFC 9110, 15.4.9: the method stays the same.
        let location = format!("https://{authority}{target}");
        let text = format!("{NEEDS_TLS}: {location}");
        let response = Response::text(Status::PERMANENT_REDIRECT, &text);
        Some(response.header("Location", &location))
    }
}

/// The path and query of a target as they came (RFC 9112, 3.2).
fn origin_form(target: &str) -> String {
    if target.starts_with('/') {
        return target.to_owned();
    }
    let rest = target.split_once("://").map_or("", |(_, rest)| rest);
    let rest = &rest[rest.find(['/', '?', '#']).unwrap_or(rest.len())..];
    if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") }
}

/// RFC 8555, 8.3: an authority asks for these without TLS, before there is a certificate.
const CHALLENGES: &str = "/.well-known/acme-challenge/";
const NEEDS_TLS: &str = "this server is reached over TLS (tls-redirect)";

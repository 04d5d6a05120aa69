//! Who a peer is when a proxy has connected for it. The address that is known at accept is that of
//! the proxy, which counts for no limit of one address. The client's own becomes known by the
//! header of the PROXY protocol, or by the request head, and then counts as if it had connected.

use std::net::SocketAddr;

use log::Level;

use crate::hub::Hub;
use crate::hub::address_key::{AddressKey, PeerName};
use crate::hub::addresses::PeerAddress;
use crate::hub::counters::RefusalKind;
use crate::hub::report::log_socket;
use crate::hub::socket_flags::SocketFlag;
use crate::service::SocketId;
use crate::time::Time;
use crate::ws::proxy::{ProxiedPeer, ProxyHeader};
use crate::ws::{Forwarded, Head, TrustedProxies};

/// Whose word about clients counts.
#[derive(Clone, Debug)]
pub struct Proxies {
    /// The proxies themselves.
    pub trusted: TrustedProxies,
    /// The header in which they name their clients.
    pub forwarded: Forwarded,
}

impl Proxies {
    /// None, which is the default.
    pub const NONE: Self =
        Self { trusted: TrustedProxies::NONE, forwarded: Forwarded::XForwardedFor };
}

impl Hub {
    /// Sets which proxies are trusted. By default, none is. Sockets that are open keep the address
    /// that they have, and count for it as before.
    pub fn trust(&mut self, proxies: Proxies) {
        self.proxies = proxies;
        self.has_warned_of_proxy = false;
    }

    /// The address of a socket is needed no longer.
    pub(super) fn part(&mut self, peer: PeerAddress, now: Time) {
        let rate = self.workers.limits_of(None).connection_rate;
        self.addresses.part(peer, rate, now);
    }

    /// Whether a peer is a trusted proxy, which counts for no limit of one address.
    pub(super) fn is_trusted(&self, peer: Option<SocketAddr>) -> bool {
        self.proxies.trusted.has_peer(peer)
    }

    /// The header of the PROXY protocol with which the connection of a trusted proxy begins; `None`
    /// if it begins with something else. Of another peer it has no effect.
    #[inline(never)]
    pub fn identify(&mut self, id: SocketId, header: Option<&ProxyHeader>, now: Time) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if !self.proxies.trusted.has_peer(self.addresses.of(socket.peer)) {
            return;
        }
        let Some(header) = header else {
            self.counters.refuse(RefusalKind::Proxy);
            return self.fail(id, NO_HEADER, now);
        };
        let proxied = &mut socket.cold.get_or_insert_default().proxied;
        proxied.has_passed = true;
        proxied.is_secure |= header.is_secure;
        match header.peer {
            // What its request says of it does not count: HAProxy writes LOCAL for clients of its
            // Unix sockets as well.
            ProxiedPeer::Own | ProxiedPeer::Unknown => proxied.is_unknown = true,
            ProxiedPeer::Address(peer) => _ = self.rename(id, peer, now),
        }
    }

    /// The request head has come. If the address that is known is that of a trusted proxy, its
    /// header names the client. Returns false if that client is dropped without an answer.
    pub(super) fn identify_by_head(&mut self, id: SocketId, head: &Head, now: Time) -> bool {
        let Some(socket) = self.sockets.get_mut(id) else { return false };
        let Proxies { trusted, forwarded } = &self.proxies;
        let peer = self.addresses.of(socket.peer);
        if !trusted.has_peer(peer) {
            // Limits of one address do not hold on loopback and Unix sockets, where a proxy may be.
            if cfg!(feature = "proxy") && AddressKey::counted(peer).is_none() && names_client(head)
            {
                let fault =
                    "is not in trusted-proxy: no limit of one address holds for its clients";
                self.warn_of_proxy(peer, fault, now);
            }
            return true;
        }
        let proxied = &mut socket.cold.get_or_insert_default().proxied;
        if proxied.is_unknown {
            return true;
        }
        proxied.has_passed |= has_forwarded(head);
        let found = forwarded.read(head, trusted);
        proxied.is_secure = found.is_secure.unwrap_or(proxied.is_secure);
        match found.address {
            Some(peer) => self.rename(id, peer, now),
            None => {
                if names_client(head) {
                    self.warn_of_proxy(peer, "names no client in the header of forwarded", now);
                }
                true
            }
        }
    }

    /// Warns once of a proxy whose clients are not known.
    fn warn_of_proxy(&mut self, peer: Option<SocketAddr>, fault: &str, now: Time) {
        if !self.has_warned_of_proxy {
            self.has_warned_of_proxy = true;
            let peer = AddressKey::of(peer);
            let text = format_args!("{peer} sends X-Forwarded-For or Forwarded, and {fault}");
            self.warn(None, "a proxy whose clients are not known", text, now);
        }
    }

    /// A socket that has come from a trusted proxy gets the address of its client, which is treated
    /// as at accept. Returns false if it is dropped without an answer.
    // Not inlined: it is rare, and its callers are not.
    #[inline(never)]
    fn rename(&mut self, id: SocketId, peer: SocketAddr, now: Time) -> bool {
        let peer = Some(peer);
        #[cfg(feature = "admin")]
        if let Some(socket) = self.sockets.get(id) {
            self.note_proxy(id, self.addresses.of(socket.peer));
        }
        let Some(socket) = self.sockets.get_mut(id) else { return false };
        let old = std::mem::replace(&mut socket.peer, PeerAddress::Unix);
        let was_surplus = socket.flags.has(SocketFlag::Surplus);
        self.part(old, now);
        // It does not count for itself.
        self.surplus_len += usize::from(!was_surplus);
        let surplus = self.refuse_connection(peer, now).filter(|_| !was_surplus);
        self.surplus_len -= usize::from(!was_surplus);
        let is_counted = !was_surplus && surplus.is_none() && !self.is_trusted(peer);
        let addresses = &mut self.addresses;
        let new = if is_counted { addresses.join(peer) } else { addresses.keep(peer) };
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.peer = new;
        }
        log_socket(Level::Trace, id, format_args!("a proxy connects for {}", PeerName(peer)));
        let Some(surplus) = surplus else {
            let goes_on = self.keeps_handshake(id, peer, now);
            if !goes_on {
                self.fail(id, BEYOND, now);
            }
            return goes_on;
        };
        self.counters.refuse(surplus.kind());
        // An answer would cost a TLS handshake.
        let is_answered = !self.end_handshake(id) && self.is_answered(surplus);
        self.set_surplus(id, surplus, peer);
        if !is_answered {
            self.fail(id, BEYOND, now);
        }
        is_answered
    }
}

/// Whether a request has a header that proxies add, and that a page cannot set for a WebSocket.
pub(super) fn has_forwarded(head: &Head) -> bool {
    names_client(head) || has_one_of(head, ["X-Forwarded-Host", "Via"])
}

/// Whether a request has a header in which proxies name clients.
fn names_client(head: &Head) -> bool {
    has_one_of(head, ["X-Forwarded-For", "Forwarded"])
}

fn has_one_of(head: &Head, names: [&str; 2]) -> bool {
    names.iter().any(|name| head.first(name).is_some())
}

// Why connections are dropped. The first two words are those that the log counts together.
/// It does not come from a proxy.
pub(super) const UNTRUSTED: &str = "untrusted peer: connections of this listener have to come from \
    one of trusted-proxy (proxy-protocol)";
/// It is from a proxy, and has no header.
pub(super) const NO_HEADER: &str = "no PROXY header: connections of this listener have to begin \
    with one, of version 1 or 2 (proxy-protocol)";
/// It is one too many. The log has the limit already.
const BEYOND: &str = "it is beyond the limits";

//! TLS connections: how many handshakes there may be, when one is over, and which bytes wait below
//! the hub. The hub gets bytes only after the handshake.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::hub::Hub;
use crate::hub::counters::{HandshakeEnd, RefusalKind};
use crate::hub::shares::{Pool, holder};
use crate::hub::socket::{Cold, Socket};
use crate::service::{SocketId, TlsInfo};
use crate::session::NO_REQUEST;
use crate::time::Time;

/// The sockets whose TLS handshakes are not over; there are few.
#[derive(Debug, Default)]
pub(super) struct Handshakes(Vec<SocketId>);

impl Hub {
    /// Whether [`Limits::handshakes_max`](crate::Limits::handshakes_max) is reached: then no
    /// connection that begins with a handshake is accepted, until one is over.
    #[must_use]
    pub fn has_all_handshakes(&self) -> bool {
        cfg!(feature = "tls")
            && self.handshakes.0.len() >= self.workers.limits_of(None).handshakes_max
    }

    /// The TLS handshake of a socket is over. Its request follows.
    pub fn secure(&mut self, id: SocketId, info: TlsInfo) {
        if self.end_handshake(id) {
            let end = if info.is_resumed { HandshakeEnd::Resumed } else { HandshakeEnd::Full };
            self.counters.end_handshake(end);
        }
        if let Some(socket) = self.sockets.get_mut(id) {
            let cold = socket.cold.get_or_insert_default();
            cold.proxied.tls = Some(Arc::new(info));
        }
    }

    /// Counts the bytes of unfinished TLS records that are held for a socket (`memory-max`).
    pub fn hold_sealed(&mut self, id: SocketId, sealed_len: usize) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if sealed_len == 0 && socket.cold.is_none() {
            return;
        }
        let cold = socket.cold.get_or_insert_default();
        let before = cold.sealed_len as usize;
        cold.sealed_len = u32::try_from(sealed_len).unwrap_or(u32::MAX);
        self.memory.grow(sealed_len.saturating_sub(before));
    }

    /// Whether the handshake of a socket is not over, so that no answer can be sent.
    pub(super) fn shakes_hands(&self, id: SocketId) -> bool {
        cfg!(feature = "tls") && self.handshakes.0.contains(&id)
    }

    /// Why a socket ends. The session, which gives `reason`, does not know of TLS.
    pub(super) fn reason_of_end(&self, id: SocketId, reason: &'static str) -> &'static str {
        if reason == NO_REQUEST && self.shakes_hands(id) { UNFINISHED } else { reason }
    }

    /// Whether a connection may begin a handshake. An address with a quarter of them gets none of
    /// the last quarter.
    pub(super) fn admits_handshake(&mut self, peer: Option<SocketAddr>, now: Time) -> bool {
        let limits = self.workers.limits_of(None);
        let per_ip_max = limits.sockets_per_ip_max;
        let pool = Pool { name: "max-handshakes", places_max: limits.handshakes_max };
        let of = |peer| holder(peer, per_ip_max).filter(|_| !self.is_trusted(peer));
        let peer_of = |id: &SocketId| self.addresses.of(self.sockets.get(*id)?.peer);
        let holders = self.handshakes.0.iter().map(|id| of(peer_of(id)));
        let Some(refusal) = pool.refusal(of(peer), holders) else { return true };
        self.counters.refuse(RefusalKind::Handshakes);
        self.log_dropped(peer, &refusal, now);
        false
    }

    /// Whether a socket may go on with its handshake, if that is not over, now that the address of
    /// its client is known.
    pub(super) fn keeps_handshake(
        &mut self,
        id: SocketId,
        peer: Option<SocketAddr>,
        now: Time,
    ) -> bool {
        // It does not count for itself.
        if !self.end_handshake(id) {
            return true;
        }
        let is_admitted = self.admits_handshake(peer, now);
        if is_admitted {
            self.handshakes.0.push(id);
        }
        is_admitted
    }

    /// Counts a connection that begins with a handshake.
    pub(super) fn begin_handshake(&mut self, id: SocketId) {
        self.handshakes.0.push(id);
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.cold.get_or_insert_default().proxied.is_secure = true;
        }
    }

    /// The connection of a socket has gone, maybe before its handshake was over.
    pub(super) fn abandon_handshake(&mut self, id: SocketId) {
        if self.end_handshake(id) {
            self.counters.end_handshake(HandshakeEnd::Failed);
        }
    }

    /// The handshake of a socket is over, or there will be none. Returns whether it was not before.
    pub(super) fn end_handshake(&mut self, id: SocketId) -> bool {
        if cfg!(feature = "tls")
            && let Some(at) = self.handshakes.0.iter().position(|of| *of == id)
        {
            self.handshakes.0.swap_remove(at);
            return true;
        }
        false
    }
}

/// Whether a connection has ended because of TLS. No byte of it has come to the session.
pub(super) fn has_failed_at_tls(socket: &Socket) -> bool {
    let is_it = |cold: &Cold| cold.reason.starts_with(FAILURE) || cold.sealed_len > 0;
    cfg!(feature = "tls") && socket.cold.as_deref().is_some_and(is_it)
}

/// Why a connection ends that is refused before an answer can be sent.
pub(super) const REFUSED: &str = "TLS: the handshake was not over when it was refused";
/// Why a connection ends without a request. The client may have sent nothing, so it is no failure.
const UNFINISHED: &str = "the TLS handshake was not over (handshake-timeout, the client \
    has left, or a stop)";
/// How the reasons begin with which `net::tls` ends a connection.
const FAILURE: &str = "TLS: ";

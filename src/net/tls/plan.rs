//! `TlsPlan`: what a host needs to know of TLS before it listens.

use crate::net::tls::channel::Channel;
use crate::net::tls::in_use::Tls;
use crate::net::tls::seam::RecordChannel;

/// The certificates of a host, and what plain requests get.
#[derive(Debug)]
pub(crate) struct TlsPlan {
    tls: Tls,
    plain: PlainRequests,
}

/// What a request gets that did not come over TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PlainRequests {
    /// It is served.
    #[default]
    Served,
    /// It is sent to TLS.
    Redirected,
}

impl TlsPlan {
    pub(crate) const fn new(tls: Tls, plain: PlainRequests) -> Self {
        Self { tls, plain }
    }

    /// Whether plain requests are sent to TLS.
    pub(crate) fn redirects(&self) -> bool {
        self.plain == PlainRequests::Redirected
    }

    /// The shortest buffer for reads, in bytes: what one read decrypts has to fit.
    #[expect(clippy::unused_self, reason = "a host without TLS has no such buffer")]
    pub(crate) const fn read_buffer_bytes_min(&self) -> usize {
        Channel::BUFFER_MIN
    }

    pub(super) const fn tls(&self) -> &Tls {
        &self.tls
    }
}

//! TLS connections (feature `tls`), in reading order:
//!
//! - `files`: the files of a server; `in_use`: the certificates in use; `plan`: what a host needs
//! - `certificates`: reads the files; `validity`: until when certificates are valid; `identity`:
//!   what the files contain
//! - `sockets`: the connections of a host; `socket`: what TLS keeps for one of them; `waiting`:
//!   its bytes that wait; `chunks`: its plain bytes, cut for records
//! - `seam`: what these need of a channel and of a stream; `channel`: the channel of rustls;
//!   `records`: the space for what it sends; `names`: the DNS names of certificates
//! - with the feature `processes`, `shared_tickets`: tickets of several processes
//! - `trust`: for tests and fuzz targets, what accepts any certificate

mod certificates;
mod channel;
mod chunks;
mod files;
mod identity;
mod in_use;
mod names;
mod plan;
mod records;
mod seam;
#[cfg(feature = "processes")]
mod shared_tickets;
mod socket;
mod sockets;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trust;
mod validity;
mod waiting;

use std::io;

use crate::limits::Limits;

pub use certificates::TlsError;
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) use certificates::read_certificates;
pub use channel::Channel;
pub use files::{CertificateFiles, ClientCertificates, TlsFiles};
pub use in_use::{Tls, TlsRenewal};
pub(crate) use plan::{PlainRequests, TlsPlan};
pub use records::Records;
pub use seam::{ChannelState, Decrypted, MakeChannel, RecordChannel, SealedStream};
#[cfg(feature = "processes")]
pub use shared_tickets::TicketSecret;
pub use sockets::TlsSockets;

/// The TLS connections of a host.
pub(super) type TlsTable = TlsSockets<TlsPlan>;

impl MakeChannel for TlsPlan {
    type Channel = Channel;

    fn make(&self) -> io::Result<Channel> {
        self.tls().make()
    }
}

impl MakeChannel for Tls {
    type Channel = Channel;

    fn make(&self) -> io::Result<Channel> {
        Channel::new(&self.config()).map_err(io::Error::other)
    }
}

const _: () = {
    // 64 bytes: more than the header, the nonce and the tag of a record.
    let both = Channel::PLAIN_MAX + Channel::TAIL_MAX + 2 * 64;
    assert!(both <= Channel::RECORDS_MAX, "both records are no longer than one");
    let waiting = Channel::RECORDS_MAX + Channel::UNSENT_MAX + Channel::READ_MAX;
    let held = CHANNEL_BYTES_MAX + waiting;
    assert!(held as u64 <= Limits::TLS_SOCKET_BYTES_MAX, "a connection takes no more");
    let handshake = Channel::HANDSHAKE_REST_MAX + Channel::BUFFER_MIN;
    assert!(handshake as u64 <= Limits::TLS_HANDSHAKE_BYTES_MAX, "a handshake takes no more");
};
/// More than rustls keeps for an open connection, in bytes.
const CHANNEL_BYTES_MAX: usize = 6 * 1024;

//! The opening handshake from the server's side (RFC 6455, 4.2): an [`Upgrade`] exists only for a
//! valid request. The origin, the path and the service are checked elsewhere.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

#[cfg(feature = "deflate")]
use crate::ws::extension::{Agreement, Offer};
use crate::ws::syntax::{is_token, list};
use crate::ws::{Head, Status, work};

/// A valid opening handshake (RFC 6455, 4.2.1), ready to be answered with 101.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    accept: [u8; ACCEPT_BYTES],
    protocols: Vec<String>,
    #[cfg(feature = "deflate")]
    offer: Option<Offer>,
    #[cfg(feature = "deflate")]
    agreement: Option<Agreement>,
}

impl Upgrade {
    /// Reads the handshake from a request head. `None`: the request does not ask for an upgrade.
    ///
    /// # Errors
    /// The first rule of RFC 6455, 4.2.1 that it breaks.
    pub fn parse(head: &Head) -> Result<Option<Self>, UpgradeError> {
        let is_meant = head.first("Sec-WebSocket-Key").is_some();
        // RFC 9110, 7.8: an Upgrade in HTTP/1.0 is ignored, so only the key shows a handshake.
        if head.is_http_1_0() {
            return if is_meant { Err(UpgradeError::HttpVersion) } else { Ok(None) };
        }
        // RFC 6455, 4.2.1 (3): an Upgrade field with the value "websocket", in any case.
        if !lists(head, "Upgrade", b"websocket") {
            // RFC 9110, 7.8: an upgrade to anything else is ignored. But a key shows that a
            // handshake was meant; a proxy may have dropped its Upgrade.
            return if is_meant { Err(UpgradeError::Upgrade) } else { Ok(None) };
        }
        // RFC 6455, 4.2.1 (4): a Connection field with the token "Upgrade", in any case.
        if !lists(head, "Connection", b"upgrade") {
            return Err(UpgradeError::Connection);
        }
        // RFC 6455, 4.2.1 (6) and 4.2.2: the version is 13; others learn that from the answer.
        match head.single("Sec-WebSocket-Version") {
            Some(b"13") => {}
            Some(_) => return Err(UpgradeError::Version),
            None => return Err(UpgradeError::NoVersion),
        }
        // RFC 6454, 7.3: one Origin; of two, a proxy may have checked the other one.
        if head.values("Origin").nth(1).is_some() {
            return Err(UpgradeError::Origin);
        }
        let key = head.single("Sec-WebSocket-Key").ok_or(UpgradeError::Key)?;
        Ok(Some(Self {
            accept: accept(key)?,
            protocols: protocols(head)?,
            #[cfg(feature = "deflate")]
            offer: Offer::parse(head),
            #[cfg(feature = "deflate")]
            agreement: None,
        }))
    }

    /// The subprotocols that the client offers, in its order of preference.
    #[must_use]
    pub fn protocols(&self) -> &[String] {
        &self.protocols
    }

    /// The client's first offer of compression that can be accepted.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub const fn offer(&self) -> Option<Offer> {
        self.offer
    }

    /// Agrees to compression, which [`Upgrade::encode`] then puts into the 101.
    #[cfg(feature = "deflate")]
    pub const fn agree(&mut self, agreement: Agreement) {
        self.agreement = Some(agreement);
    }

    /// The last [`Upgrade::agree`].
    #[cfg(feature = "deflate")]
    #[must_use]
    pub const fn agreement(&self) -> Option<Agreement> {
        self.agreement
    }

    /// Appends the 101 to `out`. A `protocol` that was not offered is left out, since the
    /// client would have to fail the connection (RFC 6455, 4.1).
    pub fn encode(&self, protocol: Option<&str>, out: &mut Vec<u8>) {
        // Exactly: a buffer that doubled would be too large to be kept by an empty outbox.
        out.reserve_exact(ANSWER_BYTES);
        out.extend_from_slice(
            b"HTTP/1.1 101 Switching Protocols\r\n\
              Upgrade: websocket\r\n\
              Connection: Upgrade\r\n\
              Sec-WebSocket-Accept: ",
        );
        out.extend_from_slice(&self.accept);
        if let Some(protocol) = protocol.filter(|name| self.protocols.iter().any(|p| p == name)) {
            out.extend_from_slice(b"\r\nSec-WebSocket-Protocol: ");
            out.extend_from_slice(protocol.as_bytes());
        }
        #[cfg(feature = "deflate")]
        if let Some(agreement) = &self.agreement {
            out.extend_from_slice(b"\r\nSec-WebSocket-Extensions: ");
            agreement.encode(out);
        }
        out.extend_from_slice(b"\r\n\r\n");
    }
}

/// What can be wrong with an opening handshake. Each has the status that answers it, and a text for
/// the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpgradeError {
    /// The version is HTTP/1.0.
    HttpVersion,
    /// There is a key, but `Upgrade` does not name websocket.
    Upgrade,
    /// `Connection` does not name upgrade.
    Connection,
    /// `Sec-WebSocket-Version` is not 13.
    Version,
    /// `Sec-WebSocket-Version` is missing or there twice.
    NoVersion,
    /// `Sec-WebSocket-Key` is missing, there twice, or not 16 bytes in base64.
    Key,
    /// `Origin` is there twice.
    Origin,
    /// `Sec-WebSocket-Protocol` has a member that is no token, or the same one twice.
    Protocol,
}

impl UpgradeError {
    /// The status that answers it.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::HttpVersion | Self::Version => Status::UPGRADE_REQUIRED,
            Self::Upgrade
            | Self::Connection
            | Self::NoVersion
            | Self::Key
            | Self::Origin
            | Self::Protocol => Status::BAD_REQUEST,
        }
    }
}

impl UpgradeError {
    /// The name of the header that is wrong.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            // A proxy that uses HTTP/1.0 has usually dropped the Upgrade.
            Self::HttpVersion | Self::Upgrade => "Upgrade",
            Self::Connection => "Connection",
            Self::Version | Self::NoVersion => "Sec-WebSocket-Version",
            Self::Key => "Sec-WebSocket-Key",
            Self::Origin => "Origin",
            Self::Protocol => "Sec-WebSocket-Protocol",
        }
    }
}

impl fmt::Display for UpgradeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HttpVersion => {
                "a handshake needs HTTP/1.1 and this is HTTP/1.0; a proxy has to speak HTTP/1.1 \
                 and to pass on Upgrade and Connection, as nginx does with proxy_http_version 1.1"
            }
            Self::Upgrade => "no Upgrade header says websocket; a proxy has to pass it on",
            Self::Connection => "the Connection header does not say Upgrade",
            Self::Version => "Sec-WebSocket-Version must be 13",
            Self::NoVersion => "exactly one Sec-WebSocket-Version header is needed",
            Self::Key => "Sec-WebSocket-Key must be there once and be 16 bytes in base64",
            Self::Origin => "the Origin header is there more than once",
            Self::Protocol => "Sec-WebSocket-Protocol must list tokens, each of them once",
        })
    }
}

impl core::error::Error for UpgradeError {}

/// Whether a list in fields of this name has this member, in any case.
fn lists(head: &Head, name: &str, member: &[u8]) -> bool {
    let is_it = |other: &[u8]| other.eq_ignore_ascii_case(member);
    // Most often there is no other member.
    head.values(name).any(|value| is_it(value) || list(value).any(is_it))
}

/// RFC 6455, 4.2.1 (5) and 4.2.2 (5.4): the key is 16 bytes in base64, the answer is the
/// hash of its text joined to the protocol's own.
fn accept(key: &[u8]) -> Result<[u8; ACCEPT_BYTES], UpgradeError> {
    // Large enough for what a wrong key of the right length may decode to.
    let mut bytes = [0; 18];
    if key.len() != KEY_BYTES || STANDARD.decode_slice(key, &mut bytes) != Ok(16) {
        return Err(UpgradeError::Key);
    }
    let hash = Sha1::new().chain_update(key).chain_update(PROTOCOL_ID).finalize();
    let mut out = [0; ACCEPT_BYTES];
    let written = STANDARD.encode_slice(hash, &mut out);
    debug_assert!(written == Ok(ACCEPT_BYTES), "20 bytes are 28 in base64");
    Ok(out)
}

/// A number that depends on all of these bytes, the same in every build: the first of their hash.
#[cfg(feature = "workers")]
pub(crate) fn number_of(parts: [&[u8]; 2]) -> u64 {
    let hash = Sha1::new().chain_update(parts[0]).chain_update(parts[1]).finalize();
    hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// RFC 6455, 4.1 (10) and 11.3.4: tokens in order of preference, all different, which may be
/// spread over several fields.
fn protocols(head: &Head) -> Result<Vec<String>, UpgradeError> {
    let mut names: Vec<String> = Vec::new();
    for name in head.values("Sec-WebSocket-Protocol").flat_map(list) {
        work::did(name.len() + names.len());
        let text = core::str::from_utf8(name).map_err(|_| UpgradeError::Protocol)?;
        if !is_token(name) || names.len() >= PROTOCOLS_MAX || names.iter().any(|n| n == text) {
            return Err(UpgradeError::Protocol);
        }
        names.push(text.into());
    }
    Ok(names)
}

/// RFC 6455, 1.3.
const PROTOCOL_ID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY_BYTES: usize = 24;
const ACCEPT_BYTES: usize = 28;
/// The whole answer, without a protocol.
const ANSWER_BYTES: usize = 101 + ACCEPT_BYTES;
/// Each name is compared with each other, so their number is bounded.
const PROTOCOLS_MAX: usize = 64;

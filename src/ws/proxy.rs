//! The header of the PROXY protocol, which a proxy sends before the bytes of its client. The
//! sections are those of its specification, `proxy-protocol.txt` of HAProxy (versions 1 and 2).
//! Whether a peer may send one is not decided here.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::{fmt, str};

/// A whole header.
///
/// ```
/// use switchboard::ws::proxy::{ProxyHeader, ProxiedPeer};
///
/// let bytes = b"PROXY TCP4 192.0.2.1 198.51.100.1 5000 443\r\nGET / HTTP/1.1\r\n";
/// let header = ProxyHeader::parse(bytes).expect("it is one").expect("it is whole");
/// assert_eq!(header.len, 44);
/// assert_eq!(header.peer, ProxiedPeer::Address(([192, 0, 2, 1], 5000).into()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyHeader {
    /// How many bytes it has. Those of the client follow.
    pub len: usize,
    /// For whom the proxy has connected.
    pub peer: ProxiedPeer,
    /// Whether the client has connected to the proxy over TLS. Only version 2 can tell.
    pub is_secure: bool,
}

/// For whom a proxy has connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxiedPeer {
    /// For itself, as for a health check.
    Own,
    /// For a client without an address of IP, such as one of a Unix socket.
    Unknown,
    /// For a client with this address.
    Address(SocketAddr),
}

/// The bytes are no header of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyHeaderError;

impl ProxyHeader {
    /// The longest header that is read: its fixed part, and 4 KiB behind it.
    pub const BYTES_MAX: usize = FIXED_BYTES + BLOCK_BYTES_MAX;

    /// Reads the header at the beginning of `bytes`; `None` while it is not whole. The result does
    /// not depend on what follows the header, nor on how it is cut.
    ///
    /// # Errors
    /// The bytes cannot become a header.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, ProxyHeaderError> {
        let begins = |with: &[u8]| bytes.iter().zip(with).all(|(byte, other)| byte == other);
        if begins(SIGNATURE) {
            return parse_binary(bytes);
        }
        if begins(WORD) { parse_line(bytes) } else { Err(ProxyHeaderError) }
    }
}

/// Version 1: a line of text (2.1).
fn parse_line(bytes: &[u8]) -> Result<Option<ProxyHeader>, ProxyHeaderError> {
    let bytes = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        // 2.1: without its end in so many bytes, the line is invalid.
        return if bytes.len() < LINE_BYTES_MAX { Ok(None) } else { Err(ProxyHeaderError) };
    };
    match &bytes[end..] {
        [b'\r', b'\n', ..] => {}
        [b'\r'] if bytes.len() < LINE_BYTES_MAX => return Ok(None),
        // 2.1: a CR or LF alone must not end the line.
        _ => return Err(ProxyHeaderError),
    }
    let peer = str::from_utf8(&bytes[..end]).ok().and_then(line_peer);
    let peer = peer.or_else(|| is_unknown(&bytes[..end]).then_some(ProxiedPeer::Unknown));
    let peer = peer.ok_or(ProxyHeaderError)?;
    Ok(Some(ProxyHeader { len: end + 2, peer, is_secure: false }))
}

/// 2.1: what follows UNKNOWN is ignored.
fn is_unknown(line: &[u8]) -> bool {
    let rest = line.strip_prefix(WORD).and_then(|rest| rest.strip_prefix(b"UNKNOWN"));
    rest.is_some_and(|rest| matches!(rest, [] | [b' ', ..]))
}

/// 2.1: one blank between the words, addresses of the family, and ports without leading zeros.
fn line_peer(line: &str) -> Option<ProxiedPeer> {
    let mut words = line.split(' ');
    let (_, family) = (words.next()?, words.next()?);
    let address = |text: &str| -> Option<IpAddr> {
        match family {
            "TCP4" => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
            "TCP6" => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let port = |text: &str| -> Option<u16> {
        let is_plain = text == "0" || text.starts_with(|c: char| matches!(c, '1'..='9'));
        text.parse().ok().filter(|_| is_plain)
    };
    let (source, _) = (address(words.next()?)?, address(words.next()?)?);
    let (source_port, _) = (port(words.next()?)?, port(words.next()?)?);
    let is_over = words.next().is_none();
    is_over.then(|| ProxiedPeer::Address(SocketAddr::new(source.to_canonical(), source_port)))
}

/// Version 2: a fixed part, and a block whose length it has (2.2).
fn parse_binary(bytes: &[u8]) -> Result<Option<ProxyHeader>, ProxyHeaderError> {
    let Some(&command) = bytes.get(SIGNATURE.len()) else { return Ok(None) };
    // 2.2: no other version may be accepted, and no other command.
    if !matches!(command, LOCAL | PROXY) {
        return Err(ProxyHeaderError);
    }
    let Some((fixed, rest)) = bytes.split_at_checked(FIXED_BYTES) else { return Ok(None) };
    let block_len = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    let family = fixed[13];
    let addresses_len = match (command, family) {
        // 2.2: a LOCAL header says nothing about a client, whatever its block has.
        (LOCAL, _) => 0,
        (_, 0x11 | 0x12) => 12,
        (_, 0x21 | 0x22) => 36,
        (_, 0x31 | 0x32) => 216,
        // 2.2: UNSPEC, as family or protocol, is read without its addresses.
        (_, 0x00..=0x02 | 0x10 | 0x20 | 0x30) => 0,
        _ => return Err(ProxyHeaderError),
    };
    if block_len > BLOCK_BYTES_MAX || block_len < addresses_len {
        return Err(ProxyHeaderError);
    }
    let len = FIXED_BYTES + block_len;
    let Some(block) = rest.get(..block_len) else { return Ok(None) };
    let (addresses, others) = block.split_at(addresses_len);
    let peer = match (command, family, addresses) {
        (LOCAL, _, _) => ProxiedPeer::Own,
        (_, 0x11, &[a, b, c, d, _, _, _, _, high, low, ..]) => {
            ProxiedPeer::Address(([a, b, c, d], u16::from_be_bytes([high, low])).into())
        }
        (_, 0x21, _) => address_v6(addresses).ok_or(ProxyHeaderError)?,
        // 2.2: a family or protocol that is not supported is read as UNSPEC.
        _ => ProxiedPeer::Unknown,
    };
    // Where there are no addresses, it is unknown where they would end.
    let is_secure = addresses_len > 0 && is_over_tls(others)?;
    Ok(Some(ProxyHeader { len, peer, is_secure }))
}

fn address_v6(addresses: &[u8]) -> Option<ProxiedPeer> {
    let (source, rest) = addresses.split_first_chunk::<16>()?;
    let port = u16::from_be_bytes([*rest.get(16)?, *rest.get(17)?]);
    let source = IpAddr::from(*source).to_canonical();
    Some(ProxiedPeer::Address(SocketAddr::new(source, port)))
}

/// Walks through the fields behind the addresses (2.2: type, length, value). Only `PP2_TYPE_SSL`
/// (2.2.6) has a meaning here. A checksum is not checked, which 2.2.3 demands of receivers that
/// support it.
fn is_over_tls(mut fields: &[u8]) -> Result<bool, ProxyHeaderError> {
    let mut is_secure = false;
    while !fields.is_empty() {
        let [kind, high, low, rest @ ..] = fields else { return Err(ProxyHeaderError) };
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, others) = rest.split_at_checked(len).ok_or(ProxyHeaderError)?;
        let client = value.first().copied().unwrap_or_default();
        is_secure |= *kind == TYPE_SSL && client & CLIENT_SSL != 0;
        fields = others;
    }
    Ok(is_secure)
}

impl fmt::Display for ProxyHeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no header of the PROXY protocol")
    }
}

impl core::error::Error for ProxyHeaderError {}

/// What version 1 begins with.
const WORD: &[u8] = b"PROXY ";
/// What version 2 begins with.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1, with its end (2.1).
const LINE_BYTES_MAX: usize = 107;
/// Signature, version and command, family, length (2.2).
const FIXED_BYTES: usize = 16;
/// Larger blocks are not read: a proxy sends a few hundred bytes.
const BLOCK_BYTES_MAX: usize = 4_096;
/// Version 2, and the proxy has connected for itself.
const LOCAL: u8 = 0x20;
/// Version 2, and the proxy has connected for a client.
const PROXY: u8 = 0x21;
const TYPE_SSL: u8 = 0x20;
const CLIENT_SSL: u8 = 0x01;

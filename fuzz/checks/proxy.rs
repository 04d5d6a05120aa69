//! The header of the PROXY protocol, in any bytes: as read by its specification, whole and at each
//! prefix.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use switchboard::ws::proxy::{ProxiedPeer, ProxyHeader};

/// The input is what a connection begins with. If its first bit is set, it is the part behind the
/// signature of version 2, which a fuzzer would hardly find.
pub fn check(data: &[u8]) {
    let Some((&first, rest)) = data.split_first() else { return };
    let begin: &[u8] = if first & 1 == 0 { b"" } else { SIGNATURE };
    let bytes = [begin, rest].concat();
    let whole = ProxyHeader::parse(&bytes);
    let found = whole.map(|header| header.map(|h| (h.len, h.peer, h.is_secure)));
    let shown = bytes.escape_ascii().to_string();
    assert_eq!(found.map_err(|_| ()), read(&bytes), "{shown}");
    // However it is cut, it is a header as soon as it is whole, and no header for good.
    let mut is_over = None;
    for len in (0..=bytes.len()).take(LONG) {
        let part = ProxyHeader::parse(&bytes[..len]);
        match is_over {
            None if part != Ok(None) => is_over = Some(part),
            None => {}
            Some(before) => assert_eq!(part, before, "{len} of {shown}"),
        }
        if let Ok(Some(header)) = part {
            assert!(header.len <= len && header.len <= ProxyHeader::BYTES_MAX, "{shown}");
        }
    }
    if let Some(before) = is_over {
        assert_eq!(before, whole, "{shown}");
    }
}

/// A header by its length, its peer, and whether it is secure; nothing while it is not whole.
type Found = Result<Option<(usize, ProxiedPeer, bool)>, ()>;

fn read(bytes: &[u8]) -> Found {
    if bytes.starts_with(SIGNATURE) || SIGNATURE.starts_with(bytes) {
        return read_2(bytes);
    }
    if bytes.starts_with(b"PROXY ") || b"PROXY ".starts_with(bytes) {
        return read_1(bytes);
    }
    Err(())
}

/// 2.1: a line of at most 107 bytes, which both of CR and LF end.
fn read_1(bytes: &[u8]) -> Found {
    let line: Vec<u8> = bytes.iter().copied().take(107).collect();
    let end = line.iter().position(|b| *b == 0x0d || *b == 0x0a);
    let Some(end) = end else { return if line.len() == 107 { Err(()) } else { Ok(None) } };
    if line.get(end + 1).is_none() && line[end] == 0x0d && line.len() < 107 {
        return Ok(None);
    }
    if !line[end..].starts_with(b"\r\n") {
        return Err(());
    }
    let text = String::from_utf8_lossy(&line[..end]).into_owned();
    let words: Vec<&str> = text.split(' ').collect();
    if words[1] == "UNKNOWN" {
        return Ok(Some((end + 2, ProxiedPeer::Unknown, false)));
    }
    let &[_, family, source, target, from, to] = &words[..] else { return Err(()) };
    let address = |word: &str| -> Result<IpAddr, ()> {
        let address: IpAddr = word.parse().map_err(|_| ())?;
        if address.is_ipv4() == (family == "TCP4") { Ok(address) } else { Err(()) }
    };
    if family != "TCP4" && family != "TCP6" {
        return Err(());
    }
    let number = |word: &str| -> Result<u16, ()> {
        let number: u16 = word.parse().map_err(|_| ())?;
        if number.to_string() == word { Ok(number) } else { Err(()) }
    };
    let (source, _, port, _) = (address(source)?, address(target)?, number(from)?, number(to)?);
    Ok(Some((end + 2, peer(source, port), false)))
}

/// 2.2: 16 bytes, and as many as they say, of which at most 4,096 are read.
fn read_2(bytes: &[u8]) -> Found {
    let (Some(command), family) = (bytes.get(12), bytes.get(13)) else { return Ok(None) };
    if *command != 0x20 && *command != 0x21 {
        return Err(());
    }
    let (Some(&family), Some(&high), Some(&low)) = (family, bytes.get(14), bytes.get(15)) else {
        return Ok(None);
    };
    let is_local = *command == 0x20;
    let len = usize::from(high) << 8 | usize::from(low);
    let (kind, protocol) = (family >> 4, family & 0xf);
    if len > 4_096 || (!is_local && (kind > 3 || protocol > 2)) {
        return Err(());
    }
    let skipped = match kind {
        _ if is_local || protocol == 0 => 0,
        1 => 12,
        2 => 36,
        3 => 216,
        _ => 0,
    };
    if len < skipped {
        return Err(());
    }
    let Some(block) = bytes.get(16..16 + len) else { return Ok(None) };
    if is_local {
        return Ok(Some((16 + len, ProxiedPeer::Own, false)));
    }
    let mut is_secure = false;
    let mut at = skipped;
    while skipped > 0 && at < len {
        let (Some(&high), Some(&low)) = (block.get(at + 1), block.get(at + 2)) else {
            return Err(());
        };
        let end = at + 3 + (usize::from(high) << 8 | usize::from(low));
        let Some(value) = block.get(at + 3..end) else { return Err(()) };
        is_secure |= block[at] == 0x20 && !value.is_empty() && value[0] % 2 == 1;
        at = end;
    }
    let port = |at: usize| u16::from(block[at]) << 8 | u16::from(block[at + 1]);
    let found = match (kind, protocol) {
        (1, 1) => {
            let ip = Ipv4Addr::new(block[0], block[1], block[2], block[3]);
            peer(ip.into(), port(8))
        }
        (2, 1) => {
            let mut ip = [0; 16];
            ip.copy_from_slice(&block[..16]);
            peer(Ipv6Addr::from(ip).into(), port(32))
        }
        _ => ProxiedPeer::Unknown,
    };
    Ok(Some((16 + len, found, is_secure)))
}

/// An IPv4 address within IPv6 is one of IPv4.
fn peer(ip: IpAddr, port: u16) -> ProxiedPeer {
    let ip = match ip {
        IpAddr::V6(long) => long.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    };
    ProxiedPeer::Address(SocketAddr::new(ip, port))
}

const SIGNATURE: &[u8] = &[0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, b'Q', b'U', b'I', b'T', 0x0a];
/// Each prefix up to this length is read.
const LONG: usize = 400;

//! `Prelude`: the header of the PROXY protocol, which is taken from a connection before anything
//! else. It stays in the system's queue until it is whole, so that it needs no memory here.

use std::io::Read;

use mio::net::TcpStream;

use crate::engine::ReadResult;
use crate::hub::ProxyProtocol;
use crate::net::retry::retry;
use crate::ws::proxy::ProxyHeader;

/// The places whose connections have not sent their headers: a bit for each.
#[derive(Debug, Default)]
pub(super) struct Prelude(Vec<u64>);

impl Prelude {
    /// A connection comes, whose header has to come first if `protocol` is on.
    pub(super) fn begin(&mut self, place: usize, protocol: ProxyProtocol) {
        if !cfg!(feature = "proxy") || protocol == ProxyProtocol::Off {
            // The last connection of this place may have gone before its header came.
            return self.end(place);
        }
        let (word, bit) = split(place);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= bit;
    }

    /// The header of a place has come, or its connection has gone.
    pub(super) fn end(&mut self, place: usize) {
        let (word, bit) = split(place);
        if cfg!(feature = "proxy")
            && let Some(bits) = self.0.get_mut(word)
        {
            *bits &= !bit;
        }
    }

    /// Whether the header of a place has to come first.
    pub(super) fn awaits(&self, place: usize) -> bool {
        let (word, bit) = split(place);
        cfg!(feature = "proxy") && self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }
}

/// Takes the header, and nothing behind it, if it is whole. Otherwise all bytes stay.
// Not inlined: it is large, and its caller is the turn.
#[inline(never)]
pub(super) fn take(stream: &mut TcpStream, buffer: &mut [u8]) -> ReadResult {
    let seen = match retry(|| stream.peek(buffer)) {
        Ok(Some(0)) => return ReadResult::End,
        Ok(Some(len)) => len,
        Ok(None) => return ReadResult::WouldBlock,
        Err(reason) => return ReadResult::Lost(reason),
    };
    let header = match ProxyHeader::parse(&buffer[..seen]) {
        Ok(Some(header)) => header,
        // More bytes make an event, unless there is no space to see them.
        Ok(None) if seen < buffer.len() => return ReadResult::WouldBlock,
        Ok(None) | Err(_) => return ReadResult::Identified(None),
    };
    let mut taken = 0;
    while taken < header.len {
        match retry(|| stream.read(&mut buffer[taken..header.len])) {
            Ok(Some(len)) if len > 0 => taken += len,
            Ok(_) => return ReadResult::End,
            Err(reason) => return ReadResult::Lost(reason),
        }
    }
    ReadResult::Identified(Some(Box::new(header)))
}

/// The word of a place, and its bit there.
const fn split(place: usize) -> (usize, u64) {
    (place / 64, 1 << (place % 64))
}

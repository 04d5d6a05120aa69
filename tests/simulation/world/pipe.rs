//! A connection: what the system holds of it, with edges instead of states, and the host's end.

use switchboard::engine::PeerEnd;

use super::tls::Tunnel;

/// A connection between a peer and the host.
#[derive(Debug)]
pub struct Pipe {
    /// What the peer has written and the host has not read.
    up: Queue,
    up_max: usize,
    /// How much the host has written and the peer has not read.
    down_len: usize,
    down_max: usize,
    /// The peer has ended its half.
    ended: bool,
    /// The peer has reset the connection.
    reset: bool,
    /// The host has ended its half.
    shut: bool,
    /// The host has dropped the connection.
    dropped: bool,
    /// Edges without an event yet.
    news: Event,
    /// Whether the host has seen that nothing fits.
    blocked: bool,
    /// Seals what the peer writes, if the connection is like one of TLS.
    pub tunnel: Option<Box<Tunnel>>,
}

/// Bytes, first in, first out.
#[derive(Debug, Default)]
pub struct Queue {
    bytes: Vec<u8>,
    /// How many of them have gone.
    gone: usize,
}

impl Queue {
    pub fn push(&mut self, bytes: &[u8]) {
        if self.gone > self.bytes.len() / 2 {
            self.bytes.drain(..self.gone);
            self.gone = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    pub fn advance(&mut self, len: usize) {
        self.gone += len;
    }

    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[self.gone..]
    }

    pub fn len(&self) -> usize {
        self.bytes.len() - self.gone
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The events of the poll about a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub readable: bool,
    pub writable: bool,
}

/// What a read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    Bytes(usize),
    WouldBlock,
    End,
    Lost,
}

impl Pipe {
    pub fn new(up_max: usize, down_max: usize) -> Self {
        Self {
            up: Queue::default(),
            up_max,
            down_len: 0,
            down_max,
            ended: false,
            reset: false,
            shut: false,
            dropped: false,
            news: Event::default(),
            blocked: false,
            tunnel: None,
        }
    }

    /// The peer writes what fits of `bytes`; returns how many bytes fit.
    pub fn peer_writes(&mut self, bytes: &mut Queue, len_max: usize) -> usize {
        let Some(mut tunnel) = self.tunnel.take() else { return self.put(bytes, len_max) };
        let len = self.put(tunnel.seal(bytes), len_max);
        let plain_len = tunnel.wrote(len);
        self.tunnel = Some(tunnel);
        plain_len
    }

    fn put(&mut self, bytes: &mut Queue, len_max: usize) -> usize {
        if self.dropped || self.ended || self.reset {
            return 0;
        }
        let len = bytes.len().min(len_max).min(self.up_max.saturating_sub(self.up.len()));
        self.up.push(&bytes.as_slice()[..len]);
        bytes.advance(len);
        self.news.readable |= len > 0;
        len
    }

    /// The peer reads up to `len_max` bytes; returns how many.
    pub fn peer_reads(&mut self, len_max: usize) -> usize {
        let len = self.down_len.min(len_max);
        self.down_len -= len;
        if len > 0 && self.blocked {
            self.blocked = false;
            self.news.writable = true;
        }
        self.tunnel.as_mut().map_or(len, |tunnel| tunnel.read(len))
    }

    /// The peer ends its half.
    pub fn peer_ends(&mut self) {
        if self.ended || self.reset {
            return;
        }
        if let Some(tunnel) = &mut self.tunnel
            && let Some(record) = tunnel.end()
        {
            self.up.push(&record);
            self.news.readable = true;
            if tunnel.lingers() {
                return;
            }
        }
        self.peer_goes();
    }

    /// The peer ends its half, whatever else it has said.
    pub fn peer_goes(&mut self) {
        if !self.ended && !self.reset {
            self.ended = true;
            self.news.readable = true;
        }
    }

    /// Whether a handshake goes on, for which the peer reads in any case.
    pub fn shakes_hands(&self) -> bool {
        self.tunnel.as_ref().is_some_and(|tunnel| tunnel.shakes_hands())
    }

    /// Whether the peer has records that it could not write.
    pub fn owes(&self) -> bool {
        self.tunnel.as_ref().is_some_and(|tunnel| tunnel.owes())
    }

    /// The peer resets the connection; what was not read may be lost with it.
    pub fn peer_resets(&mut self, loses: bool) {
        if !self.reset {
            self.reset = true;
            self.news = Event { readable: true, writable: true };
            if loses {
                self.up = Queue::default();
            }
        }
    }

    /// The host reads once.
    pub fn host_reads(&mut self, buffer: &mut [u8]) -> Read {
        let len = self.up.len().min(buffer.len());
        if len > 0 {
            buffer[..len].copy_from_slice(&self.up.as_slice()[..len]);
            self.up.advance(len);
            return Read::Bytes(len);
        }
        match (self.reset, self.ended) {
            (true, _) => Read::Lost,
            (false, true) => Read::End,
            (false, false) => Read::WouldBlock,
        }
    }

    /// The host writes; returns how many of `len` bytes the system takes.
    pub fn host_writes(&mut self, len: usize) -> Option<usize> {
        if self.reset {
            return None;
        }
        let taken = len.min(self.down_max - self.down_len);
        self.down_len += taken;
        self.blocked |= taken < len;
        Some(taken)
    }

    /// A short write was a random choice of the system: there is space again.
    pub fn has_room_again(&mut self) {
        self.news.writable = true;
    }

    pub fn host_ends(&mut self) {
        self.shut = true;
        // Both halves have ended, which is news.
        self.news.readable |= self.ended;
    }

    pub fn host_drops(&mut self) {
        self.dropped = true;
        self.news = Event::default();
    }

    /// The next event, if there is any.
    pub fn event(&mut self) -> Option<(Event, PeerEnd)> {
        let event = std::mem::take(&mut self.news);
        (event != Event::default()).then(|| (event, self.end()))
    }

    pub fn has_event(&self) -> bool {
        self.news != Event::default()
    }

    /// Whether there is anything to be read: bytes, or the peer's end.
    pub fn is_unread(&self) -> bool {
        !self.up.is_empty()
    }

    /// Whether the host has ended its half, and the peer has read all before it.
    pub fn is_over_for_peer(&self) -> bool {
        self.dropped || self.shut && self.down_len == 0
    }

    /// Whether the host has ended its half.
    #[cfg(feature = "tls")]
    pub fn is_shut(&self) -> bool {
        self.shut
    }

    /// Whether the host waits until the peer reads.
    pub fn is_blocked(&self) -> bool {
        self.blocked
    }

    #[cfg(feature = "tls")]
    pub fn is_reset(&self) -> bool {
        self.reset
    }

    #[cfg(feature = "tls")]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    pub fn is_dropped(&self) -> bool {
        self.dropped
    }

    /// How many bytes pass at most at a time.
    pub fn narrowest(&self) -> usize {
        self.up_max.min(self.down_max)
    }

    fn end(&self) -> PeerEnd {
        if self.reset || self.ended && self.shut {
            PeerEnd::Lost
        } else if self.ended {
            PeerEnd::HalfClosed
        } else {
            PeerEnd::None
        }
    }
}

/// The host's end of a connection, as the engine should know it.
#[derive(Debug)]
pub struct Stream {
    pub writable: bool,
    pub end: PeerEnd,
    /// Its end was read.
    pub ended: bool,
    pub shut: bool,
    /// Its handshake is over, if it has one.
    pub secured: bool,
}

impl Stream {
    pub const fn new() -> Self {
        Self { writable: true, end: PeerEnd::None, ended: false, shut: false, secured: false }
    }
}

//! Connections without blocking, each at the index of its socket. Interrupted reads and writes are
//! repeated here.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;

use crate::engine;
use crate::hub::ListenerTraits;
use crate::net::prelude::{self, Prelude};
use crate::net::retry::retry;
use crate::net::tls::{TlsPlan, TlsTable};
use crate::service::SocketId;
use crate::sys;

/// All connections.
#[derive(Debug)]
pub(crate) struct Streams {
    all: Vec<Option<TcpStream>>,
    prelude: Prelude,
    tls: TlsTable,
}

// In a debug build, mio keeps more for its own checks.
#[cfg(not(debug_assertions))]
const _: () = assert!(size_of::<Option<TcpStream>>() == 4, "a connection is a descriptor");

impl Streams {
    pub(crate) fn with_capacity(len: usize, tls: Option<TlsPlan>) -> Self {
        Self { all: Vec::with_capacity(len), prelude: Prelude::default(), tls: TlsTable::new(tls) }
    }

    /// Begins a turn: what one turn may do is counted from zero.
    pub(crate) fn begin_turn(&mut self) {
        self.tls.begin_turn();
    }

    /// Adds a connection of a listener with these traits.
    ///
    /// # Errors
    /// TLS has no random numbers.
    pub(crate) fn insert(
        &mut self,
        id: SocketId,
        stream: TcpStream,
        listener: ListenerTraits,
    ) -> io::Result<()> {
        let place = id.index();
        if listener.is_secure() {
            self.tls.begin(place)?;
        }
        if place >= self.all.len() {
            self.all.resize_with(place + 1, || None);
        }
        self.all[place] = Some(stream);
        self.prelude.begin(place, listener.protocol);
        Ok(())
    }

    /// Whether a connection is one of TLS.
    pub(crate) fn is_sealed(&self, id: SocketId) -> bool {
        self.tls.has(id.index())
    }

    /// Reads once. The header of the PROXY protocol comes before all other bytes.
    pub(crate) fn read(&mut self, id: SocketId, buffer: &mut [u8]) -> engine::ReadResult {
        let place = id.index();
        let Self { all, prelude, tls } = self;
        let Some(Some(stream)) = all.get_mut(place) else {
            return engine::ReadResult::WouldBlock;
        };
        if prelude.awaits(place) {
            let result = prelude::take(stream, buffer);
            if result != engine::ReadResult::WouldBlock {
                prelude.end(place);
            }
            return result;
        }
        if tls.has(place) {
            return tls.read(place, stream, buffer);
        }
        match retry(|| stream.read(buffer)) {
            Ok(Some(0)) => engine::ReadResult::End,
            Ok(Some(len)) => engine::ReadResult::Bytes(len),
            Ok(None) => engine::ReadResult::WouldBlock,
            Err(reason) => engine::ReadResult::Lost(reason),
        }
    }

    /// Writes once. Returns how many bytes have left.
    ///
    /// # Errors
    /// The connection is lost.
    pub(crate) fn write(&mut self, id: SocketId, bytes: &[u8]) -> Result<usize, &'static str> {
        let Self { all, tls, .. } = self;
        let Some(Some(stream)) = all.get_mut(id.index()) else { return Ok(0) };
        if tls.has(id.index()) {
            return tls.write(id.index(), stream, &[IoSlice::new(bytes)]);
        }
        retry(|| stream.write(bytes)).map(Option::unwrap_or_default)
    }

    /// Writes once, all chunks together, like [`Streams::write`].
    ///
    /// # Errors
    /// The connection is lost.
    pub(crate) fn write_vectored(
        &mut self,
        id: SocketId,
        chunks: &[IoSlice<'_>],
    ) -> Result<usize, &'static str> {
        let Self { all, tls, .. } = self;
        let Some(Some(stream)) = all.get_mut(id.index()) else { return Ok(0) };
        if tls.has(id.index()) {
            return tls.write(id.index(), stream, chunks);
        }
        retry(|| stream.write_vectored(chunks)).map(Option::unwrap_or_default)
    }

    /// How many of the bytes that were written the peer has not acknowledged.
    pub(crate) fn queued_len(&mut self, id: SocketId) -> usize {
        self.get_mut(id).map_or(0, |stream| sys::queued_len(stream))
    }

    /// Ends our half.
    pub(crate) fn end_writing(&mut self, id: SocketId) {
        let Self { all, tls, .. } = self;
        let Some(Some(stream)) = all.get_mut(id.index()) else { return };
        if tls.has(id.index()) {
            return tls.end_writing(id.index(), stream);
        }
        // If it fails, the connection is lost; the next read reports that.
        let _ = stream.shutdown(Shutdown::Write);
    }

    /// Writes the TLS records that wait, once the system takes bytes of the connection at this
    /// index again. Returns whether it has to be read although no event says so.
    pub(crate) fn flush(&mut self, place: usize) -> bool {
        let Self { all, tls, .. } = self;
        match all.get_mut(place) {
            Some(Some(stream)) if tls.has(place) => tls.flush(place, stream),
            _ => false,
        }
    }

    /// Closes a connection, which removes it from the poll. To abort it, the system drops the bytes
    /// that the peer has not taken, and resets the connection if there are any. Otherwise the
    /// system keeps up to 4 MiB for the peer, as long as the peer has a zero window (RFC 9293,
    /// 3.8.6.1).
    pub(crate) fn close(&mut self, id: SocketId, mode: engine::CloseMode) {
        let place = id.index();
        let Some(mut stream) = self.all.get_mut(place).and_then(Option::take) else { return };
        self.tls.end(place, &mut stream, mode);
        if mode == engine::CloseMode::Abort && sys::queued_len(&stream) > 0 {
            // If that fails, the system keeps the bytes.
            let _ = sys::reset_on_close(&stream);
        }
    }

    /// Frees the entries from `places_len` on, which have no connections.
    pub(crate) fn trim(&mut self, places_len: usize) {
        crate::hub::cut(&mut self.all, places_len);
        self.tls.trim(places_len);
    }

    /// How many places there are.
    #[cfg(test)]
    pub(crate) const fn places_len(&self) -> usize {
        self.all.len()
    }

    fn get_mut(&mut self, id: SocketId) -> Option<&mut TcpStream> {
        self.all.get_mut(id.index())?.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{self, TcpListener};

    use super::*;
    use crate::hub::Reach;

    /// A peer has all that was written for it. It was too slow for something else, and reads the
    /// end of the connection, not that it was reset.
    #[test]
    fn a_connection_is_not_reset_when_nothing_of_it_is_abandoned() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let mut peer = net::TcpStream::connect(address).expect("it listens");
        // It blocks, so that the test can wait for the peer.
        let (stream, _) = listener.accept().expect("one has come");
        let mut streams = Streams::with_capacity(1, None);
        let id = SocketId::new(0, 1).expect("there is such a place");
        let listener = ListenerTraits::plain(Reach::Machine);
        streams.insert(id, TcpStream::from_std(stream), listener).expect("it needs no TLS");
        assert_eq!(streams.write(id, b"word"), Ok(4));
        let mut bytes = [0; 10];
        assert_eq!(peer.read(&mut bytes).expect("it is there"), 4);
        // What a peer sends acknowledges what it got.
        peer.write_all(b"!").expect("there is space");
        assert_eq!(streams.read(id, &mut bytes), engine::ReadResult::Bytes(1));
        assert_eq!(streams.queued_len(id), 0);
        streams.close(id, engine::CloseMode::Abort);
        assert_eq!(peer.read(&mut bytes).expect("it is not reset"), 0);
    }
}

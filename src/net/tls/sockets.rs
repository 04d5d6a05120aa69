//! `TlsSockets`: the TLS connections of a host, each at the index of its socket.

use std::fmt;
use std::io::{self, IoSlice};

use crate::engine::{CloseMode, ReadResult, TlsRead};
use crate::net::tls::seam::{MakeChannel, RecordChannel, SealedStream};
use crate::net::tls::socket::{Flushed, Scratch, TlsSocket};

/// The TLS connections of a host, each at the index of its socket. Without TLS listeners there is
/// nothing in it.
pub struct TlsSockets<M: MakeChannel> {
    all: Vec<Option<Box<TlsSocket<M::Channel>>>>,
    scratch: Scratch,
    /// How many more handshakes may begin in this turn: each costs a signature.
    hellos_left: usize,
    maker: Option<M>,
}

impl<M: MakeChannel> TlsSockets<M> {
    /// A host without connections. They get the channels of this maker.
    pub fn new(maker: Option<M>) -> Self {
        Self { maker, all: Vec::new(), scratch: Scratch::default(), hellos_left: 0 }
    }

    /// A turn begins.
    pub const fn begin_turn(&mut self) {
        self.hellos_left = M::Channel::TURN_HELLOS_MAX;
    }

    /// Adds a connection of a TLS listener.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn begin(&mut self, place: usize) -> io::Result<()> {
        let Some(maker) = &self.maker else { return Ok(()) };
        let socket = TlsSocket::new(maker.make()?);
        if place >= self.all.len() {
            self.all.resize_with(place + 1, || None);
        }
        self.all[place] = Some(Box::new(socket));
        Ok(())
    }

    /// Whether the connection of this place is one of TLS.
    #[must_use]
    pub fn has(&self, place: usize) -> bool {
        matches!(self.all.get(place), Some(Some(_)))
    }

    /// Reads once. `buffer` has [`RecordChannel::BUFFER_MIN`] bytes or more.
    pub fn read(
        &mut self,
        place: usize,
        stream: &mut impl SealedStream,
        buffer: &mut [u8],
    ) -> ReadResult {
        let Some(Some(socket)) = self.all.get_mut(place) else { return ReadResult::WouldBlock };
        let was_new = socket.awaits_hello();
        if was_new && self.hellos_left == 0 {
            return ReadResult::Tls(TlsRead::Later);
        }
        let result = socket.read(stream, buffer, &mut self.scratch);
        self.hellos_left -= usize::from(was_new && !socket.awaits_hello());
        result
    }

    /// Writes chunks. Returns how many plain bytes have left, in whole records.
    ///
    /// # Errors
    /// The connection is lost.
    pub fn write(
        &mut self,
        place: usize,
        stream: &mut impl SealedStream,
        chunks: &[IoSlice<'_>],
    ) -> Result<usize, &'static str> {
        let Some(Some(socket)) = self.all.get_mut(place) else { return Ok(0) };
        socket.write(stream, chunks.iter().map(|chunk| &**chunk), &mut self.scratch)
    }

    /// Writes what waits, once the system takes bytes again. Returns whether the connection has to
    /// be read although no event says so.
    pub fn flush(&mut self, place: usize, stream: &mut impl SealedStream) -> bool {
        let Some(Some(socket)) = self.all.get_mut(place) else { return false };
        // If the connection is lost, the next read reports that.
        socket.flush(stream) != Ok(Flushed::Blocked) && socket.take_held()
    }

    /// Ends our half, once all records have left.
    pub fn end_writing(&mut self, place: usize, stream: &mut impl SealedStream) {
        if let Some(Some(socket)) = self.all.get_mut(place) {
            // If the connection is lost, the next read reports that.
            let _ = socket.end_writing(stream, &mut self.scratch);
        }
    }

    /// Removes the connection of this place, which is being closed. Unless it is aborted, it sends
    /// close_notify.
    pub fn end(&mut self, place: usize, stream: &mut impl SealedStream, mode: CloseMode) {
        let Some(mut socket) = self.all.get_mut(place).and_then(Option::take) else { return };
        if mode == CloseMode::Graceful {
            // If the system does not take it now, the client only misses close_notify.
            let _ = socket.end_writing(stream, &mut self.scratch);
        }
    }

    /// Frees the entries from `places_len` on, which have no connections.
    pub fn trim(&mut self, places_len: usize) {
        crate::hub::cut(&mut self.all, places_len);
        self.scratch = Scratch::default();
    }
}

impl<M: MakeChannel> fmt::Debug for TlsSockets<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSockets").finish_non_exhaustive()
    }
}

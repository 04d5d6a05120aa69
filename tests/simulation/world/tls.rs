//! Connections in records: the code of the server that TLS has between sockets and channels runs
//! over simulated ones. What has to hold of it is judged by what the client's half knows.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::rc::Rc;

use switchboard::Limits;
use switchboard::engine::{CloseMode, Engine, Left, ReadResult, TlsRead};
use switchboard::service::SocketId;
use switchboard::tls::{RecordChannel, SealedStream, TlsSockets};

use super::choice::Chooser;
use super::pipe::{self, Pipe};
use super::seal::{Sealed, Sealer};
use super::{Link, Simulation, World, mount_all};

pub use super::tunnel::Tunnel;

/// The connections in records, and those that wait to be accepted.
pub struct Layer {
    sockets: TlsSockets<Sealer>,
    /// How many handshakes have begun in this turn.
    hellos: Rc<Cell<usize>>,
    has_listener: bool,
    backlog: VecDeque<usize>,
}

impl Layer {
    pub fn new() -> Self {
        let sealer = Sealer::default();
        let hellos = Rc::clone(&sealer.hellos);
        Self {
            sockets: TlsSockets::new(Some(sealer)),
            hellos,
            has_listener: false,
            backlog: VecDeque::new(),
        }
    }

    pub const fn has_listener(&self) -> bool {
        self.has_listener
    }

    pub fn backlog_len(&self) -> usize {
        self.backlog.len()
    }

    pub fn arrives(&mut self, index: usize) {
        self.backlog.push_back(index);
    }

    pub fn next_arrival(&mut self) -> Option<usize> {
        self.backlog.pop_front()
    }

    pub fn begin_turn(&mut self) {
        self.sockets.begin_turn();
        self.hellos.set(0);
    }

    pub fn has(&self, id: SocketId) -> bool {
        self.sockets.has(id.index())
    }

    /// The client's half of a new connection, if it is to be in records.
    pub fn tunnel(&self, is_good: bool, chooser: &mut Chooser) -> Option<Box<Tunnel>> {
        let is_plain = !self.has_listener || chooser.once_in(3);
        (!is_plain).then(|| Box::new(Tunnel::new(is_good, chooser)))
    }
}

impl Simulation {
    /// The same, where most connections are in records, and some worlds have programs or services
    /// on the loop.
    pub fn in_records(mut self) -> Self {
        let World { layer, chooser, limits, places, .. } = &mut self.world;
        layer.has_listener = true;
        limits.handshakes_max = chooser.pick(&[256, 1, 2, 5, 9]);
        // What is opened has to fit.
        limits.read_buffer_bytes = limits.read_buffer_bytes.max(Sealed::BUFFER_MIN);
        for place in places.iter_mut() {
            let Limits { read_buffer_bytes, handshakes_max, .. } = *limits;
            place.limits = Limits { read_buffer_bytes, handshakes_max, ..place.limits };
        }
        match chooser.below(4) {
            0 => return self.with_programs(),
            1 => places.iter_mut().for_each(|place| place.is_on_loop = true),
            _ => {}
        }
        let hub = mount_all(places, limits);
        self.engine = Engine::new(hub, limits);
        self
    }
}

/// The host's end of a connection, as the system has it.
struct Stream<'w> {
    pipe: &'w mut Pipe,
    chooser: &'w mut Chooser,
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.pipe.host_reads(buffer) {
            pipe::Read::Bytes(len) => {
                self.pipe.tunnel.as_mut().expect("it is in records").host_read(len);
                Ok(len)
            }
            pipe::Read::WouldBlock => Err(ErrorKind::WouldBlock.into()),
            pipe::Read::End => Ok(0),
            pipe::Read::Lost => Err(ErrorKind::ConnectionReset.into()),
        }
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!bytes.is_empty(), "a write of nothing costs a system call");
        assert!(!self.pipe.is_shut(), "it is written to after its end");
        let is_short = self.chooser.once_in(20);
        let len = if is_short { bytes.len() / 2 } else { bytes.len() };
        let written = self.pipe.host_writes(len).ok_or(ErrorKind::BrokenPipe)?;
        if is_short && written == len {
            self.pipe.has_room_again();
        }
        self.pipe.tunnel.as_mut().expect("it is in records").carry(&bytes[..written]);
        if written == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(written) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SealedStream for Stream<'_> {
    fn end(&mut self) {
        assert!(!self.pipe.is_shut(), "it is ended twice");
        self.pipe.tunnel.as_ref().expect("it is in records").check_end();
        self.pipe.host_ends();
    }
}

impl Link {
    /// Whether its handshake is not over, for the host.
    pub(super) fn shakes_hands(&self) -> bool {
        let is_shaking = self.stream.as_ref().is_some_and(|stream| !stream.secured);
        self.pipe.tunnel.is_some() && is_shaking
    }
}

impl World {
    /// A connection has come through the listener of records.
    pub(super) fn begin_sealed(&mut self, id: SocketId, index: usize) {
        if self.links[index].pipe.tunnel.is_some() {
            self.layer.sockets.begin(id.index()).expect("it needs nothing of the system");
        }
        let (len, max) = (self.handshakes_len(), self.limits.handshakes_max);
        assert!(len <= max, "{len} handshakes of {max}");
    }

    pub(super) fn read_sealed(&mut self, id: SocketId, buffer: &mut [u8]) -> ReadResult {
        let index = self.link_of(id).expect("only sockets with connections are read");
        let Self { layer, links, chooser, inbox, tally, now, .. } = self;
        let Link { pipe, peer, stream: Some(stream), record: Some(record), .. } = &mut links[index]
        else {
            panic!("a socket has a stream and a record")
        };
        assert!(!stream.ended, "peer {index} is read after its end");
        let before = pipe.is_unread();
        let read = layer.sockets.read(id.index(), &mut Stream { pipe, chooser }, buffer);
        inbox.moved |= before;
        let tunnel = pipe.tunnel.as_ref().expect("it is in records");
        match &read {
            ReadResult::Tls(TlsRead::Secured(_)) => {
                assert!(!stream.secured && tunnel.is_finished(), "peer {index} shakes hands");
                stream.secured = true;
                inbox.moved = true;
                tally.handshakes += 1;
            }
            ReadResult::Tls(TlsRead::Bytes { len, left, .. }) => {
                assert!(*len == 0 || stream.secured, "peer {index}: bytes before the handshake");
                if *len > 0 {
                    inbox.moved = true;
                    record.feed(peer, *len, *now);
                }
                let is_empty = !pipe.is_unread() && tunnel.rest_len() == 0;
                assert!(*left == Left::Unknown || is_empty, "peer {index} has more");
            }
            ReadResult::Tls(TlsRead::Drained(rest_len)) => {
                let is_rest = *rest_len as u64 == tunnel.rest_len() || tunnel.is_faulty();
                assert!(is_rest || !tunnel.is_finished(), "peer {index}: {rest_len} bytes wait");
                tally.answers += u64::from(pipe.is_unread());
            }
            ReadResult::Tls(TlsRead::Later) => tally.delays += 1,
            ReadResult::End => {
                assert!(pipe.has_ended() || tunnel.has_ended(), "peer {index} has not ended");
                let is_faulty = tunnel.is_faulty();
                let len = tunnel.opened_len();
                assert!(is_faulty || len == record.fed, "peer {index}: {len} bytes before its end");
                (stream.ended, record.failed, record.ended) = (true, true, true);
                inbox.moved = true;
            }
            ReadResult::Lost(reason) => {
                let is_true = if reason.starts_with("TLS: ") {
                    record.broken = true;
                    // Some leave within a record, or within the handshake.
                    let is_cut = tunnel.rest_len() > 0 || !tunnel.is_finished();
                    tunnel.is_faulty() || pipe.has_ended() && is_cut
                } else {
                    (record.reset, record.refuses) = (true, true);
                    pipe.is_reset()
                };
                assert!(is_true, "peer {index}: {reason}");
                (stream.ended, record.failed) = (true, true);
                inbox.moved = true;
            }
            other => panic!("peer {index} is in records: {other:?}"),
        }
        read
    }

    /// What is reported as written has left, neither more nor less.
    pub(super) fn write_sealed(
        &mut self,
        id: SocketId,
        chunks: &[IoSlice<'_>],
    ) -> Result<usize, &'static str> {
        let index = self.link_of(id).expect("only sockets with connections are written to");
        let bytes: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.iter().copied()).collect();
        let Self { layer, links, chooser, tally, .. } = self;
        let Link { pipe, stream: Some(stream), record: Some(record), .. } = &mut links[index]
        else {
            panic!("a socket has a stream and a record")
        };
        assert!(stream.writable, "peer {index} is written to before it is writable again");
        assert!(!bytes.is_empty(), "there is something to write");
        assert!(!stream.shut, "peer {index} is written to after its end");
        assert!(stream.secured, "peer {index} gets an answer within its handshake");
        let written = layer.sockets.write(id.index(), &mut Stream { pipe, chooser }, chunks);
        let written = written.inspect_err(|reason| {
            let is_lost = pipe.is_reset() && *reason == "the peer has closed the connection";
            let is_faulty = pipe.tunnel.as_ref().is_some_and(|tunnel| tunnel.is_faulty());
            record.broken = is_faulty && reason.starts_with("TLS: ");
            assert!(is_lost || record.broken, "peer {index}: {reason}");
            (record.failed, record.refuses) = (true, true);
        })?;
        let left = pipe.tunnel.as_mut().expect("it is in records").take_left();
        assert!(left.len() == written, "peer {index}: {} bytes left, of {written}", left.len());
        assert!(bytes.starts_with(&left), "peer {index}: other bytes left than were written");
        stream.writable = written == bytes.len();
        let is_told = pipe.is_blocked() || pipe.has_event();
        assert!(stream.writable || is_told, "peer {index}: no event tells when more may leave");
        tally.cuts += u64::from(!stream.writable);
        self.carry(index, &left);
        Ok(written)
    }

    /// The system takes bytes of a connection again. Returns whether it has to be read.
    pub(super) fn flush_sealed(&mut self, index: usize) -> bool {
        let Self { layer, links, chooser, .. } = self;
        let Link { pipe, record: Some(record), .. } = &mut links[index] else { return false };
        if pipe.tunnel.is_none() {
            return false;
        }
        layer.sockets.flush(record.id.index(), &mut Stream { pipe, chooser })
    }

    /// The host ends its half.
    pub(super) fn end_sealed(&mut self, id: SocketId) {
        let Some(index) = self.link_of(id) else { return };
        let Self { layer, links, chooser, .. } = self;
        let pipe = &mut links[index].pipe;
        pipe.tunnel.as_mut().expect("it is in records").host_closes();
        layer.sockets.end_writing(id.index(), &mut Stream { pipe, chooser });
    }

    /// The host closes a connection.
    pub(super) fn close_sealed(&mut self, id: SocketId, mode: CloseMode) {
        let Some(index) = self.link_of(id) else { return };
        let Self { layer, links, chooser, .. } = self;
        let pipe = &mut links[index].pipe;
        if pipe.tunnel.is_some() {
            layer.sockets.end(id.index(), &mut Stream { pipe, chooser }, mode);
            assert!(!layer.sockets.has(id.index()), "a connection that was closed is kept");
        }
    }

    /// After a turn.
    pub(super) fn check_sealed_turn(&mut self) {
        assert!(self.layer.hellos.get() <= Sealed::TURN_HELLOS_MAX, "too many handshakes begin");
    }

    /// Nothing is left to do for the host: what has come was read, unless it is held, and what is
    /// due has left.
    pub(super) fn check_sealed_quiet(&self, index: usize, is_held: bool) {
        let Link { pipe, record: Some(record), stream: Some(stream), .. } = &self.links[index]
        else {
            return;
        };
        let Some(tunnel) = &pipe.tunnel else { return };
        assert!(!pipe.is_reset() || record.failed, "peer {index}: its reset is overlooked");
        tunnel.check_quiet(record.fed, is_held || record.held || stream.ended, pipe.is_blocked());
        assert!(
            !stream.shut || pipe.is_shut() || pipe.is_blocked(),
            "peer {index}: its end does not leave"
        );
        let is_known = stream.secured || !tunnel.is_finished();
        assert!(is_known || is_held || record.held, "peer {index}: its handshake is overlooked");
    }
}

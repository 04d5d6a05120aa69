//! Connections of TLS: a client of rustls talks to the channel of the server, over a stream that
//! cuts and holds back bytes. The input says what both send, when they renew keys or end, and which
//! bytes of the client are changed, lost or repeated. Sessions differ in their keys, so that the
//! input is not a recording.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::{Arc, LazyLock};

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use switchboard::engine::{CloseMode, Left, ReadResult, TlsRead};
use switchboard::tls::{
    CertificateFiles, Channel, RecordChannel, SealedStream, Tls, TlsFiles, TlsSockets,
};

use super::cutting::Cutting;
use trust::Anybody;

#[path = "../../src/net/tls/trust.rs"]
mod trust;

/// Lives through a session. The first byte behind the cutting says what kind of client comes.
pub fn check(data: &[u8]) {
    let Some((cutting, [kind, input @ ..])) = Cutting::split(data) else { return };
    if kind % 8 == 7 {
        return stranger(cutting, input);
    }
    let versions =
        if kind % 2 == 0 { &[&rustls::version::TLS13] } else { &[&rustls::version::TLS12] };
    let mut session = Session::new(cutting, versions);
    session.pump();
    for op in input.chunks_exact(2).take(OPS_MAX) {
        session.act(op[0], op[1]);
        session.pump();
    }
    session.finish();
}

/// Bytes that no client of TLS has made.
fn stranger(cutting: Cutting<'_>, input: &[u8]) {
    let mut server = Server::new(cutting);
    for piece in cutting.pieces(input) {
        server.stream.up.extend(piece);
        server.read();
    }
    server.stream.has_ended = true;
    server.read();
    assert!(!server.is_secured && server.plain.is_empty(), "a stranger shakes hands");
    assert!(server.is_over, "the end of a stranger is overlooked");
    server.sockets.end(0, &mut server.stream, CloseMode::Graceful);
}

/// A client and a server.
struct Session<'c> {
    cutting: Cutting<'c>,
    client: ClientConnection,
    server: Server<'c>,
    /// Bytes of the client that are on their way.
    sealed: VecDeque<u8>,
    /// What the client has sent, and what it got.
    said: Vec<u8>,
    heard: Vec<u8>,
    /// What the server is to send.
    answers: Vec<u8>,
    written: usize,
    has_ended: bool,
    renewals: usize,
    /// The bytes of the client are no longer those that it has made.
    is_touched: bool,
}

impl<'c> Session<'c> {
    fn new(cutting: Cutting<'c>, versions: &[&'static rustls::SupportedProtocolVersion]) -> Self {
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone());
        let config = config.with_protocol_versions(versions).expect("the server has both");
        let config =
            config.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)));
        let config = config.with_no_client_auth();
        let name = ServerName::try_from("fuzz").expect("it is a name");
        let client = ClientConnection::new(Arc::new(config), name).expect("a client can be made");
        Self {
            cutting,
            client,
            server: Server::new(cutting),
            sealed: VecDeque::new(),
            said: Vec::new(),
            heard: Vec::new(),
            answers: Vec::new(),
            written: 0,
            has_ended: false,
            renewals: 0,
            is_touched: false,
        }
    }

    fn act(&mut self, op: u8, with: u8) {
        let len = usize::from(with) * if op < 128 { 1 } else { 90 };
        match op % 8 {
            0 | 1 if !self.has_ended => {
                let bytes: Vec<u8> = (0..len).map(|at| low(at + self.said.len())).collect();
                let written = self.client.writer().write(&bytes).expect("it is memory");
                self.said.extend_from_slice(&bytes[..written]);
            }
            2 | 3 if !self.server.is_shut => {
                let from = self.answers.len();
                self.answers.extend((0..len).map(|at| low(from + at) ^ 0x55));
            }
            4 if !self.client.is_handshaking() && !self.has_ended => {
                // Only TLS 1.3 has such a message, of which rustls refuses the 33rd in a row.
                self.renewals += usize::from(self.client.refresh_traffic_keys().is_ok());
                self.is_touched |= self.renewals > 32;
            }
            5 if !self.server.is_shut => self.touch(op, usize::from(with)),
            6 => {
                // An end within the handshake may come where the server knows other keys.
                self.is_touched |= self.client.is_handshaking();
                self.client.send_close_notify();
                self.has_ended = true;
            }
            7 if self.server.is_secured && !self.is_touched => {
                self.write();
                if self.written == self.answers.len() {
                    self.server.is_shut = true;
                    self.server.sockets.end_writing(0, &mut self.server.stream);
                }
            }
            _ => {}
        }
    }

    /// Changes what the client sends next.
    fn touch(&mut self, how: u8, at: usize) {
        self.take_sealed();
        let Some(len) = self.sealed.len().checked_sub(1) else { return };
        self.is_touched = true;
        let at = at % (len + 1);
        match how / 8 % 3 {
            0 => self.sealed[at] ^= 1 << (at % 8),
            1 => drop(self.sealed.drain(..=at)),
            _ => {
                let again: Vec<u8> = self.sealed.iter().copied().take(at + 1).collect();
                again.into_iter().rev().for_each(|byte| self.sealed.push_front(byte));
            }
        }
    }

    fn take_sealed(&mut self) {
        let mut bytes = Vec::new();
        while self.client.wants_write() {
            self.client.write_tls(&mut bytes).expect("it is memory");
        }
        self.sealed.extend(bytes);
    }

    /// All that is on its way comes, in both directions, in pieces.
    fn pump(&mut self) {
        for _ in 0..PUMPS_MAX {
            self.take_sealed();
            let sealed: Vec<u8> = self.sealed.drain(..).collect();
            let mut has_moved = !sealed.is_empty();
            for piece in self.cutting.pieces(&sealed) {
                self.server.stream.up.extend(piece);
                self.server.read();
                has_moved |= self.hear();
            }
            has_moved |= self.server.flush();
            self.write();
            has_moved |= self.hear();
            if !has_moved {
                return;
            }
        }
        panic!("a session moves without end");
    }

    /// The server sends what it has, as far as the system takes it.
    fn write(&mut self) {
        let Server { sockets, stream, is_secured: true, is_over: false, is_shut: false, .. } =
            &mut self.server
        else {
            return;
        };
        let rest = &self.answers[self.written..];
        let (one, two) = rest.split_at(rest.len() / 3);
        if rest.is_empty() {
            return;
        }
        match sockets.write(0, stream, &[IoSlice::new(one), IoSlice::new(two)]) {
            Ok(len) => {
                assert!(len <= rest.len(), "more is written than there is");
                self.written += len;
            }
            Err(reason) => assert!(self.is_touched, "a write fails: {reason}"),
        }
    }

    /// The client reads. Returns whether anything came.
    fn hear(&mut self) -> bool {
        let down = std::mem::take(&mut self.server.stream.down);
        let mut rest = &down[..];
        while !rest.is_empty() && !self.is_touched {
            self.client.read_tls(&mut rest).expect("it is memory");
            let state = self.client.process_new_packets().expect("the server keeps to the rules");
            let mut plain = vec![0; state.plaintext_bytes_to_read()];
            self.client.reader().read_exact(&mut plain).expect("it is there");
            self.heard.extend(plain);
        }
        !down.is_empty()
    }

    /// Nothing more happens: what has arrived is what was sent.
    fn finish(mut self) {
        self.server.stream.takes_all = true;
        self.pump();
        let Self { server, said, heard, answers, written, .. } = &self;
        assert!(said.starts_with(&server.plain), "the server reads what was not sent");
        if self.is_touched {
            return;
        }
        assert!(server.is_secured, "the handshake does not end");
        assert_eq!(server.plain.len(), said.len(), "not all that was sent is read");
        assert!(answers.starts_with(heard), "what has come is not what was written");
        // Behind the end of the client, the last record leaves, and nothing is reported.
        let is_exact = heard.len() == *written || server.is_over && heard.len() > *written;
        assert!(is_exact, "{written} bytes were written, and {} have come", heard.len());
        assert!(*written == answers.len() || server.is_over, "not all was written");
        assert_eq!(server.is_over, self.has_ended, "the end of the client");
        let is_shut = self.server.stream.is_shut;
        assert_eq!(is_shut, self.server.is_shut, "the end of the server");
        if is_shut && !self.has_ended {
            // The client has read close_notify, and nothing is missing.
            assert_eq!(self.client.reader().read(&mut [0]).expect("the end is clean"), 0);
        }
    }
}

/// The connection of the server.
struct Server<'c> {
    sockets: TlsSockets<Tls>,
    stream: Stream<'c>,
    buffer: Vec<u8>,
    plain: Vec<u8>,
    is_secured: bool,
    is_over: bool,
    is_shut: bool,
}

impl<'c> Server<'c> {
    fn new(cutting: Cutting<'c>) -> Self {
        static TLS: LazyLock<Tls> = LazyLock::new(load);
        let mut sockets = TlsSockets::new(Some(TLS.clone()));
        sockets.begin(0).expect("there are random numbers");
        sockets.begin_turn();
        Self {
            sockets,
            stream: Stream {
                up: VecDeque::new(),
                down: Vec::new(),
                lengths: cutting.numbers(),
                next: 0,
                is_full: false,
                takes_all: false,
                has_ended: false,
                is_shut: false,
            },
            buffer: vec![0; Channel::BUFFER_MIN],
            plain: Vec::new(),
            is_secured: false,
            is_over: false,
            is_shut: false,
        }
    }

    /// Reads until nothing is left.
    fn read(&mut self) {
        for _ in 0..READS_MAX {
            if self.is_over {
                return;
            }
            match self.sockets.read(0, &mut self.stream, &mut self.buffer) {
                ReadResult::Tls(TlsRead::Secured(_)) => {
                    assert!(!self.is_secured, "a handshake is over once");
                    self.is_secured = true;
                }
                ReadResult::Tls(TlsRead::Bytes { len, left, .. }) => {
                    assert!(len == 0 || self.is_secured, "bytes before the end of the handshake");
                    self.plain.extend_from_slice(&self.buffer[..len]);
                    if left == Left::Nothing {
                        assert!(self.stream.up.is_empty(), "something is left");
                        return;
                    }
                }
                ReadResult::Tls(TlsRead::Drained(held)) => {
                    let max = if self.is_secured {
                        Channel::RECORDS_MAX
                    } else {
                        Channel::HANDSHAKE_REST_MAX
                    };
                    assert!(held <= max, "{held} bytes of a record are held");
                    return;
                }
                ReadResult::Tls(TlsRead::Later) => self.sockets.begin_turn(),
                ReadResult::End | ReadResult::Lost(_) => self.is_over = true,
                ReadResult::Bytes(_) | ReadResult::WouldBlock | ReadResult::Identified(_) => {
                    panic!("it is a connection of TLS")
                }
            }
        }
        panic!("reads without end");
    }

    /// The system takes bytes again. Returns whether it ever takes any.
    fn flush(&mut self) -> bool {
        let was_full = std::mem::take(&mut self.stream.is_full);
        if was_full && self.sockets.flush(0, &mut self.stream) {
            self.read();
        }
        let takes_any = self.stream.takes_all || self.stream.lengths.iter().any(|len| *len > 0);
        was_full && takes_any
    }
}

/// What the system has of a connection.
struct Stream<'c> {
    up: VecDeque<u8>,
    down: Vec<u8>,
    /// How many bytes it takes in each write.
    lengths: &'c [u8],
    next: usize,
    is_full: bool,
    takes_all: bool,
    has_ended: bool,
    is_shut: bool,
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.up.read(buffer)? {
            0 if self.has_ended => Ok(0),
            0 => Err(ErrorKind::WouldBlock.into()),
            len => Ok(len),
        }
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        assert!(!bytes.is_empty(), "a write of nothing costs a system call");
        assert!(!self.is_shut, "it is written to after its end");
        let length = usize::from(self.lengths[self.next % self.lengths.len()]);
        self.next += 1;
        let space = if self.takes_all || length >= 200 { usize::MAX } else { length * 64 };
        let len = bytes.len().min(space);
        self.is_full |= len < bytes.len();
        self.down.extend_from_slice(&bytes[..len]);
        if len == 0 { Err(ErrorKind::WouldBlock.into()) } else { Ok(len) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SealedStream for Stream<'_> {
    fn end(&mut self) {
        assert!(!self.is_shut, "it is ended twice");
        self.is_shut = true;
    }
}

/// The certificate is read from a file, as a server does it.
fn load() -> Tls {
    let file = std::env::temp_dir().join(format!("switchboard-fuzz-{}.pem", std::process::id()));
    std::fs::write(&file, include_str!("tls/fuzz.pem")).expect("files can be written");
    let certificates = vec![CertificateFiles { chain: file.clone(), key: file.clone() }];
    let tls = Tls::load(&TlsFiles { certificates, ..TlsFiles::default() });
    std::fs::remove_file(&file).expect("it was written");
    tls.expect("it has a certificate and its key")
}

/// What one input may do.
const OPS_MAX: usize = 40;
/// A write of 16 KiB leaves in pieces of 64 bytes at least, every eighth time.
const PUMPS_MAX: usize = 100_000;
const READS_MAX: usize = 100_000;

/// The low byte of a number.
const fn low(number: usize) -> u8 {
    number.to_le_bytes()[0]
}

//! Laws of one connection, between a client by rustls and streams that hold back, split and join
//! bytes: however they do, the same comes through, and nothing counts as written before it is.

use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use rustls::crypto::{ActiveKeyExchange, CryptoProvider, SharedSecret, SupportedKxGroup, ring};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, Error, NamedGroup, SupportedProtocolVersion};

use super::socket::{Scratch, TlsSocket};
use super::trust::Anybody;
use super::{CertificateFiles, Channel, MakeChannel, RecordChannel, SealedStream, Tls, TlsFiles};
use crate::engine::{ReadResult, TlsRead};

/// A server whose certificate openssl has made, once for all tests of this process.
fn tls() -> Tls {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("switchboard-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("it can be made");
        let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 9 \
                     -subj /CN=test -keyout key.pem -out chain.pem";
        let mut command = Command::new("openssl");
        command.args(words.split_whitespace()).current_dir(&folder);
        let output = command.output().expect("openssl is installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        folder
    });
    let of = |folder: &Path, name| folder.join(name);
    let pair = CertificateFiles { chain: of(folder, "chain.pem"), key: of(folder, "key.pem") };
    Tls::load(&TlsFiles { certificates: vec![pair], ..TlsFiles::default() })
        .expect("they are right")
}

fn client(
    provider: CryptoProvider,
    version: &'static SupportedProtocolVersion,
) -> ClientConnection {
    let provider = Arc::new(provider);
    let builder = ClientConfig::builder_with_provider(provider.clone());
    let builder = builder.with_protocol_versions(&[version]).expect("there are suites for it");
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider)));
    let name = ServerName::try_from("test.example").expect("it is a name");
    ClientConnection::new(Arc::new(builder.with_no_client_auth()), name).expect("it can begin")
}

/// The server's end of a stream.
#[derive(Default)]
struct Wire {
    /// What the client has sent and can be read.
    input: Vec<u8>,
    /// How many bytes one read takes, and how many more are taken at all.
    piece: usize,
    space: usize,
    output: Vec<u8>,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.input.len().min(buffer.len()).min(self.piece);
        if len == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        buffer[..len].copy_from_slice(&self.input[..len]);
        self.input.drain(..len);
        Ok(len)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(self.space);
        if len == 0 && !bytes.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.space -= len;
        self.output.extend_from_slice(&bytes[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SealedStream for Wire {
    fn end(&mut self) {}
}

/// Both ends of a connection, and what has come through.
struct Pair {
    client: ClientConnection,
    socket: TlsSocket<Channel>,
    wire: Wire,
    scratch: Scratch,
    /// What the server has got: plain bytes, and other events as words.
    events: Vec<u8>,
    /// What the client has got.
    got: Vec<u8>,
}

impl Pair {
    fn new(version: &'static SupportedProtocolVersion, piece: usize) -> Self {
        let socket = TlsSocket::new(tls().make().expect("there are random numbers"));
        let wire = Wire { piece, space: usize::MAX, ..Wire::default() };
        let (scratch, client) = (Scratch::default(), client(ring::default_provider(), version));
        Self { client, socket, wire, scratch, events: Vec::new(), got: Vec::new() }
    }

    /// The client sends, and the server reads until nothing is left.
    fn serve(&mut self) {
        while self.client.wants_write() {
            self.client.write_tls(&mut self.wire.input).expect("memory takes all");
        }
        let mut buffer = vec![0; Channel::BUFFER_MIN];
        loop {
            match self.socket.read(&mut self.wire, &mut buffer, &mut self.scratch) {
                ReadResult::Tls(TlsRead::Secured(info)) => {
                    let name = info.server_name.expect("the client asks for one");
                    self.events.extend(format!("<secured {name}>").bytes());
                }
                ReadResult::Tls(TlsRead::Bytes { len, .. }) => {
                    self.events.extend_from_slice(&buffer[..len]);
                }
                ReadResult::Tls(TlsRead::Drained(_)) if self.wire.input.is_empty() => return,
                ReadResult::End => return self.events.extend(b"<end>"),
                ReadResult::Lost(reason) => {
                    return self.events.extend(format!("<{reason}>").bytes());
                }
                other => panic!("not {other:?}"),
            }
        }
    }

    /// The client reads what the server has sent.
    fn hear(&mut self) {
        let output = std::mem::take(&mut self.wire.output);
        let mut left = &output[..];
        while !left.is_empty() {
            self.client.read_tls(&mut left).expect("it is in memory");
            let state = self.client.process_new_packets().expect("the server is right");
            let (begin, len) = (self.got.len(), state.plaintext_bytes_to_read());
            self.got.resize(begin + len, 0);
            self.client.reader().read_exact(&mut self.got[begin..]).expect("it is there");
        }
    }

    fn shake_hands(&mut self) {
        while self.client.is_handshaking() {
            self.serve();
            self.hear();
        }
    }
}

/// Cut anywhere, the bytes of a client are the same events.
#[test]
fn however_records_are_cut_the_events_are_the_same() {
    for version in [&TLS12, &TLS13] {
        for fault in [false, true] {
            let mut expected = None;
            for piece in (1..40).chain([100, 1_000, usize::MAX]) {
                let mut pair = Pair::new(version, piece);
                pair.shake_hands();
                for part in [&b"GET / HTTP/1.1\r\n"[..], b"\r\n", b"message"] {
                    pair.client.writer().write_all(part).expect("it takes bytes");
                }
                if !fault {
                    pair.client.send_close_notify();
                    while pair.client.wants_write() {
                        pair.client.write_tls(&mut pair.wire.input).expect("memory takes all");
                    }
                }
                // What is behind close_notify is ignored, and anything else is a fault.
                while pair.client.wants_write() {
                    pair.client.write_tls(&mut pair.wire.input).expect("memory takes all");
                }
                pair.wire.input.extend([0xff; 30_000]);
                pair.serve();
                let events = String::from_utf8_lossy(&pair.events).into_owned();
                assert!(events.starts_with("<secured test.example>GET / HTTP/1.1\r\n\r\nmessage<"));
                assert_eq!(events.ends_with("<end>"), !fault, "{events}");
                assert_eq!(expected.get_or_insert(events.clone()), &events, "in pieces of {piece}");
            }
        }
    }
}

/// What counts as written is what has left, whatever the system takes, and the client gets all.
#[test]
fn what_counts_as_written_has_left() {
    let mut state = 7_u32;
    let mut random = move |max: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % max
    };
    for version in [&TLS12, &TLS13] {
        for round in 0..60 {
            let mut pair = Pair::new(version, usize::MAX);
            pair.shake_hands();
            pair.serve();
            let len = 1 + random(if round % 2 == 0 { 200 } else { 120_000 });
            let all: Vec<u8> =
                (0..len).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
            let (mut written, mut idle) = (0, 0);
            while written < all.len() {
                // As the outbox offers it: in chunks, up to some share, which may differ each time.
                let share = written + (all.len() - written).min(1 + random(70_000));
                let cut = written + random(share - written + 1);
                let chunks = [&all[written..cut], &all[cut..share]];
                pair.wire.space = match random(4) {
                    0 => 0,
                    1 => random(30),
                    _ => random(50_000),
                };
                let chunks = chunks.into_iter().filter(|chunk| !chunk.is_empty());
                let done = pair.socket.write(&mut pair.wire, chunks, &mut pair.scratch);
                written += done.expect("the connection stands");
                pair.hear();
                assert!(
                    written <= pair.got.len(),
                    "{written} bytes count, {} came",
                    pair.got.len()
                );
                assert_eq!(pair.got[..], all[..pair.got.len()], "all comes once and in order");
                idle = if done == Ok(0) { idle + 1 } else { 0 };
                assert!(idle < 1_000, "it goes on");
                if random(5) == 0 {
                    // The event that the system takes bytes again.
                    pair.wire.space = random(20_000);
                    pair.socket.flush(&mut pair.wire).expect("the connection stands");
                }
            }
            assert_eq!(pair.got, all);
        }
    }
}

/// A group of which the server has nothing, with a key that is none.
#[derive(Debug)]
struct Unknown;

impl SupportedKxGroup for Unknown {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        Ok(Box::new(Self))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}

impl ActiveKeyExchange for Unknown {
    fn complete(self: Box<Self>, _: &[u8]) -> Result<SharedSecret, Error> {
        Err(Error::HandshakeNotComplete)
    }

    fn pub_key(&self) -> &[u8] {
        &[4; 133]
    }

    fn group(&self) -> NamedGroup {
        self.name()
    }
}

/// RFC 8446, 4.1.4: a client whose key is of no group of the server is asked once more. That
/// answer is cheap, and the next one has the signature.
#[test]
fn a_client_that_is_asked_again_is_still_new() {
    let mut provider = ring::default_provider();
    provider.kx_groups.insert(0, &Unknown);
    let mut pair = Pair::new(&TLS13, usize::MAX);
    pair.client = client(provider, &TLS13);
    let mut answers = Vec::new();
    while pair.client.is_handshaking() {
        pair.serve();
        answers.push(pair.socket.awaits_hello());
        pair.hear();
    }
    let asked_again = rustls::HandshakeKind::FullWithHelloRetryRequest;
    assert_eq!(pair.client.handshake_kind(), Some(asked_again));
    assert_eq!(answers[..2], [true, false]);
}

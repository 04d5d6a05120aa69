//! What a host with `Limits::SMALL` takes of memory: at its start, with a hundred sockets, and
//! while all of them attack it. It fails if that is more than `Limits::memory_bytes_max` says.
//!
//! ```sh
//! cargo run --profile small --no-default-features --features host --example small
//! ```
//!
//! The host is a process of its own, this program with the word `serve`, so that nothing else is
//! measured. All of its memory counts, its code too, which the formula does not have. With a port
//! behind that word it can be measured from outside, beside other servers: `benches/small`.

use std::error::Error;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use switchboard::{Handler, Limits, Message, Peer, Server, SocketId, handler};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<ExitCode> {
    if std::env::args().nth(1).as_deref() == Some("serve") {
        serve()?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut host = Host::start()?;
    println!(
        "{:>10}  bytes of this program, host and attackers",
        std::fs::metadata(program()?)?.len()
    );
    host.tell("at the start")?;
    let mut leader = host.open()?;
    let mut victims = Vec::new();
    for _ in 0..VICTIMS {
        victims.push(host.open()?);
    }
    let mut heads = Vec::new();
    for _ in 0..HEADS {
        heads.push(TcpStream::connect(&host.address)?);
    }
    host.tell("with a hundred sockets, all of them idle")?;
    fill_outboxes(&mut leader, &mut victims)?;
    begin_messages(&mut victims)?;
    begin_heads(&mut heads)?;
    fill_mail(&mut leader)?;
    let attacked = host.tell("with a hundred sockets, all of them hostile")?;
    let allowed = Limits::SMALL.memory_bytes_max(1);
    println!("{allowed:>10}  allowed by Limits::SMALL.memory_bytes_max(1)");
    Ok(if attacked <= allowed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Peers that take nothing, each with as much in its outbox as one may have: the service sends them
/// one message after the other, until it gets an event that they are full.
fn fill_outboxes(leader: &mut TcpStream, victims: &mut [TcpStream]) -> Outcome<()> {
    for victim in victims {
        victim.write_all(&frame(TEXT, b"stuff me"))?;
    }
    loop {
        leader.write_all(&frame(TEXT, b"stuff"))?;
        if read_text(leader)? == format!("{VICTIMS} are full") {
            return Ok(());
        }
    }
}

/// The longest message, but for its last byte, in small pieces.
fn begin_messages(victims: &mut [TcpStream]) -> Outcome<()> {
    let len = u16::try_from(Limits::SMALL.message_bytes_max)?;
    let [high, low] = len.to_be_bytes();
    let header = [0x80 | BINARY, MASKED | 126, high, low, 0, 0, 0, 0];
    let message = [&header[..], &vec![b'x'; usize::from(len) - 1]].concat();
    send_in_pieces(victims, &message)
}

/// The longest head, but for its last byte.
fn begin_heads(peers: &mut [TcpStream]) -> Outcome<()> {
    let mut head = request();
    head.truncate(head.len() - 2);
    let fields = head.windows(2).filter(|end| end == b"\r\n").count() - 1;
    (fields..Limits::SMALL.headers_max - 1).for_each(|_| head.extend(b"X: y\r\n"));
    head.extend(b"X: ");
    head.resize(Limits::SMALL.head_bytes_max - 1, b'y');
    send_in_pieces(peers, &head)
}

/// The service takes no more, and is sent what the host takes for it.
fn fill_mail(leader: &mut TcpStream) -> Outcome<()> {
    leader.write_all(&frame(TEXT, b"block"))?;
    leader.set_write_timeout(Some(Duration::from_millis(500)))?;
    let messages = frame(TEXT, &[b'x'; 100]).repeat(100);
    loop {
        match leader.write(&messages) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Piece by piece, each peer in turn, so that what the host has of them grows.
fn send_in_pieces(peers: &mut [TcpStream], bytes: &[u8]) -> Outcome<()> {
    for piece in bytes.chunks(500) {
        for peer in &mut *peers {
            peer.write_all(piece)?;
        }
    }
    Ok(())
}

/// The host, and where it is.
struct Host {
    process: Child,
    address: String,
}

impl Host {
    fn start() -> Outcome<Self> {
        let mut process = Command::new(program()?).arg("serve").stdout(Stdio::piped()).spawn()?;
        let out = process.stdout.take().ok_or("it has no output")?;
        let mut address = String::new();
        BufReader::new(out).read_line(&mut address)?;
        Ok(Self { process, address: address.trim().to_owned() })
    }

    fn open(&self) -> Outcome<TcpStream> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        stream.write_all(&request())?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(read_byte(&mut stream)?);
        }
        Ok(stream)
    }

    /// Prints the memory of the host, once it has read all that was sent before.
    fn tell(&mut self, when: &str) -> Outcome<u64> {
        for _ in 0..10 {
            // Beyond the limits, so it is refused; but it has its turn like all others.
            let mut stream = TcpStream::connect(&self.address)?;
            stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")?;
            stream.read_to_end(&mut Vec::new())?;
        }
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        let kib: u64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
        println!("{:>10}  bytes resident {when}", kib * 1_024);
        Ok(kib * 1_024)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It has ended before, which has been reported by then.
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// The other half: a host with one service.
fn serve() -> Outcome<()> {
    // No time limit ends a connection in the middle of an attack, on a slow machine either. Time
    // limits cost no memory.
    let mut server = Server::new(Limits {
        handshake_ms_max: Limits::OFF_MS,
        ping_interval_ms: Limits::OFF_MS,
        write_ms_max: Limits::OFF_MS,
        ..Limits::SMALL
    });
    server.mount("/echo", || handler(Attacked::default()));
    let port = std::env::args().nth(2).unwrap_or_else(|| "0".to_owned());
    let host = server.bind(format!("127.0.0.1:{port}"))?;
    println!("{}", host.address());
    Ok(host.run()?)
}

/// Fills the outboxes of sockets that ask for it, takes nothing more on request, and echoes
/// everything else.
#[derive(Default)]
struct Attacked {
    hungry: Vec<SocketId>,
    full: usize,
}

impl Handler for Attacked {
    fn message(&mut self, peer: &mut Peer, message: Message) {
        match message.as_text() {
            Some("stuff me") => self.hungry.push(peer.id()),
            Some("stuff") => {
                let hungry = self.hungry.iter().copied();
                hungry.for_each(|id| peer.send_to(id, vec![b'x'; 5_000]));
                peer.send(format!("{} are full", self.full));
            }
            // Until its process is killed.
            Some("block") => loop {
                std::thread::park();
            },
            _ => peer.send(message),
        }
    }

    fn full(&mut self, peer: &mut Peer) {
        let id = peer.id();
        if self.hungry.contains(&id) {
            self.hungry.retain(|hungry| *hungry != id);
            self.full += 1;
            // To just below the limit.
            (0..2).for_each(|_| peer.send(vec![b'x'; 3_000]));
        }
    }
}

fn program() -> std::io::Result<std::path::PathBuf> {
    std::env::current_exe()
}

fn request() -> Vec<u8> {
    b"GET /echo HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec()
}

/// A short masked frame, whose key is zero.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).unwrap_or_default();
    [&[0x80 | opcode, MASKED | len, 0, 0, 0, 0], payload].concat()
}

/// The payload of a short frame.
fn read_text(stream: &mut TcpStream) -> Outcome<String> {
    let (_, len) = (read_byte(stream)?, read_byte(stream)?);
    let mut payload = vec![0; len.into()];
    stream.read_exact(&mut payload)?;
    Ok(String::from_utf8(payload)?)
}

fn read_byte(stream: &mut TcpStream) -> std::io::Result<u8> {
    let mut byte = [0];
    stream.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// With the leader they are a hundred.
const VICTIMS: usize = 79;
const HEADS: usize = 20;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const MASKED: u8 = 0x80;

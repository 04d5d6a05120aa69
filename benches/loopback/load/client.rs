//! One socket of the load: it connects from an address of its own choice, upgrades, sends
//! prebuilt frames and reads what comes. It never blocks.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt};

use super::deflate::Contexts;
use super::messages::{Messages, control_frame};
use super::reader::Reader;
use super::wire::{Received, Transport, Wire};

/// One socket.
pub struct Client {
    wire: Wire,
    phase: Phase,
    reader: Reader,
    /// Messages that the load wants to have sent.
    asked: usize,
    /// Messages that the kernel has.
    sent: usize,
    /// Bytes that the kernel has of the next one.
    offset: usize,
    /// A message whose answer is timed, and when it was sent.
    timed: Option<(usize, Instant)>,
    opened: Instant,
}

enum Phase {
    /// The request has not been sent: the connection is not there yet.
    Connecting,
    /// The answer, as much as has arrived.
    Upgrading(Vec<u8>),
    Open,
}

/// Where a server listens, and what is asked of it.
pub struct Target {
    /// Its address.
    pub address: SocketAddrV4,
    /// The request that asks for an upgrade.
    pub request: String,
    /// How bytes are sent.
    pub transport: Transport,
}

impl Target {
    /// A service of the server at `address`, which is offered compression if it says which.
    pub fn new(
        address: SocketAddrV4,
        path: &str,
        transport: Transport,
        contexts: Option<Contexts>,
    ) -> Self {
        let offer = contexts.map_or(String::new(), |contexts| {
            format!("Sec-WebSocket-Extensions: {}\r\n", contexts.offer())
        });
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\
             \r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{offer}\r\n"
        );
        Self { address, request, transport }
    }
}

impl Client {
    /// Begins to connect. The number of the socket chooses the address that it comes from, since
    /// one address has no more than 28,000 ports, and the more are taken, the longer is a free one
    /// searched for.
    ///
    /// # Errors
    /// What the system refused.
    pub fn open(number: usize, target: &Target) -> Result<Self, String> {
        let open = || -> Result<OwnedFd, Errno> {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
            if let last @ 1.. = number / SOCKETS_PER_ADDRESS {
                let last = u8::try_from(last).expect("descriptors end before that");
                bind(&socket, &SocketAddrV4::new(Ipv4Addr::new(127, 0, 1, last), 0))?;
            }
            sockopt::set_tcp_nodelay(&socket, true)?;
            match connect(&socket, &target.address) {
                Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
                Err(error) => Err(error),
            }
        };
        let socket = open().map_err(|error| format!("socket {number} cannot connect: {error}"))?;
        let mut client = Self {
            wire: Wire::new(socket, &target.transport)?,
            phase: Phase::Connecting,
            reader: Reader::default(),
            asked: 0,
            sent: 0,
            offset: 0,
            timed: None,
            opened: Instant::now(),
        };
        // On loopback the connection is there as a rule when `connect` returns.
        client.upgrade(target)?;
        Ok(client)
    }

    /// Sends the request, once the connection is there.
    pub fn upgrade(&mut self, target: &Target) -> Result<(), String> {
        if !matches!(self.phase, Phase::Connecting) {
            return Ok(());
        }
        match self.wire.send(target.request.as_bytes()) {
            Ok(len) if len == target.request.len() => self.phase = Phase::Upgrading(Vec::new()),
            Ok(_) => return Err("the request was cut".to_owned()),
            Err(Errno::AGAIN) => {}
            Err(error) => return Err(format!("the request cannot be sent: {error}")),
        }
        Ok(())
    }

    /// Asks for `count` more messages to be sent, and sends what the kernel takes.
    pub fn ask(&mut self, count: usize, messages: &Messages) -> Result<(), String> {
        self.asked += count;
        self.flush(messages)
    }

    /// Sends what the kernel takes of what was asked for.
    pub fn flush(&mut self, messages: &Messages) -> Result<(), String> {
        #[cfg(feature = "tls")]
        self.wire.flush().map_err(|error| format!("TLS cannot be sent: {error}"))?;
        while self.sent < self.asked {
            let burst = messages.burst(self.sent, self.asked - self.sent);
            match self.wire.send(&burst[self.offset..]) {
                Ok(len) => self.offset += len,
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(format!("a message cannot be sent: {error}")),
            }
            while self.offset >= messages.frame_len(self.sent) {
                self.offset -= messages.frame_len(self.sent);
                self.sent += 1;
            }
        }
        Ok(())
    }

    /// Sends a control frame. To be called between messages.
    pub fn send_control(&mut self, opcode: u8, payload: &[u8]) -> Result<(), String> {
        let frame = control_frame(opcode, payload);
        match self.wire.send(&frame) {
            Ok(len) if len == frame.len() => Ok(()),
            other => Err(format!("a control frame cannot be sent: {other:?}")),
        }
    }

    /// Reads what has come. Returns false at the end of the stream.
    ///
    /// # Errors
    /// What the server did that it must not.
    pub fn receive(&mut self, buffer: &mut [u8], messages: &Messages) -> Result<bool, String> {
        loop {
            let (len, is_short) = match self.wire.receive(buffer)? {
                Received::End => return Ok(false),
                Received::Bytes { len, is_short } => (len, is_short),
                Received::Nothing => return Ok(true),
            };
            self.take(&buffer[..len], messages)?;
            // RFC 6455, 5.4: a control frame may stand between frames, not within one.
            if self.offset == 0
                && let Some(payload) = self.reader.take_ping()
            {
                self.send_control(0xA, &payload)?;
            }
            // Less than fits the buffer: later bytes make a new event. But the end of the stream
            // follows a close frame so soon that both may be one event.
            if is_short && !self.reader.is_closed() {
                return Ok(true);
            }
        }
    }

    fn take(&mut self, bytes: &[u8], messages: &Messages) -> Result<(), String> {
        let answer = match &mut self.phase {
            Phase::Connecting => return Err("the server spoke first".to_owned()),
            Phase::Open => return self.reader.read(bytes, messages),
            Phase::Upgrading(answer) => answer,
        };
        answer.extend(bytes);
        let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            return Ok(());
        };
        let rest = answer.split_off(end + 4);
        let head = String::from_utf8_lossy(answer);
        if !head.starts_with("HTTP/1.1 101 ") || !head.contains(ACCEPT) {
            let line = head.lines().next().unwrap_or_default();
            return Err(format!("the upgrade was answered with {line:?}"));
        }
        if let Some(contexts) = messages.contexts() {
            contexts.check(&head)?;
        }
        self.phase = Phase::Open;
        self.reader.read(&rest, messages)
    }

    /// Has the answer to the message that is sent next timed, unless another is being timed.
    pub fn time_next(&mut self) {
        if self.timed.is_none() {
            self.timed = Some((self.asked, Instant::now()));
        }
    }

    /// When the message was sent whose timed answer has come.
    pub fn take_timed(&mut self) -> Option<Instant> {
        self.timed.take_if(|(number, _)| *number < self.reader.messages_len()).map(|(_, at)| at)
    }

    /// The messages that have come so far.
    pub fn received(&self) -> usize {
        self.reader.messages_len()
    }

    /// The bytes of all frames that have come so far.
    pub fn received_bytes(&self) -> usize {
        self.reader.bytes_len()
    }

    /// The messages that were asked to be sent so far.
    pub fn asked(&self) -> usize {
        self.asked
    }

    /// Whether the upgrade is done.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// Whether the server's close frame has come.
    pub fn is_closed(&self) -> bool {
        self.reader.is_closed()
    }

    /// When it began to connect.
    pub fn opened(&self) -> Instant {
        self.opened
    }

    /// Its descriptor.
    pub fn socket(&self) -> &OwnedFd {
        self.wire.socket()
    }
}

/// The key of the example in RFC 6455, 1.3, and its answer.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// So many come from an address, and the others from 127.0.1.1 and those after it.
const SOCKETS_PER_ADDRESS: usize = 10_000;

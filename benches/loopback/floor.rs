//! The floor: a server with the fewest system calls that any server with epoll makes, and no
//! WebSocket. One `recv` and one `send` for what has arrived; the answer to a handshake is fixed,
//! the answer to a message is a prebuilt frame of the same length, and nobody looks at a payload.
//! What a real server costs beyond it, is what it does.

use std::net::{Ipv4Addr, SocketAddrV4};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::io::{Errno, Result};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, accept_with, bind, listen, recv,
    send, socket_with, sockopt,
};

/// The server.
struct Floor {
    epoll: OwnedFd,
    listener: OwnedFd,
    /// By the number of their descriptors.
    connections: Vec<Option<Connection>>,
    /// The sockets on `/broadcast`.
    members: Vec<usize>,
    /// The sockets that may get an answer.
    owing: Vec<usize>,
    answers: Answers,
    buffer: Vec<u8>,
}

struct Connection {
    socket: OwnedFd,
    is_open: bool,
    is_member: bool,
    /// Bytes that are there of a frame.
    received: usize,
    /// Bytes of answers that wait for the peer.
    owed: usize,
    /// Bytes that the peer has of the first of them.
    offset: usize,
}

/// Answers for frames of one length; all frames of a run have the same.
#[derive(Default)]
struct Answers {
    frames: Vec<u8>,
    /// The bytes of a frame from a client.
    question_len: usize,
    answer_len: usize,
}

/// Serves until it is killed.
///
/// # Errors
/// What the system refuses.
pub fn serve(port: u16) -> Result<()> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let listener = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&listener, true)?;
    bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
    listen(&listener, 4096)?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let data = EventData::new_u64(u64::try_from(listener.as_raw_fd()).expect("it is open"));
    epoll::add(&epoll, &listener, data, EventFlags::IN)?;
    let mut floor = Floor {
        epoll,
        listener,
        connections: Vec::new(),
        members: Vec::new(),
        owing: Vec::new(),
        answers: Answers::default(),
        buffer: vec![0; BUFFER_BYTES],
    };
    let listener = index(&floor.listener);
    let mut events = Vec::with_capacity(1024);
    loop {
        epoll::wait(&floor.epoll, spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            let data = event.data;
            let at = usize::try_from(data.u64()).expect("it was made from a descriptor");
            if at == listener {
                floor.accept()?;
            } else if floor.read(at).is_err() {
                floor.leave(at);
            }
        }
        floor.write();
    }
}

impl Floor {
    fn accept(&mut self) -> Result<()> {
        loop {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let socket = match accept_with(&self.listener, flags) {
                Ok(socket) => socket,
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error),
            };
            sockopt::set_tcp_nodelay(&socket, true)?;
            let at = index(&socket);
            let wanted = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
            epoll::add(&self.epoll, &socket, EventData::new_u64(at as u64), wanted)?;
            if self.connections.len() <= at {
                self.connections.resize_with(at + 1, || None);
            }
            self.connections[at] = Some(Connection {
                socket,
                is_open: false,
                is_member: false,
                received: 0,
                owed: 0,
                offset: 0,
            });
        }
    }

    /// Reads what has come, and notes the sockets that get an answer. All are read before any is
    /// written, which is the cheapest order for short messages.
    fn read(&mut self, at: usize) -> Result<()> {
        let Some(connection) = &mut self.connections[at] else { return Ok(()) };
        if connection.owed > 0 {
            self.owing.push(at);
        }
        loop {
            let (len, _) = match recv(&connection.socket, &mut self.buffer[..], RecvFlags::empty())
            {
                Ok((0, _)) => return Err(Errno::PIPE),
                Err(Errno::AGAIN) => return Ok(()),
                other => other?,
            };
            let bytes = &self.buffer[..len];
            if !connection.is_open {
                connection.upgrade(bytes)?;
                if connection.is_member {
                    self.members.push(at);
                }
                return Ok(());
            }
            if connection.received == 0 && bytes[0] == 0x88 {
                send(&connection.socket, &[0x88, 2, 0x03, 0xE8], SendFlags::NOSIGNAL)?;
                return Err(Errno::PIPE);
            }
            if self.answers.question_len == 0 {
                self.answers = Answers::to(bytes);
            }
            connection.received += len;
            let count = connection.received / self.answers.question_len;
            connection.received %= self.answers.question_len;
            let owed = count * self.answers.answer_len;
            if connection.is_member && count > 0 {
                for &member in &self.members {
                    self.connections[member].as_mut().expect("a member is there").owed += owed;
                }
                self.owing.extend(&self.members);
                return Ok(());
            }
            connection.owed += owed;
            // The peer reads a long one while we read what others sent.
            if owed > LONG_BYTES {
                connection.flush(&self.answers)?;
            } else if owed > 0 {
                self.owing.push(at);
            }
            if len < self.buffer.len() {
                return Ok(());
            }
        }
    }

    /// Writes to all sockets that get an answer, once to each.
    fn write(&mut self) {
        for at in self.owing.drain(..) {
            if let Some(connection) = &mut self.connections[at] {
                // Where writing fails, reading tells that the peer is gone.
                let _ = connection.flush(&self.answers);
            }
        }
    }

    fn leave(&mut self, at: usize) {
        if self.connections[at].take().is_some_and(|connection| connection.is_member) {
            self.members.retain(|&member| member != at);
        }
    }
}

impl Connection {
    /// Answers a request, which comes in one piece, with what the generator's key demands.
    fn upgrade(&mut self, request: &[u8]) -> Result<()> {
        if !request.ends_with(b"\r\n\r\n") {
            return Err(Errno::PROTO);
        }
        send(&self.socket, SWITCHING.as_bytes(), SendFlags::NOSIGNAL)?;
        self.is_open = true;
        self.is_member = request.starts_with(b"GET /broadcast ");
        Ok(())
    }

    fn flush(&mut self, answers: &Answers) -> Result<()> {
        while self.owed > 0 {
            let end = answers.frames.len().min(self.offset + self.owed);
            let frames = &answers.frames[self.offset..end];
            let len = match send(&self.socket, frames, SendFlags::NOSIGNAL) {
                Err(Errno::AGAIN) => return Ok(()),
                other => other?,
            };
            self.owed -= len;
            self.offset = (self.offset + len) % answers.answer_len;
        }
        Ok(())
    }
}

impl Answers {
    /// Answers to frames like this one, of which there is the beginning at least.
    fn to(question: &[u8]) -> Self {
        let big_endian =
            |bytes: &[u8]| bytes.iter().fold(0, |len, &byte| len << 8 | usize::from(byte));
        let (header_len, payload_len) = match question[1] & 0x7F {
            126 => (4, big_endian(&question[2..4])),
            127 => (10, big_endian(&question[2..10])),
            len => (2, usize::from(len)),
        };
        let mut answer = question[..header_len].to_vec();
        answer[1] &= 0x7F;
        answer.resize(header_len + payload_len, b'x');
        let copies_len = if payload_len <= 0x1_0000 { 65 } else { 1 };
        Self {
            frames: answer.repeat(copies_len),
            question_len: answer.len() + 4,
            answer_len: answer.len(),
        }
    }
}

fn index(socket: &OwnedFd) -> usize {
    usize::try_from(socket.as_raw_fd()).expect("an open descriptor has a number")
}

/// The answer to the key of the example in RFC 6455, 1.3, which is the generator's.
const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

const BUFFER_BYTES: usize = 512 * 1024;

/// Answers above this length are written at once.
const LONG_BYTES: usize = 64 * 1024;

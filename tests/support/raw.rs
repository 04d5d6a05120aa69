//! A client that can send any bytes, and reads frames one by one.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::net::{self, AddressFamily, SocketFlags, SocketType};

use super::http::{ACCEPT, Answer, upgrade};
#[cfg(feature = "tls")]
use super::tls::Sealed;

/// One connection.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    /// What was read and not used yet.
    ahead: Vec<u8>,
    /// What makes records of the bytes, with TLS.
    #[cfg(feature = "tls")]
    tls: Option<Box<Sealed>>,
}

/// A frame from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The first byte: 0x80 for the last frame of a message, and the opcode.
    pub first: u8,
    /// The payload.
    pub payload: Vec<u8>,
}

impl Raw {
    /// Connects, and says nothing.
    pub fn connect(address: SocketAddr) -> Self {
        Self::new(super::connect(address))
    }

    /// Connects to a Unix socket. The standard library turns any stream into one of TCP.
    pub fn connect_unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("the server listens");
        let stream = TcpStream::from(OwnedFd::from(stream));
        super::limit_waits(&stream);
        Self::new(stream)
    }

    /// Connects from this address of loopback.
    pub fn connect_from(address: SocketAddr, from: [u8; 4]) -> Self {
        // A program that is started meanwhile must not hold it.
        let flags = SocketFlags::CLOEXEC;
        let socket = net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None);
        let socket = socket.expect("one");
        net::bind(&socket, &SocketAddr::from((from, 0))).expect("it is an address of this machine");
        net::connect(&socket, &address).expect("the server listens");
        let stream = TcpStream::from(socket);
        super::prepare(&stream);
        Self::new(stream)
    }

    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            ahead: Vec::new(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Goes on with TLS, up to the end of the handshake.
    ///
    /// # Errors
    /// The handshake fails, with this text.
    #[cfg(feature = "tls")]
    pub fn secure(&mut self, config: rustls::ClientConfig, name: &str) -> Result<(), String> {
        let mut tls = Box::new(Sealed::new(config, name));
        loop {
            let records = tls.records();
            self.stream.write_all(&records).map_err(|error| error.to_string())?;
            if !tls.rustls().is_handshaking() {
                self.tls = Some(tls);
                return Ok(());
            }
            if !tls.read(&mut self.stream, &mut self.ahead)? {
                return Err("the connection ended".to_owned());
            }
        }
    }

    /// Goes on with TLS, whose handshake is over.
    #[cfg(feature = "tls")]
    pub fn resume(&mut self, tls: Sealed) {
        self.tls = Some(Box::new(tls));
    }

    /// The connection and its end of TLS, of which nothing has been read ahead.
    #[cfg(feature = "tls")]
    pub fn into_parts(self) -> (TcpStream, rustls::ClientConnection) {
        assert!(self.ahead.is_empty(), "nothing was read ahead");
        (self.stream, self.tls.expect("it has gone on with TLS").into_rustls())
    }

    /// The end of a TLS connection.
    #[cfg(feature = "tls")]
    pub fn tls(&mut self) -> &mut Sealed {
        self.tls.as_mut().expect("it has gone on with TLS")
    }

    /// Sends bytes below TLS.
    pub fn send_below(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server takes the bytes");
    }

    /// The same, to a server that may no longer take them.
    pub fn try_send_below(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Writes bytes, as records if there is TLS.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return self.stream.write_all(&tls.seal(bytes));
        }
        self.stream.write_all(bytes)
    }

    /// The connection by itself, of which nothing has been read ahead.
    pub fn into_stream(self) -> TcpStream {
        assert!(self.ahead.is_empty(), "nothing was read ahead");
        self.stream
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        self.write(bytes).expect("the server takes the bytes");
    }

    /// Sends bytes unchanged, to a server that may no longer take them.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.write(bytes).is_ok()
    }

    /// Sends the same again and again until the server reads no more of it, before it has taken so
    /// many bytes. The server reads nothing more if it has taken none while it has done something
    /// else for so many times, which `sync` waits for.
    pub fn fill(&mut self, bytes: &[u8], bytes_max: usize, mut sync: impl FnMut()) {
        self.stream.set_nonblocking(true).expect("it can be");
        let (mut sent, mut refused) = (0, 0);
        while refused < 50 {
            assert!(sent < bytes_max, "the sender is pushed back");
            match self.stream.write(&bytes[sent % bytes.len()..]) {
                Ok(len) => (sent, refused) = (sent + len, 0),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock, "the connection stands");
                    refused += 1;
                    sync();
                }
            }
        }
        self.stream.set_nonblocking(false).expect("it can be");
    }

    /// Sends a text message.
    pub fn send_text(&mut self, text: &str) {
        self.send(&frame(TEXT, text.as_bytes()));
    }

    /// Opens a socket: sends the handshake and reads the 101.
    pub fn upgrade(&mut self, path: &str) {
        self.send(&upgrade(path, ""));
        self.read_101();
    }

    /// Reads the 101, all of whose lines are checked.
    pub fn read_101(&mut self) -> Answer {
        let answer = self.read_head();
        assert_eq!(answer.status, 101, "the socket is admitted: {answer:?}");
        assert_eq!(answer.header("upgrade"), Some("websocket"));
        assert_eq!(answer.header("connection"), Some("Upgrade"));
        assert_eq!(answer.header("sec-websocket-accept"), Some(ACCEPT));
        assert_eq!(answer.header("sec-websocket-extensions"), None);
        answer
    }

    /// Reads the head of an answer.
    pub fn read_head(&mut self) -> Answer {
        let end = loop {
            if let Some(at) = self.ahead.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.read_more() > 0, "the head ends: {:?}", self.ahead);
        };
        let rest = self.ahead.split_off(end);
        let head = std::mem::replace(&mut self.ahead, rest);
        Answer::parse_head(&head)
    }

    /// Reads an answer and the end of the connection, which the server has to bring about.
    pub fn read_answer(&mut self) -> Answer {
        let mut answer = self.read_head();
        answer.body = self.read_to_end();
        answer
    }

    /// Reads to the end of the connection.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        while self.read_more() > 0 {}
        std::mem::take(&mut self.ahead)
    }

    /// Reads so many bytes.
    pub fn read_some(&mut self, len: usize) -> Vec<u8> {
        while self.ahead.len() < len {
            assert!(self.read_more() > 0, "the connection does not end");
        }
        let rest = self.ahead.split_off(len);
        std::mem::replace(&mut self.ahead, rest)
    }

    /// Reads the next bytes, which may be the end of the connection.
    ///
    /// # Errors
    /// The connection fails, with this text.
    #[cfg(feature = "tls")]
    pub fn try_read(&mut self) -> Result<bool, String> {
        let len = self.ahead.len();
        let tls = self.tls.as_mut().expect("it has gone on with TLS");
        while self.ahead.len() == len {
            if !tls.read(&mut self.stream, &mut self.ahead)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads the next byte; `None` at the end of the connection.
    pub fn next_byte(&mut self) -> Option<u8> {
        self.take_array::<1>().map(|[byte]| byte)
    }

    /// Reads the next frame.
    pub fn read_frame(&mut self) -> Frame {
        self.next_frame().expect("a frame comes before the end")
    }

    /// Reads the next frame; `None` at the end of the connection.
    pub fn next_frame(&mut self) -> Option<Frame> {
        let [first, second] = self.take_array::<2>()?;
        assert_eq!(second & 0x80, 0, "a server does not mask");
        let len = match second {
            126 => u64::from(u16::from_be_bytes(self.take_array()?)),
            127 => u64::from_be_bytes(self.take_array()?),
            short => u64::from(short),
        };
        let shortest = match len {
            0..=125 => second < 126,
            126..=0xFFFF => second == 126,
            _ => second == 127,
        };
        assert!(shortest, "a length of {len} is in its shortest form");
        let len = usize::try_from(len).expect("the length fits the memory");
        while self.ahead.len() < len {
            assert!(self.read_more() > 0, "the payload is whole");
        }
        let rest = self.ahead.split_off(len);
        Some(Frame { first, payload: std::mem::replace(&mut self.ahead, rest) })
    }

    /// Reads a text message, which comes in one frame.
    pub fn read_text(&mut self) -> String {
        let Frame { first, payload } = self.read_frame();
        assert_eq!(first, 0x80 | TEXT, "a text comes, not {payload:?}");
        String::from_utf8(payload).expect("the text is UTF-8")
    }

    /// Reads a close frame: its code, 1005 if it has none, and its reason.
    pub fn read_close(&mut self) -> (u16, String) {
        let frame = self.read_frame();
        assert_eq!(frame.first, 0x80 | CLOSE, "a close comes: {frame:?}");
        decode_close(&frame.payload)
    }

    /// The server ends the connection with nothing more to say, and not by a reset.
    pub fn expect_end(&mut self) {
        let rest = self.read_to_end();
        assert!(rest.is_empty(), "nothing comes before the end, not {rest:?}");
    }

    /// The same, with close_notify before the end.
    #[cfg(feature = "tls")]
    pub fn expect_notified_end(&mut self) {
        self.expect_end();
        assert!(self.tls().has_notified(), "close_notify comes before the end");
        assert_eq!(self.stream.read(&mut [0]).expect("it is not reset"), 0, "the end is next");
    }

    /// The server closes the connection with nothing to say, maybe by a reset.
    pub fn expect_closed(&mut self) {
        let rest = self.read_rest();
        assert!(rest.is_empty(), "nothing comes before the end, not {rest:?}");
    }

    /// Reads below TLS to the end of the connection, which may be a reset.
    pub fn read_rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // What came before a reset is there.
        let result = self.stream.read_to_end(&mut rest);
        let is_end =
            result.map_or_else(|error| error.kind() == ErrorKind::ConnectionReset, |_| true);
        assert!(is_end, "the server ends the connection");
        rest
    }

    /// Whether the server does so.
    pub fn is_ended(&mut self) -> bool {
        self.ahead.is_empty() && self.stream.read(&mut [0]).is_ok_and(|len| len == 0)
    }

    /// Waits until there is something to be read, be it the end; whether that is not a reset.
    pub fn stands(&self) -> bool {
        !self.ahead.is_empty() || self.stream.peek(&mut [0]).is_ok()
    }

    /// Ends our half of the connection.
    pub fn end_writing(&self) {
        self.stream.shutdown(Shutdown::Write).expect("the connection stands");
    }

    /// Waits until there is something to be read, and leaves it there.
    pub fn wait(&self) {
        self.stream.peek(&mut [0]).expect("something comes");
    }

    /// Closes the connection with unread bytes, which have to be there, so that the system sends a
    /// reset.
    pub fn reset(self) {
        self.wait();
    }

    /// Returns the memory of what has been read.
    pub fn shrink(&mut self) {
        self.ahead.shrink_to_fit();
    }

    /// The connection itself.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn take_array<const N: usize>(&mut self) -> Option<[u8; N]> {
        while self.ahead.len() < N {
            if self.read_more() == 0 {
                assert!(self.ahead.is_empty(), "the frame is whole: {:?}", self.ahead);
                return None;
            }
        }
        let rest = self.ahead.split_off(N);
        let taken = std::mem::replace(&mut self.ahead, rest);
        Some(taken.try_into().expect("it was cut to this length"))
    }

    /// Reads once; returns how many bytes came.
    fn read_more(&mut self) -> usize {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            let len = self.ahead.len();
            loop {
                let goes_on = tls.read(&mut self.stream, &mut self.ahead);
                let goes_on = goes_on.unwrap_or_else(|error| panic!("reading fails: {error}"));
                if self.ahead.len() > len || !goes_on {
                    return self.ahead.len() - len;
                }
            }
        }
        let mut buffer = [0; 16 * 1_024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(len) => {
                    self.ahead.extend_from_slice(&buffer[..len]);
                    return len;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("reading fails: {error}"),
            }
        }
    }
}

/// A whole masked message, or a control frame.
pub fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    piece(0x80 | opcode, payload)
}

/// A masked frame with this first byte.
pub fn piece(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = header(first, payload.len());
    out.extend(payload.iter().zip(KEY.iter().cycle()).map(|(byte, key)| byte ^ key));
    out
}

/// The header of a masked frame that declares this length.
pub fn header(first: u8, len: usize) -> Vec<u8> {
    let mut out = vec![first];
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short @ 0..=125), _) => out.push(0x80 | short),
        (_, Ok(medium)) => {
            out.push(0x80 | 126);
            out.extend(medium.to_be_bytes());
        }
        (_, Err(_)) => {
            out.push(0x80 | 127);
            out.extend((len as u64).to_be_bytes());
        }
    }
    out.extend(KEY);
    out
}

/// A masked close frame.
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.as_bytes());
    frame(CLOSE, &payload)
}

/// The code and reason in the payload of a close frame.
pub fn decode_close(payload: &[u8]) -> (u16, String) {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        assert!(payload.is_empty(), "a close frame has a code or nothing");
        return (1005, String::new());
    };
    let reason = str::from_utf8(reason).expect("the reason is UTF-8");
    (u16::from_be_bytes(*code), reason.to_owned())
}

pub const CONTINUATION: u8 = 0x0;
pub const TEXT: u8 = 0x1;
pub const BINARY: u8 = 0x2;
pub const CLOSE: u8 = 0x8;
pub const PING: u8 = 0x9;
pub const PONG: u8 = 0xA;
const KEY: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

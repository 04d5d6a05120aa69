//! The peer: what it says, and what it meant. While it keeps to RFC 6455, what has to follow
//! is known; once it says just anything, it is not.

use arbitrary::{Result, Unstructured};
use switchboard::ws::Message;

use super::super::frames::Sent;

/// A peer, and what of its words is still on the way.
#[derive(Default)]
pub struct Peer {
    queue: Vec<u8>,
    taken: usize,
    /// The message that it has begun.
    begun: Option<Message>,
    messages: Vec<Message>,
    /// The payload of each ping, and how many bytes it takes up to its end.
    pings: Vec<(usize, Vec<u8>)>,
    /// Whether it has said just anything.
    wild: bool,
}

impl Peer {
    /// A peer that begins with a request, more often than not.
    pub fn begin(input: &mut Unstructured) -> Result<Self> {
        let mut peer = Self::default();
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let upgrade = "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
        let (line, version) = ("GET /chat HTTP/1.1\r\n", "Sec-WebSocket-Version: 13\r\n");
        let protocols = "Sec-WebSocket-Protocol: chat, other\r\n";
        let head = match input.int_in_range(0..=15)? {
            0 => String::new(),
            1 => "GET / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
            2 => "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
            3 => format!("{line}{upgrade}{key}Sec-WebSocket-Version: 8\r\n\r\n"),
            4 | 5 => format!("{line}{upgrade}{version}{key}{protocols}\r\n"),
            6 => format!("{line}{upgrade}{version}\r\n"),
            _ => format!("{line}{upgrade}{version}{key}\r\n"),
        };
        peer.wild = head.is_empty();
        peer.queue = head.into_bytes();
        Ok(peer)
    }

    /// Says a frame that may come now.
    pub fn say(&mut self, input: &mut Unstructured) -> Result<()> {
        let len = *input.choose(&[0, 1, 2, 100, 125, 126, 299, 300, 301, 8_192, 8_193])?;
        let byte = input.int_in_range(b'a'..=b'z')?;
        let payload = vec![byte; len];
        let fin: bool = input.arbitrary()?;
        match input.int_in_range(0..=7)? {
            0 | 1 => {
                let payload = &payload[..len.min(125)];
                self.frame(0x89, payload, input)?;
                self.pings.push((self.taken + self.queue.len(), payload.to_vec()));
            }
            2 => self.frame(0x8A, &payload[..len.min(125)], input)?,
            3 => {
                let close = *input.choose(&[&b""[..], b"\x03\xE8bye", b"\x0B\xB8", b"\x03\xEC"])?;
                self.frame(0x88, close, input)?;
            }
            _ => self.say_data(fin, payload, input)?,
        }
        Ok(())
    }

    /// Says a message, or goes on with it.
    fn say_data(&mut self, fin: bool, more: Vec<u8>, input: &mut Unstructured) -> Result<()> {
        let first = if fin { 0x80 } else { 0 };
        let text = || String::from_utf8_lossy(&more).into_owned();
        let (opcode, message) = match self.begun.take() {
            None if input.arbitrary()? => (0x1, text().into()),
            None => (0x2, more.clone().into()),
            Some(begun) => (
                0x0,
                match begun.as_text() {
                    Some(begun) => (begun.to_owned() + &text()).into(),
                    None => [begun.as_bytes(), &more].concat().into(),
                },
            ),
        };
        self.frame(first | opcode, &more, input)?;
        if fin {
            self.messages.push(message);
        } else {
            self.begun = Some(message);
        }
        Ok(())
    }

    /// Says anything.
    pub fn say_anything(&mut self, input: &mut Unstructured) -> Result<()> {
        let len = usize::from(input.arbitrary::<u8>()? % 64);
        self.queue.extend_from_slice(input.bytes(len.min(input.len()))?);
        self.wild = true;
        Ok(())
    }

    /// The next bytes on their way, up to so many; `u8::MAX` is all there are.
    pub fn take(&mut self, max: u8) -> Vec<u8> {
        let max = if max == u8::MAX { usize::MAX } else { max.into() };
        let bytes: Vec<u8> = self.queue.drain(..max.min(self.queue.len())).collect();
        self.taken += bytes.len();
        bytes
    }

    /// The message of this number came.
    pub fn meant(&self, number: usize, message: &Message) {
        assert!(self.wild || self.messages.get(number) == Some(message), "in order and whole");
    }

    /// These are pongs: each answers a ping that has been taken, in their order.
    pub fn answered(&self, pongs: &[Vec<u8>]) {
        let mut pings = self.pings();
        let known = pongs.iter().all(|pong| pings.any(|ping| ping == pong));
        assert!(self.wild || known, "a pong without its ping");
    }

    /// These are all pongs: the last ping has its answer, and every one has, unless the outbox
    /// was full in between.
    pub fn answered_last(&self, pongs: &[Vec<u8>], was_full: bool) {
        assert!(self.wild || self.pings().last() == pongs.last(), "the last ping is answered");
        assert!(self.wild || was_full || self.pings().count() == pongs.len(), "each ping is");
    }

    /// The pings that have been taken.
    fn pings(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.pings.iter().take_while(|(end, _)| *end <= self.taken).map(|(_, payload)| payload)
    }

    /// Says a frame, masked with one key or with zeros.
    fn frame(&mut self, first: u8, payload: &[u8], input: &mut Unstructured) -> Result<()> {
        let key: [u8; 4] = if input.arbitrary()? { [0x12, 0xF4, 0x56, 0xB8] } else { [0; 4] };
        self.queue.extend(Sent::new(first, key, payload.to_vec()).encode());
        Ok(())
    }
}

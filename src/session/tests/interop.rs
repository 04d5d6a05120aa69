//! Beside another implementation: what it sends we read, what we send it reads, from its
//! request to the last close frame.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use tungstenite::handshake::HandshakeError;
use tungstenite::protocol::frame::coding::{CloseCode as TheirCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame, FrameHeader};
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message as Theirs, WebSocket};

use crate::limits::Limits;
use crate::session::buffer_pool::BufferPool;
use crate::session::item::Item;
use crate::session::reader::FrameReader;
use crate::session::tests::talk::{Talk, tell_message};
use crate::session::{Frame as Shared, Next};
use crate::ws::tests::random::Random;
use crate::ws::{Close, CloseCode, Message};

/// The two ends of a connection as their client sees it: it reads one and writes the other.
#[derive(Default)]
struct Wire {
    to_client: VecDeque<u8>,
    to_server: Vec<u8>,
    /// Whether the server has ended the connection.
    ended: bool,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.to_client.is_empty() && !self.ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.to_client.read(buffer)
    }
}

impl Write for Wire {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.to_server.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Carries bytes both ways, in random pieces.
fn carry(wire: &mut Wire, talk: &mut Talk, random: &mut Random) {
    let bytes = std::mem::take(&mut wire.to_server);
    let mut rest = &bytes[..];
    for piece in random.pieces(bytes.len()) {
        let (now, later) = rest.split_at(piece);
        rest = later;
        talk.receive(now);
    }
    talk.take_all();
    wire.to_client.extend(talk.taken.drain(..));
    wire.ended = talk.session.next() != Next::Keep;
}

/// Their client, connected to a session of ours through its own handshake.
fn connect(random: &mut Random) -> (WebSocket<Wire>, Talk) {
    let mut talk = Talk::new(Limits::SERVER);
    let Err(HandshakeError::Interrupted(mut client)) =
        tungstenite::client("ws://example.com/chat?a=b", Wire::default())
    else {
        panic!("their client waits for an answer");
    };
    carry(client.get_mut().get_mut(), &mut talk, random);
    assert_eq!(talk.heard, ["request /chat?a=b"]);
    talk.heard.clear();
    talk.accept();
    carry(client.get_mut().get_mut(), &mut talk, random);
    let (client, answer) = client.handshake().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answer.status(), 101);
    (client, talk)
}

/// Reads all messages that have come, or what ended them.
fn read_all(client: &mut WebSocket<Wire>) -> (Vec<Theirs>, Option<Error>) {
    let mut messages = Vec::new();
    loop {
        match client.read() {
            Ok(message) => messages.push(message),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                return (messages, None);
            }
            Err(error) => return (messages, Some(error)),
        }
    }
}

fn random_message(random: &mut Random) -> Message {
    let len = random.pick(&[0, 1, 10, 125, 126, 1_000, 65_535, 65_536, 70_000]);
    match random.below(2) {
        0 => Message::from(random.text(len / 4)),
        _ => Message::from(random.bytes(len)),
    }
}

fn to_theirs(message: &Message) -> Theirs {
    match message.as_text() {
        Some(text) => Theirs::text(text),
        None => Theirs::binary(message.as_bytes().to_vec()),
    }
}

/// Messages both ways, pings both ways, over one conversation.
#[test]
fn a_conversation_with_their_client() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let (mut client, mut talk) = connect(&mut random);
        for _ in 0..20 {
            let (up, down) = (random_message(&mut random), random_message(&mut random));
            client.send(to_theirs(&up)).expect("the wire takes all");
            carry(client.get_mut(), &mut talk, &mut random);
            assert_eq!(talk.heard.pop_front(), Some(tell_message(&up)), "seed {seed}");

            if random.below(2) == 0 {
                talk.send(down.clone());
            } else {
                let frame = Shared::new(&down);
                let sent = talk.session.send_frame(&frame, &talk.limits, talk.now);
                talk.note_overflow(sent);
            }
            carry(client.get_mut(), &mut talk, &mut random);
            let (messages, end) = read_all(&mut client);
            assert!(end.is_none(), "seed {seed}: {end:?}");
            assert_eq!(messages, [to_theirs(&down)], "seed {seed}");

            let words = random.bytes(20);
            client.send(Theirs::Ping(words.clone().into())).expect("the wire takes all");
            carry(client.get_mut(), &mut talk, &mut random);
            let (messages, end) = read_all(&mut client);
            assert!(end.is_none(), "seed {seed}: {end:?}");
            assert_eq!(messages, [Theirs::Pong(words.into())], "seed {seed}");
        }
        assert_eq!(talk.heard, [""; 0], "seed {seed}");
    }
}

/// Their client answers our pings, and lives.
#[test]
fn our_pings_and_their_pongs() {
    let mut random = Random::new(1);
    let (mut client, mut talk) = connect(&mut random);
    for _ in 0..5 {
        talk.pass(25_000, |_| {});
        carry(client.get_mut(), &mut talk, &mut random);
        let (messages, end) = read_all(&mut client);
        assert!(end.is_none() && messages == [Theirs::Ping(b"ping".to_vec().into())]);
        carry(client.get_mut(), &mut talk, &mut random);
        assert_eq!(talk.session.deadline(&talk.limits), Some(talk.now.after(25_000)));
    }
    assert_eq!(talk.heard, [""; 0]);
}

#[test]
fn their_client_closes() {
    let mut random = Random::new(2);
    let (mut client, mut talk) = connect(&mut random);
    let frame = CloseFrame { code: TheirCode::Library(4_000), reason: "enough".into() };
    client.close(Some(frame.clone())).expect("the wire takes all");
    carry(client.get_mut(), &mut talk, &mut random);
    assert_eq!(talk.heard, ["closed 4000 enough"]);
    // The service still answers, and their client still reads it.
    talk.send("late".into());
    talk.session.settle(talk.now);
    carry(client.get_mut(), &mut talk, &mut random);
    let (messages, end) = read_all(&mut client);
    assert_eq!(messages, [Theirs::text("late"), Theirs::Close(Some(frame))]);
    assert!(matches!(end, Some(Error::ConnectionClosed)), "{end:?}");
    assert_eq!(talk.session.next(), Next::Drop);
}

#[test]
fn our_service_closes() {
    let mut random = Random::new(3);
    let (mut client, mut talk) = connect(&mut random);
    // A pong that waits must not come behind the close frame, where it is not read.
    talk.limits.outbox_high_bytes = 0;
    talk.send("a".into());
    client.send(Theirs::Ping(vec![b'b'].into())).expect("the wire takes all");
    talk.receive(&std::mem::take(&mut client.get_mut().to_server));
    talk.session.close(&Close::new(CloseCode::GOING_AWAY, "bye"), talk.now);
    carry(client.get_mut(), &mut talk, &mut random);
    let (messages, end) = read_all(&mut client);
    let close = CloseFrame { code: TheirCode::Away, reason: "bye".into() };
    let expected = [Theirs::text("a"), Theirs::Pong(vec![b'b'].into()), Theirs::Close(Some(close))];
    assert_eq!(messages, expected);
    assert!(end.is_none(), "{end:?}");
    carry(client.get_mut(), &mut talk, &mut random);
    assert_eq!(talk.heard, ["closed 1001 bye"]);
    assert_eq!(talk.session.next(), Next::Drop);
    assert!(matches!(read_all(&mut client).1, Some(Error::ConnectionClosed)));
}

/// Frames as they encode them, in any fragments and with any key, are read by our reader.
#[test]
fn their_frames_in_our_reader() {
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let message = random_message(&mut random);
        let mut kind = if message.is_text() { Data::Text } else { Data::Binary };
        let (mut bytes, mut rest) = (Vec::new(), message.as_bytes());
        loop {
            let is_final = random.below(3) == 0;
            let len = if is_final { rest.len() } else { random.below(rest.len() + 1) };
            let (payload, more) = rest.split_at(len);
            let header = FrameHeader {
                is_final,
                opcode: OpCode::Data(kind),
                mask: random.bytes(4).try_into().ok(),
                ..FrameHeader::default()
            };
            let frame = Frame::from_payload(header, payload.to_vec().into());
            frame.format(&mut bytes).expect("a vector takes all");
            if is_final {
                break;
            }
            (kind, rest) = (Data::Continue, more);
        }
        let mut reader = FrameReader::default();
        let len = bytes.len();
        let read = reader
            .receive(&mut bytes, &Limits::SERVER, &mut BufferPool::none())
            .expect("it is right");
        let (used, Some(Item::Message(read))) = read else { panic!("it is a message: {read:?}") };
        assert_eq!((used, read), (len, message), "seed {seed}");
    }
}

/// What we send is what their reader reads: many messages at once, to one and to many.
#[test]
fn our_frames_in_their_reader() {
    let mut random = Random::new(4);
    let limits = Limits { outbox_bytes_max: usize::MAX, ..Limits::SERVER };
    let mut talk = Talk::open(limits);
    let mut expected = Vec::new();
    for _ in 0..100 {
        let message = random_message(&mut random);
        expected.push(to_theirs(&message));
        talk.send(message);
    }
    talk.take_all();
    let wire = Wire { to_client: talk.taken.into(), ..Wire::default() };
    let config = WebSocketConfig::default();
    let mut client = WebSocket::from_raw_socket(wire, Role::Client, Some(config));
    let (messages, end) = read_all(&mut client);
    assert!(end.is_none(), "{end:?}");
    assert!(messages == expected, "all of them, in order");
}

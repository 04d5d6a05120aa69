//! `TestLink`: a connection in memory, with all that its client has said and heard.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::net::SocketAddr;

use crate::service::SocketId;
use crate::testing::answer::TestAnswer;
use crate::testing::text::message_text;
use crate::testing::wire::{Heard, WireReader, frame};
use crate::ws::frame::Opcode;
use crate::ws::{Close, Message};

/// A connection between a client of a test and the host.
#[derive(Debug)]
pub(super) struct TestLink {
    /// What failures call the client.
    name: String,
    pub(super) address: SocketAddr,
    /// The socket, as long as the host has it.
    pub(super) socket: Option<SocketId>,
    /// The id of the socket, also when it has gone.
    pub(super) id: Option<SocketId>,
    /// What the client has sent and the host has not read.
    pub(super) input: VecDeque<u8>,
    /// How the client has ended its half.
    pub(super) end: ClientEnd,
    /// Whether there is news that the host has not been notified of.
    pub(super) has_news: bool,
    /// Whether the client reads nothing.
    pub(super) is_stalled: bool,
    /// Whether the host waits until the client reads.
    pub(super) is_blocked: bool,
    reader: WireReader,
    stage: TalkStage,
    /// What the test has not looked at.
    pub(super) heard: VecDeque<Came>,
    /// The last lines of the conversation, for failures.
    lines: VecDeque<String>,
}

/// How a client has ended its half of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientEnd {
    /// It has not.
    None,
    /// There is nothing more.
    Ended,
    /// The connection is lost.
    Lost,
}

/// How far a conversation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TalkStage {
    /// The request has no answer.
    Asking,
    Open,
    /// A side has closed, or the request was refused.
    Over,
}

/// What came for a client.
#[derive(Debug)]
pub(super) enum Came {
    /// The socket is open, with this subprotocol.
    Open(Option<String>),
    Message(Message),
    /// The host has closed the socket, or has agreed that the client does.
    Close(Close),
    Answer(TestAnswer),
    /// The connection has ended without any of these.
    Lost,
}

impl fmt::Display for Came {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(None) => f.write_str("open"),
            Self::Open(Some(protocol)) => write!(f, "open, subprotocol {protocol}"),
            Self::Message(message) => f.write_str(&message_text(message)),
            Self::Close(close) => write!(f, "close {close}"),
            Self::Answer(answer) => answer.fmt(f),
            Self::Lost => f.write_str("the connection has ended"),
        }
    }
}

impl TestLink {
    pub(super) fn new(name: String, address: SocketAddr, request: &str) -> Self {
        Self {
            name,
            address,
            socket: None,
            id: None,
            input: request.bytes().collect(),
            end: ClientEnd::None,
            has_news: false,
            is_stalled: false,
            is_blocked: false,
            reader: WireReader::default(),
            stage: TalkStage::Asking,
            heard: VecDeque::new(),
            lines: VecDeque::new(),
        }
    }

    /// The client sends a message.
    pub(super) fn say(&mut self, message: &Message) {
        self.note(format!("> {}", message_text(message)));
        self.send(message.opcode(), message.as_bytes());
    }

    /// The client closes.
    pub(super) fn close(&mut self, close: &Close) {
        self.note(format!("> close {close}"));
        self.send_close(close);
        self.stage = TalkStage::Over;
    }

    /// The connection of the client is lost.
    pub(super) fn lose(&mut self) {
        self.note("the connection is lost".to_owned());
        (self.end, self.has_news, self.stage) = (ClientEnd::Lost, true, TalkStage::Over);
    }

    /// The host has written bytes.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.reader.receive(bytes);
        while let Some(heard) = self.reader.next() {
            let came = match heard {
                Heard::Open(protocol) => {
                    self.stage = TalkStage::Open;
                    Came::Open(protocol)
                }
                Heard::Message(message) => Came::Message(message),
                Heard::Answer(answer) => {
                    self.stage = TalkStage::Over;
                    Came::Answer(answer)
                }
                Heard::Ping(payload) => {
                    self.send(Opcode::Pong, &payload);
                    continue;
                }
                Heard::Close(close) => {
                    if self.stage == TalkStage::Open {
                        self.send_close(&close);
                    }
                    self.stage = TalkStage::Over;
                    Came::Close(close)
                }
            };
            self.note(format!("< {came}"));
            self.heard.push_back(came);
        }
    }

    /// The host has ended its half, or the connection.
    pub(super) fn host_ends(&mut self) {
        if self.stage != TalkStage::Over {
            self.note(format!("< {}", Came::Lost));
            self.heard.push_back(Came::Lost);
            self.stage = TalkStage::Over;
        }
        if self.end == ClientEnd::None {
            (self.end, self.has_news) = (ClientEnd::Ended, true);
        }
    }

    /// Whether the client can say something.
    pub(super) fn is_open(&self) -> bool {
        self.stage == TalkStage::Open
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The last part of the conversation.
    pub(super) fn conversation(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            let _ = write!(text, "\n    {line}");
        }
        text
    }

    fn send_close(&mut self, close: &Close) {
        let mut payload = Vec::new();
        close.encode(&mut payload);
        self.send(Opcode::Close, &payload);
    }

    fn send(&mut self, opcode: Opcode, payload: &[u8]) {
        self.input.extend(frame(opcode, payload));
        self.has_news = true;
    }

    fn note(&mut self, line: String) {
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}

/// How many lines of a conversation a failure shows.
const LINES_MAX: usize = 12;

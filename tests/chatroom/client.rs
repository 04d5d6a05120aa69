//! Clients of a chat, and the messages of its protocol.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::net::{Shutdown, SocketAddr, TcpStream};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use crate::support::connect;

/// A client, over a connection of its own.
pub(crate) struct Client {
    socket: WebSocket<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = connect(address);
        let url = format!("ws://{address}/demo_chatroom");
        let (socket, _) = tungstenite::client(url, stream).expect("the chat lets everybody in");
        Self { socket }
    }

    /// Somebody in no room.
    pub(crate) fn named(address: SocketAddr, user: &str) -> Self {
        let mut client = Self::connect(address);
        client.expect(&[query()]);
        client.receive();
        client.send(name(user));
        client
    }

    /// Somebody in a room, which is made if it is not there.
    pub(crate) fn in_room(address: SocketAddr, user: &str, room: &str) -> Self {
        let mut client = Self::named(address, user);
        client.enter(room);
        client
    }

    /// Enters a room, which is made if it is not there.
    pub(crate) fn enter(&mut self, room: &str) {
        self.send(create(room));
        self.send(join(room));
        while self.receive() != joined(room) {}
    }

    /// Waits for an event, whatever comes before it.
    pub(crate) fn wait_for(&mut self, event: &Value) {
        while self.receive() != *event {}
    }

    /// The next answer to `history`, whatever comes before it.
    pub(crate) fn receive_past(&mut self) -> Past {
        loop {
            let answer = self.receive();
            if answer["type"] == "history" {
                return Past::of(&answer);
            }
        }
    }

    pub(crate) fn send(&mut self, message: Message) {
        self.socket.send(message).expect("the connection stands");
    }

    /// Whether the connection still stands.
    pub(crate) fn try_send(&mut self, message: Message) -> bool {
        self.socket.send(message).is_ok()
    }

    /// What comes until the connection ends.
    pub(crate) fn rest(&mut self) -> Vec<Value> {
        let texts = std::iter::from_fn(|| self.socket.read().ok()?.into_text().ok());
        texts.filter_map(|text| serde_json::from_str(&text).ok()).collect()
    }

    pub(crate) fn receive(&mut self) -> Value {
        let message = self.socket.read().expect("a message comes within ten seconds");
        let Message::Text(text) = message else { panic!("not a text: {message}") };
        serde_json::from_str(&text).expect("all messages are JSON")
    }

    /// The next answer to `who`, whatever comes before it.
    pub(crate) fn receive_list(&mut self) -> Value {
        loop {
            let message = self.receive();
            if message["type"] == "who" {
                return message;
            }
        }
    }

    /// Whether an answer to `who` comes before the connection ends.
    pub(crate) fn try_receive_list(&mut self) -> bool {
        while let Ok(message) = self.socket.read() {
            let text = message.into_text().unwrap_or_default();
            if text.starts_with(r#"{"type":"who""#) {
                return true;
            }
        }
        false
    }

    pub(crate) fn expect(&mut self, events: &[Value]) {
        for event in events {
            assert_eq!(self.receive(), *event);
        }
    }

    /// So many messages have been sent to this client that it has not received.
    pub(crate) fn expect_silence_after(&mut self, messages_len: usize) {
        (0..messages_len).for_each(|_| drop(self.receive()));
        self.expect_silence();
    }

    /// Nothing has been sent to this client that it has not received. It has a name afterwards.
    pub(crate) fn expect_silence(&mut self) {
        self.send(name("a client without one"));
        self.send(join("no such room"));
        self.expect(&[notice("Chatroom no such room not found.")]);
    }

    /// Says that it goes, and waits for nothing.
    pub(crate) fn begin_close(&mut self) {
        self.socket.close(None).and_then(|()| self.socket.flush()).expect("the connection stands");
    }

    pub(crate) fn leave(mut self, how: &str) {
        match how {
            "closes" => self.socket.close(None).expect("the connection stands"),
            "shuts down" => self.socket.get_ref().shutdown(Shutdown::Write).expect("it was up"),
            "drops" => return,
            "resets" => {
                // A connection that is dropped with something unread is reset.
                self.send(join("no such room"));
                self.socket.get_ref().peek(&mut [0]).expect("something comes");
                return;
            }
            _ => panic!("nobody {how}"),
        }
        while self.socket.read().is_ok() {}
    }
}

/// What was said before.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) texts: Vec<String>,
    pub(crate) ids: Vec<u64>,
    pub(crate) more: bool,
}

impl Past {
    pub(crate) fn of(answer: &Value) -> Self {
        let entries = answer["messages"].as_array().expect("it is a list");
        let ids: Vec<_> = entries.iter().map(|entry| entry[0].as_u64().expect("an id")).collect();
        assert!(ids.is_sorted() && ids.iter().all(|id| *id < 1 << 53), "{ids:?}");
        let texts = entries.iter().map(|entry| entry[2].as_str().expect("a text").to_owned());
        let more = answer["more"].as_bool().expect("it is there");
        Self { texts: texts.collect(), ids, more }
    }
}

/// Asks for what was said in a room.
pub(crate) fn ask(room: &str, before: &Value, limit: &Value) -> Message {
    let question = json!({"type":"history","chatroom":room,"before":before,"limit":limit});
    Message::text(question.to_string())
}

pub(crate) fn query() -> Value {
    json!({"type":"query","query":"name"})
}

pub(crate) fn listing(chatrooms: Value) -> Value {
    event(json!({"type":"listing","chatrooms":chatrooms}))
}

pub(crate) fn new_room(room: &str) -> Value {
    event(json!({"type":"newchatroom","name":room}))
}

pub(crate) fn update(room: &str, members_len: usize) -> Value {
    event(json!({"type":"update","data":[room, members_len]}))
}

pub(crate) fn new_user(user: &str) -> Value {
    event(json!({"type":"newuser","name":user}))
}

pub(crate) fn logoff(user: &str) -> Value {
    event(json!({"type":"logoff","name":user}))
}

pub(crate) fn said(user: &str, text: &str) -> Value {
    event(json!({"type":"message","name":user,"message":text}))
}

fn event(event: Value) -> Value {
    json!({"type":"event","event":event})
}

pub(crate) fn notice(text: &str) -> Value {
    json!({"type":"notice","notice":text})
}

pub(crate) fn joined(room: &str) -> Value {
    json!({"type":"join","chatroom":room})
}

pub(crate) fn members(room: &str, names: &[&str]) -> Value {
    json!({"type":"who","chatroom":room,"names":names})
}

pub(crate) fn name(user: &str) -> Message {
    Message::text(json!({"type":"name","name":user}).to_string())
}

pub(crate) fn create(room: &str) -> Message {
    Message::text(json!({"type":"create","chatroom":room}).to_string())
}

pub(crate) fn join(room: &str) -> Message {
    Message::text(joined(room).to_string())
}

pub(crate) fn say(text: &str) -> Message {
    Message::text(json!({"type":"message","message":text}).to_string())
}

pub(crate) fn who() -> Message {
    Message::text(r#"{"type":"who"}"#)
}

/// How many rooms a client makes in a minute, as `docs/chat.md` says.
pub(crate) const NEW_ROOMS_MAX: usize = 16;

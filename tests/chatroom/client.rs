//! A server with a chat, clients of it, and the messages of its protocol.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};
use switchboard::Thread;
use tungstenite::{Message, WebSocket};

use crate::demo_chatroom;
use crate::support::{SOON, connect, server_on, tcp};

/// A server with a chat of its own.
pub(crate) struct Chat {
    address: SocketAddr,
    stop: Option<Box<dyn FnOnce()>>,
    thread: Option<JoinHandle<()>>,
}

impl Chat {
    pub(crate) fn start() -> Self {
        Self::start_on(Thread::Own)
    }

    pub(crate) fn start_on(thread: Thread) -> Self {
        // Clients that are still there in the end are closed at once.
        let mut server = server_on(thread, SOON);
        server.mount("/demo_chatroom", demo_chatroom::service);
        let host = server.bind("127.0.0.1:0").expect("a port is free");
        let address = tcp(&host);
        let stopper = host.stopper();
        let thread = thread::spawn(move || host.run().expect("the host runs"));
        let stop: Box<dyn FnOnce()> = Box::new(move || stopper.stop());
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn connect(&self) -> Client {
        let stream = connect(self.address);
        let url = format!("ws://{}/demo_chatroom", self.address);
        let (socket, _) = tungstenite::client(url, stream).expect("the chat lets everybody in");
        Client { socket }
    }

    /// Somebody in no room.
    pub(crate) fn named(&self, user: &str) -> Client {
        let mut client = self.connect();
        client.expect(&[query()]);
        client.receive();
        client.send(name(user));
        client
    }

    /// Makes these rooms, with as many clients as needed, which leave.
    pub(crate) fn make_rooms(&self, rooms: &[String]) {
        for some in rooms.chunks(NEW_ROOMS_MAX) {
            let mut maker = self.named("Maker");
            for room in some {
                maker.send(create(room));
            }
            maker.expect_silence_after(some.len());
        }
    }

    /// Somebody in a room, which is made if it is not there.
    pub(crate) fn in_room(&self, user: &str, room: &str) -> Client {
        let mut client = self.named(user);
        client.send(create(room));
        client.send(join(room));
        while client.receive() != joined(room) {}
        client
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(thread::panicking() || matches!(ended, Some(Ok(()))), "the server stops cleanly");
    }
}

pub(crate) struct Client {
    socket: WebSocket<TcpStream>,
}

impl Client {
    pub(crate) fn send(&mut self, message: Message) {
        self.socket.send(message).expect("the connection stands");
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

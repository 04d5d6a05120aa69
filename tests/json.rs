//! Values of serde as messages, both ways, over real sockets.

#![cfg(feature = "json")]

mod support;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use switchboard::{
    Audience, CloseCode, Handler, JsonError, Message, Peer, Request, Server, Thread, handler,
};

use support::raw::{BINARY, TEXT, frame};
use support::{LIMITS, Running, on_each_thread, server_on};

#[derive(Deserialize)]
struct Question {
    numbers: Vec<f64>,
}

#[derive(Serialize)]
struct Sum {
    sum: f64,
}

#[derive(Serialize)]
struct Here {
    here: usize,
}

/// Answers with sums, and tells all how many are here.
#[derive(Default)]
struct Sums {
    here: usize,
}

impl Sums {
    fn answer(peer: &mut Peer, message: &Message) -> Result<(), JsonError> {
        let Question { numbers } = message.json()?;
        if numbers.is_empty() {
            // A list is no key: nothing of it is sent.
            return peer.send_json(&BTreeMap::from([([0], 0)]));
        }
        peer.send_json(&Sum { sum: numbers.iter().sum() })
    }
}

impl Handler for Sums {
    fn open(&mut self, peer: &mut Peer, _: &Request) {
        self.here += 1;
        let here = Here { here: self.here };
        peer.context().send_json(Audience::all(), &here).expect("a number can be written");
    }

    fn message(&mut self, peer: &mut Peer, message: Message) {
        if let Err(error) = Self::answer(peer, &message) {
            peer.close(CloseCode::INVALID_PAYLOAD, &error.to_string());
        }
    }
}

fn sums(thread: Thread) -> Running {
    let mut server: Server = server_on(thread, LIMITS);
    server.mount("/sums", || handler(Sums::default()));
    Running::start(server)
}

#[test]
fn values_come_and_go() {
    on_each_thread(|thread| {
        let server = sums(thread);
        let mut first = server.open("/sums");
        assert_eq!(first.read_text(), r#"{"here":1}"#);
        let mut second = server.open("/sums");
        for raw in [&mut first, &mut second] {
            assert_eq!(raw.read_text(), r#"{"here":2}"#, "it is for all");
        }
        second.send_text(r#" { "numbers" : [1, 2.5, -3e2], "more" : {} } "#);
        assert_eq!(second.read_text(), r#"{"sum":-296.5}"#);
    });
}

#[test]
fn what_is_no_value_is_an_error_with_its_place() {
    on_each_thread(|thread| {
        let server = sums(thread);
        let rows: [(u8, &str, &str); 4] = [
            (TEXT, "{\"numbers\":[1,\n\"2\"]}", "line 2, column 3: invalid type: string \"2\", e"),
            (TEXT, "[]]", "line 1, column 2: invalid length 0, expected struct Question"),
            (BINARY, "{\"numbers\":[1]}", "the message is binary (15 bytes), and JSON is a text"),
            (TEXT, "{\"numbers\":[]}", "the value cannot be JSON: key must be a string"),
        ];
        for (opcode, payload, expected) in rows {
            let mut raw = server.open("/sums");
            raw.read_text();
            raw.send(&frame(opcode, payload.as_bytes()));
            let (code, reason) = raw.read_close();
            assert_eq!(code, 1007);
            assert!(reason.starts_with(expected), "{reason}");
        }
    });
}

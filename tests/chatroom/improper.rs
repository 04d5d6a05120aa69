//! Messages that break the chat's rules, each in a way of its own.

use switchboard::Limits;
use tungstenite::Message;

use crate::client::{create, join, name};

const TEXTS: &[&str] = &[
    "",
    " ",
    "hello",
    "5",
    "null",
    "true",
    "NaN",
    r#""type""#,
    r#""type":"name""#,
    "[]",
    r#"["type"]"#,
    r#"["name","Ida"]"#,
    r#"["message","Ida"]"#,
    r#"["name",{"name":"Ida"}]"#,
    r#"[{"type":"name","name":"Ida"}]"#,
    "{}",
    "{",
    r#"{"type"}"#,
    r#"{"type":null}"#,
    r#"{"type":"","name":"Ida"}"#,
    r#"{"type":0,"name":"Ida"}"#,
    r#"{"type":["name"],"name":"Ida"}"#,
    r#"{"type":{"name":{}},"name":"Ida"}"#,
    r#"{"type":"Name","name":"Ida"}"#,
    r#"{"type":"name ","name":"Ida"}"#,
    r#"{"type":"rename","name":"Ida"}"#,
    r#"{"name":"Ida"}"#,
    r#"{"name":{"name":"Ida"}}"#,
    r#"{"type":"name"}"#,
    r#"{"type":"name","Name":"Ida"}"#,
    r#"{"type":"name","name":null}"#,
    r#"{"type":"name","name":5}"#,
    r#"{"type":"name","name":true}"#,
    r#"{"type":"name","name":["Ida"]}"#,
    r#"{"type":"name","name":{"name":"Ida"}}"#,
    r#"{"type":"name","name":"\ud800"}"#,
    r#"{"type":"name","name":"\u12"}"#,
    r#"{"type":"name","name":"Ida""#,
    r#"{"type":"name","name":"Ida",}"#,
    r#"{"type":"name","name":"Ida"}}"#,
    r#"{"type":"name","name":"Ida"}{"type":"name","name":"Ida"}"#,
    r#"{"type":"name","name":"Ida","name":"Ida"}"#,
    r#"{"type":"name","type":"name","name":"Ida"}"#,
    r#"{'type':'name','name':'Ida'}"#,
    "\u{feff}{\"type\":\"name\",\"name\":\"Ida\"}",
    "\u{a0}{\"type\":\"name\",\"name\":\"Ida\"}",
    "{\"type\":\"name\",\"name\":\"I\nda\"}",
    "{\"type\":\"name\",\"name\":\"Ida\"}\0",
    r#"{"type":"create"}"#,
    r#"{"type":"create","name":"attic"}"#,
    r#"{"type":"create","chatroom":null}"#,
    r#"{"type":"create","chatroom":["attic"]}"#,
    r#"{"type":"join"}"#,
    r#"{"type":"join","chatroom":{}}"#,
    r#"{"type":"join","chatroom":["garden"]}"#,
    r#"{"type":"message"}"#,
    r#"{"type":"message","message":5}"#,
    r#"{"type":"message","message":[["hello"]]}"#,
    r#"["who"]"#,
    r#"{"type":"Who"}"#,
    r#"{"who":{}}"#,
    r#"{"type":"who","type":"who"}"#,
    r#"{"type":"who","chatroom":"garden","names":["Ida"]"#,
    r#"{"type":"query","query":"name"}"#,
    r#"{"type":"notice","notice":"hello"}"#,
    r#"{"type":"event","event":{"type":"listing","chatrooms":[]}}"#,
];

/// Messages that are improper at any time.
pub(crate) fn improper() -> Vec<Message> {
    let long = "a".repeat(65);
    let long_wide = "𝄞".repeat(65);
    let mut messages: Vec<_> = TEXTS.iter().copied().map(Message::text).collect();
    messages.extend([
        name(&long),
        name(&long_wide),
        create(&long),
        join(&long_wide),
        nested(10_000, "[", "]"),
        nested(10_000, r#"{"a":"#, "}"),
        Message::text("[".repeat(Limits::SERVER.message_bytes_max)),
        Message::text(r#"{"type":"#.repeat(100_000)),
        nested(Limits::SERVER.message_bytes_max - 100, "[", ""),
        Message::text(format!(r#"{{"type":"name","name":"{}"}}"#, "a".repeat(1_000_000))),
        // Right, were it text.
        Message::binary(r#"{"type":"name","name":"Ida"}"#),
        Message::binary(vec![0xff, 0x00]),
    ]);
    messages
}

/// A proper name, and a field so deep that reading it would take too much stack.
fn nested(depth: usize, open: &str, close: &str) -> Message {
    let (open, close) = (open.repeat(depth), close.repeat(depth));
    Message::text(format!(r#"{{"type":"name","name":"Ida","more":{open}0{close}}}"#))
}

//! JSON in messages (RFC 8259), with the feature `json`: values of serde to texts, and back.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::pages::escape::plain;
use crate::service::{Audience, Context, Peer};
use crate::ws::Message;
use crate::ws::syntax::cut;

/// Why a message is not the value that was asked for, or a value cannot be a message. Its text says
/// what was found, where, and what is expected. It quotes up to 200 bytes of the message, with
/// control characters escaped, so it may go into a log or a close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    /// The message is binary.
    Binary {
        /// Its length in bytes.
        len: usize,
    },
    /// The text is not JSON, or not that of such a value.
    Text {
        /// The line in which that was found, from 1 on. It is 0 if serde has lost the place, as it
        /// does within an enum with a tag.
        line: usize,
        /// The byte in that line, from 1 on; 0 before its first one.
        column: usize,
        /// What was found, and what is expected.
        reason: String,
    },
    /// The value cannot be written as JSON: it has a map whose keys are no texts, or code of its
    /// own, which refuses.
    Value(String),
}

/// With the feature `json`.
impl Message {
    /// A text message with a value as JSON. It is for a message that goes to several audiences;
    /// others are sent by [`Peer::send_json`] and [`Context::send_json`].
    ///
    /// # Errors
    /// [`JsonError::Value`]. Types with a derived `Serialize` cause it only by a map whose keys are
    /// no texts or numbers.
    pub fn from_json<T: Serialize + ?Sized>(value: &T) -> Result<Self, JsonError> {
        let text =
            serde_json::to_string(value).map_err(|error| JsonError::Value(quoted(&error)))?;
        Ok(text.into())
    }

    /// The value whose JSON this text message is. A value that borrows, such as `&str`, borrows
    /// from the message.
    ///
    /// A binary message is an error, even if its bytes are JSON: so each message has one form. The
    /// error says so, for clients that send a buffer instead of a string.
    ///
    /// While it reads, it may take some sixty times as much memory as the message has bytes, which
    /// [`Limits::message_bytes_max`](crate::Limits::message_bytes_max) bounds. Lists and objects
    /// may be 127 deep.
    ///
    /// ```
    /// use switchboard::Message;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Join {
    ///     room: String,
    /// }
    ///
    /// # fn main() -> Result<(), switchboard::JsonError> {
    /// let join: Join = Message::from(r#"{"room":"red"}"#).json()?;
    /// assert_eq!(join.room, "red");
    ///
    /// let message = Message::from(r#"{"room":5}"#);
    /// let error = message.json::<Join>().err().map(|error| error.to_string());
    /// let expected = "line 1, column 9: invalid type: integer `5`, expected a string";
    /// assert_eq!(error.as_deref(), Some(expected));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`JsonError::Binary`] or [`JsonError::Text`].
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, JsonError> {
        let text = self.as_text().ok_or_else(|| JsonError::Binary { len: self.len() })?;
        serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            JsonError::Text { line, column, reason: quoted(&error) }
        })
    }
}

/// With the feature `json`.
impl<S> Peer<'_, '_, S> {
    /// Sends the socket a value as JSON, in a text message. The limits are those of
    /// [`Context::send`].
    ///
    /// ```
    /// use switchboard::{CloseCode, Handler, Message, Peer};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Question {
    ///     numbers: Vec<f64>,
    /// }
    ///
    /// #[derive(serde::Serialize)]
    /// struct Answer {
    ///     sum: f64,
    /// }
    ///
    /// struct Sums;
    ///
    /// impl Handler for Sums {
    ///     fn message(&mut self, peer: &mut Peer, message: Message) {
    ///         let answer = message.json::<Question>().and_then(|Question { numbers }| {
    ///             peer.send_json(&Answer { sum: numbers.iter().sum() })
    ///         });
    ///         if let Err(error) = answer {
    ///             peer.close(CloseCode::INVALID_PAYLOAD, &error.to_string());
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// Those of [`Message::from_json`]: nothing was sent.
    pub fn send_json<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), JsonError> {
        self.send(Message::from_json(value)?);
        Ok(())
    }

    /// Sends an [`Audience`] a value as JSON, in a text message that is written once. The limits
    /// are those of [`Context::send`].
    ///
    /// # Errors
    /// Those of [`Message::from_json`]: nothing was sent.
    pub fn send_json_to<T: Serialize + ?Sized>(
        &mut self,
        to: impl Into<Audience>,
        value: &T,
    ) -> Result<(), JsonError> {
        self.context().send_json(to, value)
    }
}

/// With the feature `json`.
impl Context<'_> {
    /// Sends an [`Audience`] a value as JSON, in a text message that is written once. The limits
    /// are those of [`Context::send`].
    ///
    /// # Errors
    /// Those of [`Message::from_json`]: nothing was sent.
    pub fn send_json<T: Serialize + ?Sized>(
        &mut self,
        to: impl Into<Audience>,
        value: &T,
    ) -> Result<(), JsonError> {
        self.send(to, Message::from_json(value)?);
        Ok(())
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binary { len } => write!(
                f,
                "the message is binary ({len} bytes), and JSON is a text message: send a string"
            ),
            Self::Text { line: 0, reason, .. } => f.write_str(reason),
            Self::Text { line, column, reason } => {
                write!(f, "line {line}, column {column}: {reason}")
            }
            Self::Value(reason) => write!(f, "the value cannot be JSON: {reason}"),
        }
    }
}

impl Error for JsonError {}

/// What an error of the library says, without the place at its end. It may quote the message, which
/// may be long.
fn quoted(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    plain(cut(text.strip_suffix(&place).unwrap_or(&text)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, Serialize)]
    #[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
    enum Wish<'a> {
        Join { room: &'a str },
        Leave { rooms: Vec<u8> },
    }

    #[test]
    fn values_are_read_as_they_were_written() {
        let rows = [
            (Wish::Join { room: "red" }, r#"{"type":"join","room":"red"}"#),
            (Wish::Join { room: "" }, r#"{"type":"join","room":""}"#),
            (Wish::Leave { rooms: vec![1, 255] }, r#"{"type":"leave","rooms":[1,255]}"#),
        ];
        for (wish, text) in rows {
            let message = Message::from_json(&wish).expect("it can be written");
            assert_eq!(message.as_text(), Some(text));
            assert_eq!(message.json(), Ok(wish));
        }
        // RFC 8259, 2: white space around it, and values that are no objects.
        assert_eq!(Message::from(" \r\n\t[1, 2] ").json(), Ok([1, 2]));
        assert_eq!(Message::from_json("text").map(|message| message.len()), Ok(6));
        let long = "x".repeat(1 << 20);
        let message = Message::from_json(&long).expect("it can be written");
        assert_eq!(message.json::<&str>(), Ok(&*long));
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Room {
        name: String,
        size: u8,
    }

    #[test]
    fn errors_say_what_was_found_and_where() {
        let rows = [
            ("", "line 1, column 0: EOF while parsing a value"),
            ("{", "line 1, column 1: EOF while parsing an object"),
            ("{}", "line 1, column 2: missing field `name`"),
            ("{\"name\":\n 5}", "line 2, column 2: invalid type: integer `5`, expected a string"),
            (r#"{"size":256}"#, "line 1, column 11: invalid value: integer `256`, expected u8"),
            (r#"{"size":1,"size":1}"#, "line 1, column 16: duplicate field `size`"),
            (r#"{"name":"a","size":1} x"#, "line 1, column 23: trailing characters"),
            ("nix", "line 1, column 2: expected ident"),
        ];
        for (text, expected) in rows {
            let error = Message::from(text).json::<Room>().expect_err(text).to_string();
            assert_eq!(error, expected, "{text}");
        }
        // Within an enum with a tag, the place is lost.
        let rows = [
            (r#"{"type":"join"}"#, "missing field `room`"),
            (r#"{"type":"join","room":"a","ro":1}"#, "unknown field `ro`, expected `room`"),
            (r#"{"type":"leave","rooms":5}"#, "invalid type: integer `5`, expected a sequence"),
        ];
        for (text, expected) in rows {
            let error = Message::from(text).json::<Wish<'_>>().expect_err(text).to_string();
            assert_eq!(error, expected, "{text}");
        }
        let binary = Message::from(&b"{}"[..]);
        let error = binary.json::<Wish<'_>>().expect_err("it is no text");
        assert_eq!(error, JsonError::Binary { len: 2 });
        assert!(error.to_string().starts_with("the message is binary (2 bytes), "), "{error}");
        let nested = "[".repeat(100_000);
        let error = Message::from(nested).json::<serde_json::Value>().expect_err("it is deep");
        assert_eq!(error.to_string(), "line 1, column 128: recursion limit exceeded");
    }

    /// What a peer has sent forges no line of a log, and makes none long.
    #[test]
    fn what_errors_quote_is_short_and_plain() {
        let long = "\u{e9}".repeat(10_000);
        let text = format!("{{\"type\":\"a\\nb\\u001b[1m{long}\"}}");
        let error = Message::from(text).json::<Wish<'_>>().expect_err("there is no such variant");
        let text = error.to_string();
        assert!(text.contains("a\\nb\\u{1b}[1m\u{e9}") && text.len() < 300, "{text}");
        assert!(!text.contains(char::is_control), "{text}");
    }

    #[test]
    fn values_that_are_no_json_are_errors() {
        let map = BTreeMap::from([([1, 2], "a list is no key")]);
        let error = Message::from_json(&map).expect_err("it is no key");
        assert_eq!(error.to_string(), "the value cannot be JSON: key must be a string");
        assert_eq!(error, JsonError::Value("key must be a string".to_owned()));
    }
}

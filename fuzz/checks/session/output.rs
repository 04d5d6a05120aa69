//! What a peer sees: an answer, then frames.

use switchboard::ws::Message;

use super::super::world::wire::{Reader, Said};

/// What a session has written, as far as its peer took it.
#[derive(Default)]
pub struct Output {
    reader: Reader,
    /// How many bytes were taken.
    pub len: usize,
    pub answer: Option<Answer>,
    /// What follows the head of an answer.
    body: Vec<u8>,
    pub messages: Vec<Message>,
    pub pongs: Vec<Vec<u8>>,
    pub closes: usize,
    /// How many bytes have been taken or are to be.
    pub promised: usize,
}

/// The answer to a request.
pub enum Answer {
    /// 101: frames follow.
    Switched,
    /// Anything else, its head in words.
    Other(String),
}

impl Output {
    /// Reads on.
    pub fn read(&mut self, bytes: &[u8]) {
        self.len += bytes.len();
        let Self { reader, answer, body, messages, pongs, closes, .. } = self;
        reader.read(bytes, |_, _, said| match said {
            Said::Answer { status: 101, .. } => *answer = Some(Answer::Switched),
            Said::Answer { head, .. } => *answer = Some(Answer::Other(head.to_owned())),
            Said::Body(more) => body.extend_from_slice(more),
            Said::Message { is_text: true, payload } => {
                let text = str::from_utf8(payload).expect("a text is UTF-8");
                messages.push(text.into());
            }
            Said::Message { is_text: false, payload } => messages.push(payload.to_vec().into()),
            Said::Compressed { .. } => panic!("nobody has agreed to compress"),
            Said::Ping => {}
            Said::Pong(payload) => pongs.push(payload.to_vec()),
            Said::Close(_) => *closes += 1,
        });
    }

    /// The answer is as long as it says, or the parts are what came.
    pub fn check_body(&self, parts: Option<&[u8]>) {
        let Some(Answer::Other(head)) = &self.answer else { return };
        assert!(head.starts_with("HTTP/1.1 ") && head.contains("\r\nConnection: close"), "{head}");
        if let Some(parts) = parts {
            return assert!(self.body == parts, "the body is all parts in their order");
        }
        let length = head.split_once("\r\nContent-Length: ").and_then(|(_, rest)| {
            let (length, _) = rest.split_once("\r\n")?;
            length.parse::<usize>().ok()
        });
        // A HEAD, and a body of no parts, are answered without their content.
        let len = self.body.len();
        assert!(len == 0 || length == Some(len), "{length:?}: {len}");
    }
}

//! `Framing`: how messages are cut from what a process of mode `per-socket` writes.

use crate::programs::{Lines, PlainLineError, Texts};
use crate::ws::Message;

/// How messages are cut from what a process writes.
pub(super) enum Framing {
    Lines(Lines),
    Text(Texts),
    /// Each read is one.
    Bytes,
}

impl Framing {
    /// Takes bytes up to the end of a message. Returns how many, and the message.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
    ) -> (usize, Option<Result<Message, PlainLineError>>) {
        let message = match self {
            Self::Lines(lines) => return lines.receive(bytes),
            Self::Text(texts) => texts.receive(bytes),
            Self::Bytes => (!bytes.is_empty()).then(|| Ok(Message::from(bytes.to_vec()))),
        };
        (bytes.len(), message)
    }

    /// What is left at the end of the output.
    pub(super) fn finish(self) -> Option<Result<Message, PlainLineError>> {
        match self {
            Self::Lines(lines) => lines.finish(),
            Self::Text(texts) => texts.finish(),
            Self::Bytes => None,
        }
    }
}

//! Text without lines: the output of a program that serves one socket and prompts without a
//! newline.

use crate::programs::PlainLineError;
use crate::ws::Message;

/// Makes a text message of each read. It holds the first bytes of a character if a read has ended
/// within it.
///
/// ```
/// use switchboard::Message;
/// use switchboard::programs::Texts;
///
/// let mut texts = Texts::default();
/// assert_eq!(texts.receive(b"name? "), Some(Ok(Message::from("name? "))));
/// assert_eq!(texts.receive(b"\xc3"), None);
/// assert_eq!(texts.receive(b"\xbc\n"), Some(Ok(Message::from("\u{fc}\n"))));
/// assert_eq!(texts.finish(), None);
/// ```
#[derive(Debug, Default)]
pub struct Texts {
    /// Up to three bytes of a character.
    held: Vec<u8>,
    is_dead: bool,
}

impl Texts {
    /// Takes the bytes of one read. Returns their message, or nothing if no character is complete
    /// yet. After an error there is none.
    pub fn receive(&mut self, bytes: &[u8]) -> Option<Result<Message, PlainLineError>> {
        if self.is_dead {
            return None;
        }
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(bytes);
        if let Err(error) = std::str::from_utf8(&text) {
            if error.error_len().is_some() {
                self.is_dead = true;
                return Some(Err(PlainLineError::Text(error.valid_up_to())));
            }
            self.held = text.split_off(error.valid_up_to());
        }
        let text = String::from_utf8(text).expect("it is cut behind a whole character");
        (!text.is_empty()).then(|| Ok(Message::from(text)))
    }

    /// The end of the output. It is an error within a character.
    #[must_use]
    pub fn finish(self) -> Option<Result<Message, PlainLineError>> {
        (!self.held.is_empty()).then_some(Err(PlainLineError::Text(0)))
    }
}

//! How failures show what was expected and what came.

use crate::pages::escape;
use crate::ws::Message;

/// A message for a failure: a text in quotes, or bytes.
pub(super) fn message_text(message: &Message) -> String {
    if let Some(text) = message.as_text() {
        return quoted(text);
    }
    let bytes = message.as_bytes();
    let shown: Vec<_> = bytes.iter().take(BYTES_MAX).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > BYTES_MAX { " ..." } else { "" };
    format!("binary, {} bytes: {}{more}", bytes.len(), shown.join(" "))
}

/// A text in quotes, with invisible characters escaped. A long one is cut.
pub(super) fn quoted(text: &str) -> String {
    let cut = &text[..text.floor_char_boundary(CHARACTERS_MAX)];
    let more = text.len() - cut.len();
    let shown = escape::json(cut);
    if more > 0 { format!("{shown} and {more} bytes more") } else { shown }
}

/// Where two messages begin to differ, if what failures show of them is the same.
pub(super) fn first_difference(expected: &Message, found: &Message) -> Option<String> {
    if expected.is_text() != found.is_text() || message_text(expected) != message_text(found) {
        return None;
    }
    let pairs = expected.as_bytes().iter().zip(found.as_bytes());
    let common = pairs.take_while(|(expected, found)| expected == found).count();
    Some(format!("they differ from byte {common} on"))
}

/// How much of a text is shown.
const CHARACTERS_MAX: usize = 400;
/// How many bytes of a binary message are shown.
const BYTES_MAX: usize = 32;

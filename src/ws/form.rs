//! Names and values in a query, as forms write them: application/x-www-form-urlencoded (URL
//! Standard, 5.1). Nothing is an error here: what is no encoding stands for itself.

use alloc::string::String;
use alloc::vec::Vec;

use crate::ws::target::percent_byte;
use crate::ws::work;

/// A name or a value without its encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether each percent sign had two digits behind it.
    pub is_whole: bool,
}

/// The names and values of a query, in their order and still encoded. A name without an equals sign
/// has an empty value.
pub fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Decodes a name or a value: a plus sign is a blank, and a percent sign without two digits behind
/// it stays as it is.
#[must_use]
pub fn decode(text: &str) -> Decoded {
    work::did(text.len());
    let mut decoded = Decoded { bytes: Vec::with_capacity(text.len()), is_whole: true };
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut digits = bytes.clone();
        let byte = match byte {
            b'+' => b' ',
            b'%' => match percent_byte(&mut digits) {
                Some(byte) => {
                    bytes = digits;
                    byte
                }
                None => {
                    decoded.is_whole = false;
                    byte
                }
            },
            other => other,
        };
        decoded.bytes.push(byte);
    }
    decoded
}

/// The first value called `name`, decoded. Bytes that are no UTF-8 become U+FFFD, in names as well.
#[must_use]
pub fn value(query: &str, name: &str) -> Option<String> {
    let found = pairs(query).find(|(found, _)| text(found) == name);
    found.map(|(_, value)| text(value))
}

/// URL, 5.1: "UTF-8 decode without BOM".
fn text(encoded: &str) -> String {
    String::from_utf8(decode(encoded).bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

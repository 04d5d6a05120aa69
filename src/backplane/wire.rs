//! What is published: a head of 33 bytes, and the message. The head has the host that sends it, 16
//! hexadecimal digits, its number there, likewise, and a letter for what it is.

use crate::ws::Message;

/// What a host sends to others, or to itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Published {
    /// A message for the topic of the channel.
    ToTopic(Message),
    /// A message for all sockets of a service.
    ToAll(String, Message),
    /// Messages of this host may be missing before this.
    Missed,
    /// To itself: the connections are there.
    Beat,
}

/// Where something comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeOrigin {
    /// A number by chance, new at each start.
    pub node: u64,
    /// Each number of a host is higher than those that it has sent before.
    pub number: u64,
}

/// The bytes for this.
#[must_use]
pub fn encode(origin: NodeOrigin, what: &Published) -> Vec<u8> {
    let NodeOrigin { node, number } = origin;
    let head = |letter: char| format!("{node:016x}{number:016x}{letter}").into_bytes();
    match what {
        Published::ToTopic(message) => {
            let mut bytes = head(if message.is_text() { 't' } else { 'b' });
            bytes.extend_from_slice(message.as_bytes());
            bytes
        }
        Published::ToAll(service, message) => {
            let mut bytes = head(if message.is_text() { 'T' } else { 'B' });
            bytes.extend_from_slice(format!("{:08x}{service}", service.len()).as_bytes());
            bytes.extend_from_slice(message.as_bytes());
            bytes
        }
        Published::Missed => head('g'),
        Published::Beat => head('h'),
    }
}

/// What these bytes are, if they are of a host.
#[must_use]
pub fn decode(mut bytes: Vec<u8>) -> Option<(NodeOrigin, Published)> {
    let number = |of: &[u8]| u64::from_str_radix(str::from_utf8(of).ok()?, 16).ok();
    let origin =
        NodeOrigin { node: number(bytes.get(..16)?)?, number: number(bytes.get(16..32)?)? };
    let what = match *bytes.get(32)? {
        b't' => Published::ToTopic(text(bytes.split_off(HEAD_LEN))?),
        b'b' => Published::ToTopic(bytes.split_off(HEAD_LEN).into()),
        letter @ (b'T' | b'B') => {
            let path_at = HEAD_LEN + 8;
            let len = usize::try_from(number(bytes.get(HEAD_LEN..path_at)?)?).ok()?;
            let path_end = path_at.checked_add(len)?;
            let service = str::from_utf8(bytes.get(path_at..path_end)?).ok()?.to_owned();
            let rest = bytes.split_off(path_end);
            Published::ToAll(service, if letter == b'T' { text(rest)? } else { rest.into() })
        }
        b'g' => Published::Missed,
        b'h' => Published::Beat,
        _ => return None,
    };
    Some((origin, what))
}

fn text(bytes: Vec<u8>) -> Option<Message> {
    String::from_utf8(bytes).ok().map(Message::from)
}

const HEAD_LEN: usize = 33;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_what_comes() {
        let origin = NodeOrigin { node: 0xfe, number: u64::MAX };
        let all = |message| Published::ToAll("/a b".to_owned(), message);
        for what in [
            Published::ToTopic("text".into()),
            Published::ToTopic("".into()),
            Published::ToTopic(vec![0, 255, 10].into()),
            all("é".into()),
            all(vec![255].into()),
            Published::Missed,
            Published::Beat,
        ] {
            let bytes = encode(origin, &what);
            assert_eq!(decode(bytes.clone()), Some((origin, what)));
            for len in 0..HEAD_LEN {
                assert_eq!(decode(bytes[..len].to_vec()), None);
            }
        }
    }

    #[test]
    fn what_is_of_no_host_is_left_out() {
        let zeros = "0".repeat(32);
        for rest in ["x", "t\u{fffd}", "T", "T00000002/", "Tffffffff/a", "T+0000001/"] {
            let bytes = format!("{zeros}{rest}").replace('\u{fffd}', "?").into_bytes();
            let bytes = bytes.into_iter().map(|byte| if byte == b'?' { 255 } else { byte });
            let found = decode(bytes.collect());
            assert!(found.is_none() || rest.contains('+'), "{rest}: {found:?}");
        }
    }
}

//! What hosts publish over Redis comes as it was, any bytes are read as such or as nothing, and no
//! two topics have one channel.

use switchboard::Message;
use switchboard::backplane::{NodeOrigin, Published, decode, encode, of_topic, topic};

/// Any bytes, as what Redis sends, and as what a host publishes.
pub fn check(data: &[u8]) {
    check_bytes(data);
    let Some((head, rest)) = data.split_first_chunk::<4>() else { return };
    check_bytes(&[&[b'0'; 32], &data[..1], b"0000000", &data[1..]].concat());
    let number = u64::from_be_bytes([head[0], head[1], head[2], head[3], 0, 0, 0, 1]);
    let origin = NodeOrigin { node: !number, number };
    let (service, message) = rest.split_at(usize::from(head[0] % 40).min(rest.len()));
    let service = String::from_utf8_lossy(service).into_owned();
    let text: Message = String::from_utf8_lossy(message).into_owned().into();
    let binary: Message = message.to_vec().into();
    for what in [
        Published::ToTopic(text.clone()),
        Published::ToTopic(binary.clone()),
        Published::ToAll(service.clone(), text.clone()),
        Published::ToAll(service.clone(), binary),
        Published::Missed,
        Published::Beat,
    ] {
        let bytes = encode(origin, &what);
        for len in 0..bytes.len().min(60) {
            check_bytes(&bytes[..len]);
        }
        assert_eq!(decode(bytes), Some((origin, what)));
    }
    check_channels(&service, text.as_text().unwrap_or_default(), head);
}

/// What is read is in the bytes, and is published as something that is read as the same.
fn check_bytes(bytes: &[u8]) {
    let Some((origin, what)) = decode(bytes.to_vec()) else { return };
    let message = match &what {
        Published::ToTopic(message) => message,
        Published::ToAll(service, message) => {
            let end = bytes.len() - message.len();
            assert_eq!(&bytes[end - service.len()..end], service.as_bytes());
            message
        }
        Published::Missed | Published::Beat => {
            return assert_eq!(decode(encode(origin, &what)), Some((origin, what)));
        }
    };
    assert!(bytes.ends_with(message.as_bytes()) && message.len() + HEAD_LEN <= bytes.len());
    assert_eq!(message.is_text(), bytes[HEAD_LEN - 1].eq_ignore_ascii_case(&b't'));
    assert_eq!(decode(encode(origin, &what)), Some((origin, what)));
}

/// A channel is that of one topic.
fn check_channels(service: &str, rest: &str, head: &[u8; 4]) {
    let prefix = if head[1].is_multiple_of(2) { "switchboard" } else { ":t" };
    let channel = of_topic(prefix, service, rest);
    assert_eq!(topic(prefix, &channel), Some((service, rest)));
    // Any text, as the name of a channel.
    for channel in [rest.to_owned(), format!("{prefix}:t:{rest}"), channel] {
        let Some((service, rest)) = topic(prefix, &channel) else { continue };
        assert!(channel.ends_with(&format!(":{service}:{rest}")));
    }
    // The same bytes, cut elsewhere.
    let joined = format!("{service}:{rest}");
    for (at, _) in joined.match_indices(':').take(20) {
        let (other, topic) = (&joined[..at], &joined[at + 1..]);
        let is_one = of_topic(prefix, other, topic) == of_topic(prefix, service, rest);
        assert_eq!(is_one, (other, topic) == (service, rest));
    }
}

const HEAD_LEN: usize = 33;

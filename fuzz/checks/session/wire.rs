//! What a peer sees: an answer, then frames. It reads what RFC 6455, 5 has servers send, and
//! fails at anything else.

use switchboard::ws::Message;

/// The reader of what a session writes.
#[derive(Default)]
pub struct Wire {
    bytes: Vec<u8>,
    used: usize,
    pub answer: Option<Answer>,
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

impl Wire {
    /// Reads on.
    pub fn read(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if self.answer.is_none() {
            let end = self.bytes.windows(4).position(|end| end == b"\r\n\r\n");
            let Some(end) = end else { return };
            self.used = end + 4;
            let head = str::from_utf8(&self.bytes[..self.used]).expect("a head is text");
            self.answer = Some(match head.strip_prefix("HTTP/1.1 101 ") {
                Some(_) => Answer::Switched,
                None => Answer::Other(head.to_owned()),
            });
        }
        if let Some(Answer::Switched) = self.answer {
            while self.read_frame().is_some() {}
        }
    }

    /// How many bytes were read.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The answer is as long as it says, or the parts are what came.
    pub fn check_body(&self, parts: Option<&[u8]>) {
        let Some(Answer::Other(head)) = &self.answer else { return };
        assert!(head.starts_with("HTTP/1.1 ") && head.contains("\r\nConnection: close"), "{head}");
        let body = &self.bytes[self.used..];
        if let Some(parts) = parts {
            return assert!(body == parts, "the body is all parts in their order");
        }
        let length = head.split_once("\r\nContent-Length: ").and_then(|(_, rest)| {
            let (length, _) = rest.split_once("\r\n")?;
            length.parse::<usize>().ok()
        });
        // A HEAD, and a body of no parts, are answered without their content.
        assert!(body.is_empty() || length == Some(body.len()), "{length:?}: {}", body.len());
    }

    fn read_frame(&mut self) -> Option<()> {
        let frame = &self.bytes[self.used..];
        let (first, rest) = frame.split_first()?;
        let (short, rest) = rest.split_first()?;
        let (length, rest) = match short {
            0..=125 => (usize::from(*short), rest),
            126 => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            }
            _ => panic!("a frame that is masked, or too long for what was sent"),
        };
        let payload = rest.get(..length)?.to_vec();
        self.used += frame.len() - rest.len() + length;
        assert_eq!(self.closes, 0, "nothing is behind a close frame");
        assert!(*first < 0x88 || length <= 125, "control frames are short");
        match first {
            0x81 => {
                let text = String::from_utf8(payload).expect("a text is UTF-8");
                self.messages.push(Message::Text(text));
            }
            0x82 => self.messages.push(Message::Binary(payload)),
            0x88 => {
                self.closes += 1;
                if let Some((code, reason)) = payload.split_first_chunk::<2>() {
                    let code = u16::from_be_bytes(*code);
                    assert!((1_000..5_000).contains(&code), "the code {code}");
                    assert!(![1_004, 1_005, 1_006, 1_015].contains(&code), "the code {code}");
                    assert!(str::from_utf8(reason).is_ok(), "a reason is UTF-8");
                } else {
                    assert!(payload.is_empty(), "half a code");
                }
            }
            0x89 => assert!(payload.is_empty(), "our pings say nothing"),
            0x8A => self.pongs.push(payload),
            _ => panic!("the first byte {first:#x}"),
        }
        Some(())
    }
}

//! A conversation that compresses, against another implementation at its other end: messages both
//! ways are what was meant, with every window and context, and however the input is cut.

use arbitrary::{Result, Unstructured};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use switchboard::session::Frame;
use switchboard::{Limits, Message};

use super::frames::Sent;
use super::talk::{Heard, PING, Talk};

/// What is offered, the memory for contexts, messages either way, and frames, right or wrong.
pub fn check(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok(mut pair) = Pair::arbitrary(&mut u) else { return };
    for _ in 0..u.int_in_range(0..=MESSAGES_MAX).unwrap_or_default() {
        let is_over = matches!(pair.whole.heard.last(), Some(Heard::Closed(_)));
        if is_over || u.is_empty() || pair.say(&mut u).is_err() {
            return;
        }
    }
    let compressed = u.arbitrary().unwrap_or_default();
    for mut frame in Sent::all(&mut u) {
        frame.first ^= if compressed { RSV1 } else { 0 };
        pair.receive(&[frame]);
    }
}

/// How a service sends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// As it is.
    Plain,
    /// Compressed once, for any number of peers.
    Many,
    /// Compressed for this peer.
    One,
}

/// One conversation twice, whose input is cut differently, and the peer of both.
struct Pair {
    whole: Talk,
    bytewise: Talk,
    compress: Compress,
    decompress: Decompress,
}

impl Pair {
    fn arbitrary(u: &mut Unstructured<'_>) -> Result<Self> {
        let extensions = *u.choose(&OFFERS)?;
        let memory = *u.choose(&[0, 1 << 12, usize::MAX])?;
        let limits = Limits {
            message_bytes_max: *u.choose(&[16, 2_000, 100_000])?,
            deflate_threshold_bytes: *u.choose(&[0, 100])?,
            ..Limits::SERVER
        };
        let open = || Talk::open_compressed(limits, extensions, memory);
        Ok(Self {
            whole: open(),
            bytewise: open(),
            compress: Compress::new(Compression::new(6), false),
            decompress: Decompress::new(false),
        })
    }

    /// One side says something.
    fn say(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let (way, message) = (u.int_in_range(0..=5)?, message(u)?);
        match way {
            0..=2 => return self.peer_says(&message, u),
            3 => self.service_says(&message, Way::Plain),
            4 => self.service_says(&message, Way::Many),
            _ => self.service_says(&message, Way::One),
        }
        Ok(())
    }

    /// A message from the peer, compressed or not, in two fragments with a ping between them.
    fn peer_says(&mut self, message: &Message, u: &mut Unstructured<'_>) -> Result<()> {
        let agreed = *self.whole.session.agreement().expect("it was agreed on");
        if agreed.client.context_bytes() == 0 {
            self.compress.reset();
        }
        let (mut payload, mut first) = (message.as_bytes().to_vec(), opcode(message));
        if u.arbitrary()? {
            payload = deflate(&mut self.compress, &payload);
            first |= RSV1;
        }
        let rest = payload.split_off(u.int_in_range(0..=payload.len())?);
        let before = self.whole.heard.len();
        let key = u.arbitrary()?;
        let sent = |first, payload| Sent::new(first, key, payload);
        self.receive(&[sent(first, payload), sent(PING, Vec::new()), sent(FIN, rest)]);
        let heard = self.whole.heard.get(before);
        if message.len() > self.whole.limits.message_bytes_max {
            assert!(matches!(heard, Some(Heard::Closed(close)) if close.code.number() == 1009));
        } else {
            assert_eq!(heard, Some(&Heard::Message(message.clone())));
        }
        Ok(())
    }

    fn receive(&mut self, frames: &[Sent]) {
        let bytes: Vec<_> = frames.iter().flat_map(Sent::encode).collect();
        self.whole.receive(&bytes);
        bytes.iter().for_each(|byte| self.bytewise.receive(&[*byte]));
        assert_eq!(self.whole.heard, self.bytewise.heard);
        self.whole.take(usize::MAX);
        self.bytewise.take(usize::MAX);
        assert_eq!(self.whole.output, self.bytewise.output);
        self.whole.output.clear();
        self.bytewise.output.clear();
    }

    fn service_says(&mut self, message: &Message, way: Way) {
        let agreed = *self.whole.session.agreement().expect("it was agreed on");
        for talk in [&mut self.whole, &mut self.bytewise] {
            let Talk { session, codec, limits, now, .. } = talk;
            let frame = codec
                .deflate(message.as_bytes(), &[], agreed.server.window_bits)
                .map(|bytes| Frame::compressed(message, &bytes));
            let queued = match (way, frame) {
                (Way::Plain, _) => session.send(message.clone(), limits, *now),
                (Way::Many, Some(frame)) => {
                    session.send_compressed_frame(&frame, message, limits, *now)
                }
                (Way::Many | Way::One, _) => {
                    session.send_compressed(codec, message.clone(), limits, *now).map(|_| ())
                }
            };
            assert!(queued.is_ok(), "there is space");
            talk.take(usize::MAX);
        }
        assert_eq!(self.whole.output, self.bytewise.output);
        self.bytewise.output.clear();
        let output = std::mem::take(&mut self.whole.output);
        let (first, payload) = split(&output);
        if agreed.server.context_bytes() == 0 {
            self.decompress.reset(false);
        }
        let plain = match first & RSV1 {
            0 => payload.to_vec(),
            _ => inflate(&mut self.decompress, payload),
        };
        assert_eq!((first & !RSV1, &plain[..]), (FIN | opcode(message), message.as_bytes()));
    }
}

fn message(u: &mut Unstructured<'_>) -> Result<Message> {
    let piece: &[u8] = u.arbitrary()?;
    let bytes = match u.int_in_range(0..=7)? {
        // Long and of no order, so that it is not compressed.
        0 => noise(u.arbitrary()?),
        more => piece.repeat(*[1, 1, 1, 3, 3, 40, 40].get(more - 1).unwrap_or(&1)),
    };
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Message::from(text),
        Err(error) => Message::from(error.into_bytes()),
    })
}

/// Up to 64 KiB in which nothing comes twice.
fn noise(len: u16) -> Vec<u8> {
    let mut state = u64::from(len) + 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..len).map(|_| next()).collect()
}

/// The first byte of its first frame, without FIN.
fn opcode(message: &Message) -> u8 {
    if message.as_text().is_some() { 0x1 } else { 0x2 }
}

/// The first byte and the payload of the only frame there is.
fn split(output: &[u8]) -> (u8, &[u8]) {
    let (header_len, len) = match output[1] {
        126 => (4, u64::from(u16::from_be_bytes([output[2], output[3]]))),
        127 => (10, u64::from_be_bytes(*output[2..].first_chunk().expect("it is whole"))),
        short => (2, u64::from(short)),
    };
    assert_eq!(len, (output.len() - header_len) as u64, "one frame");
    (output[0], &output[header_len..])
}

/// RFC 7692, 7.2.1.
fn deflate(compress: &mut Compress, plain: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(plain.len() + plain.len() / 8 + 100);
    compress.compress_vec(plain, &mut out, FlushCompress::Sync).expect("anything can be deflated");
    assert!(out.len() < out.capacity() && out.ends_with(&TAIL));
    out.truncate(out.len() - TAIL.len());
    out
}

/// RFC 7692, 7.2.2.
fn inflate(decompress: &mut Decompress, compressed: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(PLAIN_BYTES_MAX);
    let whole = [compressed, &TAIL].concat();
    decompress.decompress_vec(&whole, &mut out, FlushDecompress::Sync).expect("it is right");
    assert!(out.len() < out.capacity(), "it is all there");
    out
}

const OFFERS: [&str; 7] = [
    "",
    "; server_no_context_takeover",
    "; client_no_context_takeover",
    "; server_max_window_bits=8",
    "; server_max_window_bits=9; client_max_window_bits",
    "; server_max_window_bits=12",
    "; server_max_window_bits=15; client_no_context_takeover",
];
const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
const MESSAGES_MAX: usize = 12;
/// Forty times what a fuzzer makes at most.
const PLAIN_BYTES_MAX: usize = 1 << 18;

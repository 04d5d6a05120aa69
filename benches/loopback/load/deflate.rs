//! Compression of messages (RFC 7692), on the client's side. All servers get the same bytes: a
//! message is compressed before the run, and refers to none before it, whatever was agreed on.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

/// Whether messages may refer to earlier ones of their socket, in both directions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Contexts {
    /// Each is compressed by itself.
    None,
    /// Both sides keep what they refer to.
    Kept,
}

impl Contexts {
    /// What it is called on the command line of a server.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Kept => "kept",
        }
    }

    /// The offer that a client makes.
    pub fn offer(self) -> &'static str {
        match self {
            Self::None => {
                "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
            }
            Self::Kept => "permessage-deflate",
        }
    }

    /// Checks that the server agreed to the offer as it was made, so that all do the same.
    ///
    /// # Errors
    /// What it answered instead.
    pub fn check(self, head: &str) -> Result<(), String> {
        let headers = head.lines().filter_map(|line| line.split_once(':'));
        let answer = headers
            .filter(|(name, _)| name.eq_ignore_ascii_case("Sec-WebSocket-Extensions"))
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
            .join(",");
        if parameters(&answer) == parameters(self.offer()) {
            return Ok(());
        }
        Err(format!("the offer {:?} was answered with {answer:?}", self.offer()))
    }
}

/// An extension with its parameters, in one order. The widest window may be named or not.
fn parameters(text: &str) -> Vec<&str> {
    let all = text.split(';').map(str::trim);
    let mut parameters: Vec<_> = all.filter(|word| *word != "server_max_window_bits=15").collect();
    parameters.sort_unstable();
    parameters
}

/// A message as a client sends it.
pub fn deflate(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2 * payload.len() + TAIL.len());
    let mut deflater = Compress::new(Compression::fast(), false);
    deflater.compress_vec(payload, &mut bytes, FlushCompress::Sync).expect("memory takes bytes");
    // RFC 7692, 7.2.1: the empty block at the end is not sent.
    bytes.strip_suffix(&TAIL).expect("a flush ends so").to_vec()
}

/// Inflates the messages of one socket.
pub struct Inflater {
    contexts: Contexts,
    state: Decompress,
    payload: Vec<u8>,
}

impl Inflater {
    /// One before the first message.
    pub fn new(contexts: Contexts) -> Self {
        Self { contexts, state: Decompress::new(false), payload: Vec::new() }
    }

    /// Inflates a message that has `payload_len` bytes, or more than these and other ones.
    ///
    /// # Errors
    /// It is broken.
    pub fn inflate(&mut self, message: &mut Vec<u8>, payload_len: usize) -> Result<&[u8], String> {
        if self.contexts == Contexts::None {
            self.state.reset(false);
        }
        message.extend(TAIL);
        self.payload.clear();
        self.payload.reserve(payload_len + 1);
        self.state
            .decompress_vec(message, &mut self.payload, FlushDecompress::Sync)
            .map_err(|error| format!("a message cannot be inflated: {error}"))?;
        Ok(&self.payload)
    }
}

/// RFC 7692, 7.2.2: what a receiver appends.
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

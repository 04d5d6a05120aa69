//! Frames become messages: fragments are joined, control frames between them are told apart
//! (RFC 6455, 5.4 and 5.5). Memory grows with the bytes that came, never with the lengths
//! that were declared; between two messages a reader holds none.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::limits::Limits;
#[cfg(feature = "deflate")]
use crate::session::deflate::Compressed;
use crate::ws::frame::Payload;
use crate::ws::utf8::Utf8;
use crate::ws::{Close, Fault, Header, Message, Opcode, mask, work};

/// What a reader makes of frames.
#[derive(Debug)]
pub enum Item {
    /// A whole message.
    Message(Message),
    /// A whole message that is compressed.
    #[cfg(feature = "deflate")]
    Compressed(Compressed),
    /// A ping to be answered.
    Ping(Control),
    /// A pong: a sign of life and nothing more.
    Pong,
    /// The peer's close frame.
    Close(Close),
}

/// The payload of a control frame.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    bytes: [u8; CONTROL_BYTES_MAX],
    len: u8,
}

impl Control {
    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    const EMPTY: Self = Self { bytes: [0; CONTROL_BYTES_MAX], len: 0 };

    fn receive(&mut self, bytes: &[u8]) {
        work::did(bytes.len());
        for &byte in bytes {
            self.bytes[usize::from(self.len)] = byte;
            self.len += 1;
        }
    }
}

/// Reads the frames of one peer.
#[derive(Debug, Default)]
pub struct Reader {
    /// What is unfinished; nothing between two messages.
    partial: Option<Box<Partial>>,
    extension: Extension,
}

/// What gives reserved bits a meaning.
#[derive(Clone, Copy, Debug, Default)]
enum Extension {
    /// Nothing.
    #[default]
    None,
    /// permessage-deflate.
    #[cfg(feature = "deflate")]
    Deflate,
}

impl Reader {
    /// Reads on, up to the end of the first item. Gives back how many of `bytes` were used;
    /// they are unmasked in place.
    ///
    /// # Errors
    /// The first rule that is broken, wherever the input was cut. Nothing may be read after it.
    pub fn receive(
        &mut self,
        bytes: &mut [u8],
        limits: &Limits,
    ) -> Result<(usize, Option<Item>), Fault> {
        if self.partial.is_none()
            && let Some((used, item)) = receive_whole(bytes, self.extension, limits)?
        {
            return Ok((used, Some(item)));
        }
        if bytes.is_empty() {
            return Ok((0, None));
        }
        let partial = self.partial.get_or_insert_with(Box::default);
        let mut used = 0;
        let mut item = None;
        while item.is_none() && used < bytes.len() {
            if partial.frame.is_none() {
                used += partial.receive_header(&bytes[used..], self.extension, limits)?;
            }
            let (more, next) = partial.receive_payload(&mut bytes[used..])?;
            used += more;
            item = next;
        }
        if partial.is_idle() {
            self.partial = None;
        }
        Ok((used, item))
    }

    /// Compression was agreed on: messages may be compressed from here on.
    #[cfg(feature = "deflate")]
    pub const fn allow_compression(&mut self) {
        self.extension = Extension::Deflate;
    }

    /// The bytes of memory that the unfinished message occupies.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| {
            let message = partial.message.as_ref().map_or(0, |message| message.body.capacity());
            size_of::<Partial>() + message
        })
    }
}

/// What is unfinished: a header, the payload of a frame, a message.
#[derive(Debug, Default)]
struct Partial {
    header: [u8; Header::BYTES_MAX],
    header_len: usize,
    frame: Option<Frame>,
    message: Option<Assembly>,
    control: Option<Control>,
}

/// The frame whose payload is coming.
#[derive(Debug)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    /// The masking key as it stands at the next byte.
    key: [u8; 4],
    remaining: u64,
}

/// The message that is being joined.
#[derive(Debug)]
struct Assembly {
    body: Body,
    continuations: u32,
}

#[derive(Debug)]
enum Body {
    Text(String, Utf8),
    /// Bytes that are not looked into.
    Bytes(Vec<u8>, Kind),
}

/// What bytes are once they are whole.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Binary,
    #[cfg(feature = "deflate")]
    Compressed(Opcode),
}

impl Partial {
    /// Reads on in a header; gives back the bytes used.
    fn receive_header(
        &mut self,
        bytes: &[u8],
        extension: Extension,
        limits: &Limits,
    ) -> Result<usize, Fault> {
        let held = self.header_len;
        let taken = bytes.len().min(Header::BYTES_MAX - held);
        work::did(taken);
        self.header[held..held + taken].copy_from_slice(&bytes[..taken]);
        let Some((header, payload, used)) = extension.decode(&self.header[..held + taken])? else {
            self.header_len += taken;
            return Ok(taken);
        };
        self.header_len = 0;
        self.begin(&header, payload, limits)?;
        Ok(used - held)
    }

    /// Begins the payload of a frame, if the frame may come here.
    fn begin(&mut self, header: &Header, payload: Payload, limits: &Limits) -> Result<(), Fault> {
        match (header.opcode, &mut self.message) {
            // RFC 6455, 5.4: control frames may stand between the fragments of a message.
            (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => self.control = Some(Control::EMPTY),
            // RFC 6455, 5.4: the fragments of two messages are never mixed.
            (Opcode::Text | Opcode::Binary, Some(_)) => return Err(Fault::UnfinishedMessage),
            (Opcode::Continuation, None) => return Err(Fault::LoneContinuation),
            (Opcode::Text | Opcode::Binary, None) => {
                check_length(0, header.length, payload.bytes_max(limits))?;
                let body = Body::new(header.opcode, payload);
                self.message = Some(Assembly { body, continuations: 0 });
            }
            (Opcode::Continuation, Some(message)) => {
                message.continuations += 1;
                if message.continuations > limits.fragments_max {
                    return Err(Fault::TooManyFragments);
                }
                let body = &message.body;
                check_length(body.len(), header.length, body.payload().bytes_max(limits))?;
            }
        }
        let key = header.key.unwrap_or_default();
        let Header { opcode, fin, length: remaining, .. } = *header;
        self.frame = Some(Frame { opcode, fin, key, remaining });
        Ok(())
    }

    /// Reads on in a payload; gives back the bytes used and what is whole with them.
    fn receive_payload(&mut self, bytes: &mut [u8]) -> Result<(usize, Option<Item>), Fault> {
        let Some(frame) = &mut self.frame else { return Ok((0, None)) };
        let used = usize::try_from(frame.remaining).map_or(bytes.len(), |r| r.min(bytes.len()));
        let payload = &mut bytes[..used];
        mask::apply(payload, frame.key);
        frame.key = mask::rotate(frame.key, used);
        frame.remaining -= used as u64;
        let whole = frame.remaining == 0;
        let (opcode, fin) = (frame.opcode, frame.fin);
        if let Some(control) = &mut self.control {
            control.receive(payload);
        } else if let Some(message) = &mut self.message {
            message.body.receive(payload)?;
        }
        if !whole {
            return Ok((used, None));
        }
        self.frame = None;
        let control = self.control.take().unwrap_or(Control::EMPTY);
        let item = match opcode {
            Opcode::Ping => Some(Item::Ping(control)),
            Opcode::Pong => Some(Item::Pong),
            Opcode::Close => Some(Item::Close(Close::decode(control.as_slice())?)),
            Opcode::Continuation | Opcode::Text | Opcode::Binary if !fin => None,
            Opcode::Continuation | Opcode::Text | Opcode::Binary => self.finish()?,
        };
        Ok((used, item))
    }

    /// Ends the message.
    fn finish(&mut self) -> Result<Option<Item>, Fault> {
        let Some(message) = self.message.take() else { return Ok(None) };
        Ok(Some(match message.body {
            Body::Text(text, utf8) => {
                utf8.finish()?;
                Item::Message(Message::Text(text))
            }
            Body::Bytes(bytes, Kind::Binary) => Item::Message(Message::Binary(bytes)),
            #[cfg(feature = "deflate")]
            Body::Bytes(bytes, Kind::Compressed(opcode)) => {
                Item::Compressed(Compressed { opcode, bytes })
            }
        }))
    }

    const fn is_idle(&self) -> bool {
        self.header_len == 0 && self.frame.is_none() && self.message.is_none()
    }
}

impl Extension {
    fn decode(self, bytes: &[u8]) -> Result<Option<(Header, Payload, usize)>, Fault> {
        match self {
            Self::None => {
                let plain = |(header, used)| (header, Payload::Plain, used);
                Ok(Header::decode(bytes)?.map(plain))
            }
            #[cfg(feature = "deflate")]
            Self::Deflate => Header::decode_deflate(bytes),
        }
    }
}

impl Payload {
    /// How long all payloads of a message may be.
    const fn bytes_max(self, limits: &Limits) -> usize {
        match self {
            Self::Plain => limits.message_bytes_max,
            #[cfg(feature = "deflate")]
            Self::Compressed => limits.compressed_bytes_max(),
        }
    }
}

impl Body {
    fn new(opcode: Opcode, payload: Payload) -> Self {
        match payload {
            Payload::Plain if matches!(opcode, Opcode::Text) => {
                Self::Text(String::new(), Utf8::default())
            }
            Payload::Plain => Self::Bytes(Vec::new(), Kind::Binary),
            #[cfg(feature = "deflate")]
            Payload::Compressed => Self::Bytes(Vec::new(), Kind::Compressed(opcode)),
        }
    }

    const fn payload(&self) -> Payload {
        match self {
            Self::Text(..) | Self::Bytes(_, Kind::Binary) => Payload::Plain,
            #[cfg(feature = "deflate")]
            Self::Bytes(_, Kind::Compressed(_)) => Payload::Compressed,
        }
    }

    fn receive(&mut self, payload: &[u8]) -> Result<(), Fault> {
        match self {
            Self::Text(text, utf8) => utf8.receive(payload, text)?,
            Self::Bytes(bytes, _) => {
                work::did(payload.len());
                bytes.extend_from_slice(payload);
            }
        }
        Ok(())
    }

    const fn len(&self) -> usize {
        match self {
            Self::Text(text, utf8) => text.len() + utf8.held_len(),
            Self::Bytes(bytes, _) => bytes.len(),
        }
    }

    #[cfg(test)]
    const fn capacity(&self) -> usize {
        match self {
            Self::Text(text, _) => text.capacity(),
            Self::Bytes(bytes, _) => bytes.capacity(),
        }
    }
}

/// The straight way of most messages: one frame, all of it there. `None` sends everything
/// else the long way.
fn receive_whole(
    bytes: &mut [u8],
    extension: Extension,
    limits: &Limits,
) -> Result<Option<(usize, Item)>, Fault> {
    let Some((header, payload, start)) = extension.decode(bytes)? else { return Ok(None) };
    if !header.fin || !matches!(header.opcode, Opcode::Text | Opcode::Binary) {
        return Ok(None);
    }
    check_length(0, header.length, payload.bytes_max(limits))?;
    let Ok(length) = usize::try_from(header.length) else { return Ok(None) };
    let Some(body) = bytes[start..].get_mut(..length) else { return Ok(None) };
    mask::apply(body, header.key.unwrap_or_default());
    // It is copied, and text is validated besides.
    work::did(2 * body.len());
    let item = match payload {
        Payload::Plain if header.opcode == Opcode::Text => {
            let text = core::str::from_utf8(body).map_err(|_| Fault::Utf8)?;
            let mut own = String::with_capacity(text.len() + HEADER_ROOM);
            own.push_str(text);
            Item::Message(Message::Text(own))
        }
        Payload::Plain => {
            let mut own = Vec::with_capacity(body.len() + HEADER_ROOM);
            own.extend_from_slice(body);
            Item::Message(Message::Binary(own))
        }
        #[cfg(feature = "deflate")]
        Payload::Compressed => {
            Item::Compressed(Compressed { opcode: header.opcode, bytes: body.to_vec() })
        }
    };
    Ok(Some((start + length, item)))
}

/// A frame that would make its message too long is refused by its header alone.
fn check_length(have: usize, more: u64, max: usize) -> Result<(), Fault> {
    let total = (have as u64).saturating_add(more);
    if total > max as u64 { Err(Fault::MessageTooLong) } else { Ok(()) }
}

/// A message that is sent on, as many services do, gets a header of this length.
const HEADER_ROOM: usize = 4;
/// RFC 6455, 5.5.
const CONTROL_BYTES_MAX: usize = 125;

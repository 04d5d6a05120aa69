//! Frames become messages: fragments are joined, and control frames between them are returned
//! separately (RFC 6455, 5.4 and 5.5). Memory grows with the received bytes, never with declared
//! lengths; between two messages a reader holds none.

use alloc::boxed::Box;

use crate::limits::Limits;
use crate::session::body::{self, FragmentKind, MessageBody};
use crate::session::buffer_pool::BufferPool;
#[cfg(feature = "deflate")]
use crate::session::compressed::Compressed;
use crate::session::item::{Control, Item};
use crate::ws::frame::Payload;
#[cfg(feature = "host")]
use crate::ws::short_message::ShortMessage;
use crate::ws::{Close, Header, Opcode, ProtocolError, mask, work};

/// Reads the frames of one peer.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    /// The unfinished message; `None` between two messages.
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

impl FrameReader {
    /// Whether no message and no frame has begun.
    #[cfg(feature = "host")]
    pub(super) const fn is_between(&self) -> bool {
        self.partial.is_none()
    }

    /// The fastest path, between two messages: one of a few bytes in one frame. Returns how many of
    /// `bytes` it used. `None` for everything else, including errors, which takes another path.
    // Inlined: it is called in a loop over many messages, and a call would move its result.
    #[cfg(feature = "host")]
    #[inline(always)]
    pub(super) fn receive_short(bytes: &[u8], limits: &Limits) -> Option<(usize, ShortMessage)> {
        let (opcode, key, length, start) = Header::decode_short(bytes)?;
        if length > limits.message_bytes_max {
            return None;
        }
        Some((start + length, ShortMessage::unmask(opcode, &bytes[start..], length, key)?))
    }

    /// Reads more bytes, up to the end of the first item. Returns how many of `bytes` were used;
    /// they are unmasked in place.
    ///
    /// # Errors
    /// The first broken rule, however the input was cut. Nothing may be read after it.
    pub(super) fn receive(
        &mut self,
        bytes: &mut [u8],
        limits: &Limits,
        buffers: &mut BufferPool,
    ) -> Result<(usize, Option<Item>), ProtocolError> {
        if self.partial.is_none()
            && let Some((used, item)) = receive_whole(bytes, self.extension, limits, buffers)?
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
            let (more, next) = partial.receive_payload(&mut bytes[used..], buffers)?;
            used += more;
            item = next;
        }
        if partial.is_idle() {
            self.partial = None;
        }
        Ok((used, item))
    }

    /// The buffer for the next bytes of a large payload, instead of passing them to
    /// [`FrameReader::receive`].
    pub(super) fn read_buffer(&mut self) -> Option<&mut [u8]> {
        let Partial { frame, message, control, .. } = self.partial.as_deref_mut()?;
        let frame = frame.as_ref()?;
        let more = usize::try_from(frame.remaining).ok()?;
        let message = message.as_mut().filter(|_| control.is_none())?;
        let kind = if frame.fin { FragmentKind::Final } else { FragmentKind::Earlier };
        message.body.read_buffer(more, kind)
    }

    /// So many bytes were read to the beginning of [`FrameReader::read_buffer`].
    ///
    /// # Errors
    /// Like those of [`FrameReader::receive`].
    pub(super) fn filled(&mut self, len: usize) -> Result<Option<Item>, ProtocolError> {
        let Some(partial) = &mut self.partial else { return Ok(None) };
        let (Some(frame), Some(message)) = (&mut partial.frame, &mut partial.message) else {
            return Ok(None);
        };
        frame.unmask(message.body.filled(len));
        let item = partial.finish_frame()?;
        if partial.is_idle() {
            self.partial = None;
        }
        Ok(item)
    }

    /// Compression was agreed on: messages may be compressed after this.
    #[cfg(feature = "deflate")]
    pub(super) const fn allow_compression(&mut self) {
        self.extension = Extension::Deflate;
    }

    /// The bytes of memory that the unfinished message occupies.
    pub(super) fn capacity(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| {
            let message = partial.message.as_ref().map_or(0, |message| message.body.capacity());
            size_of::<Partial>() + message
        })
    }
}

/// An unfinished header, payload or message.
#[derive(Debug, Default)]
struct Partial {
    header: [u8; Header::BYTES_MAX],
    header_len: usize,
    frame: Option<FrameInProgress>,
    message: Option<Assembly>,
    control: Option<Box<Control>>,
}

/// The frame whose payload is coming.
#[derive(Debug)]
struct FrameInProgress {
    opcode: Opcode,
    fin: bool,
    /// The masking key as it stands at the next byte.
    key: [u8; 4],
    remaining: u64,
}

/// The message that is being joined.
#[derive(Debug)]
struct Assembly {
    body: MessageBody,
    continuations: u32,
}

impl Partial {
    /// Reads on in a header; returns how many bytes it used.
    fn receive_header(
        &mut self,
        bytes: &[u8],
        extension: Extension,
        limits: &Limits,
    ) -> Result<usize, ProtocolError> {
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
    fn begin(
        &mut self,
        header: &Header,
        payload: Payload,
        limits: &Limits,
    ) -> Result<(), ProtocolError> {
        match (header.opcode, &mut self.message) {
            // RFC 6455, 5.4: control frames may stand between the fragments of a message.
            (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => {
                self.control = Some(Box::new(Control::EMPTY));
            }
            // RFC 6455, 5.4: the fragments of two messages are never mixed.
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(ProtocolError::UnfinishedMessage);
            }
            (Opcode::Continuation, None) => return Err(ProtocolError::LoneContinuation),
            (Opcode::Text | Opcode::Binary, None) => {
                check_length(0, header.length, payload.bytes_max(limits))?;
                let body = MessageBody::new(header.opcode, payload);
                self.message = Some(Assembly { body, continuations: 0 });
            }
            (Opcode::Continuation, Some(message)) => {
                // In this order the count cannot overflow, whatever the limit is.
                if message.continuations >= limits.fragments_max {
                    return Err(ProtocolError::TooManyFragments);
                }
                message.continuations += 1;
                let body = &message.body;
                check_length(body.len(), header.length, body.payload().bytes_max(limits))?;
            }
        }
        let key = header.key.unwrap_or_default();
        let Header { opcode, fin, length: remaining, .. } = *header;
        self.frame = Some(FrameInProgress { opcode, fin, key, remaining });
        Ok(())
    }

    /// Reads on in a payload; returns how many bytes it used and what is whole with them.
    fn receive_payload(
        &mut self,
        bytes: &mut [u8],
        buffers: &mut BufferPool,
    ) -> Result<(usize, Option<Item>), ProtocolError> {
        let Some(frame) = &mut self.frame else { return Ok((0, None)) };
        let used = usize::try_from(frame.remaining).map_or(bytes.len(), |r| r.min(bytes.len()));
        let payload = &mut bytes[..used];
        frame.unmask(payload);
        if let Some(control) = &mut self.control {
            control.receive(payload);
        } else if let Some(message) = &mut self.message {
            let more = usize::try_from(frame.remaining).ok().filter(|_| frame.fin);
            message.body.receive(payload, more, buffers)?;
        }
        Ok((used, self.finish_frame()?))
    }

    /// Ends the frame, if all of it has come; returns what it completes.
    fn finish_frame(&mut self) -> Result<Option<Item>, ProtocolError> {
        let Some(FrameInProgress { opcode, fin, .. }) =
            self.frame.take_if(|frame| frame.remaining == 0)
        else {
            return Ok(None);
        };
        let control = self.control.take();
        Ok(match opcode {
            Opcode::Ping => control.map(Item::Ping),
            Opcode::Pong => Some(Item::Pong),
            Opcode::Close => {
                let payload = control.as_ref().map_or(&[][..], |control| control.as_slice());
                Some(Item::Close(Close::decode(payload)?))
            }
            Opcode::Continuation | Opcode::Text | Opcode::Binary if !fin => None,
            Opcode::Continuation | Opcode::Text | Opcode::Binary => {
                self.message.take().map(|message| message.body.finish()).transpose()?
            }
        })
    }

    const fn is_idle(&self) -> bool {
        self.header_len == 0 && self.frame.is_none() && self.message.is_none()
    }
}

impl FrameInProgress {
    /// Unmasks the next bytes of the payload.
    fn unmask(&mut self, payload: &mut [u8]) {
        mask::apply(payload, self.key);
        self.key = mask::rotate(self.key, payload.len());
        self.remaining -= payload.len() as u64;
    }
}

impl Extension {
    fn decode(self, bytes: &[u8]) -> Result<Option<(Header, Payload, usize)>, ProtocolError> {
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

/// The fast path of most messages: one complete frame. `None` for everything else, which takes the
/// general path.
fn receive_whole(
    bytes: &mut [u8],
    extension: Extension,
    limits: &Limits,
    buffers: &mut BufferPool,
) -> Result<Option<(usize, Item)>, ProtocolError> {
    let Some((header, payload, start)) = extension.decode(bytes)? else { return Ok(None) };
    if !header.fin || !matches!(header.opcode, Opcode::Text | Opcode::Binary) {
        return Ok(None);
    }
    check_length(0, header.length, payload.bytes_max(limits))?;
    let Ok(length) = usize::try_from(header.length) else { return Ok(None) };
    let Some(body) = bytes[start..].get_mut(..length) else { return Ok(None) };
    let key = header.key.unwrap_or_default();
    let item = match payload {
        Payload::Plain => Item::Message(body::whole(header.opcode, body, key, buffers)?),
        #[cfg(feature = "deflate")]
        Payload::Compressed => {
            mask::apply(body, key);
            work::did(2 * body.len());
            Item::Compressed(Compressed { opcode: header.opcode, bytes: body.to_vec() })
        }
    };
    Ok(Some((start + length, item)))
}

/// A frame that would make its message too long is refused by its header alone.
fn check_length(have: usize, more: u64, max: usize) -> Result<(), ProtocolError> {
    let total = (have as u64).saturating_add(more);
    if total > max as u64 { Err(ProtocolError::MessageTooLong) } else { Ok(()) }
}

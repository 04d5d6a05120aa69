//! permessage-deflate in one conversation (RFC 7692): when messages are compressed and
//! inflated. The work is done by a [`Codec`] that all conversations share.

use alloc::string::String;

use crate::limits::Limits;
use crate::session::codec::Codec;
use crate::session::compressed::{Compressed, Contexts};
use crate::session::conversation::{Overflow, Session, SessionEvent};
use crate::session::outbox::Frame;
use crate::session::phase::Phase;
use crate::time::Time;
use crate::ws::extension::Agreement;
use crate::ws::{Message, Opcode, ProtocolError};

impl Session {
    /// Agrees to compression. Call it before [`Session::accept`], with an agreement of the
    /// [`Offer`](crate::ws::extension::Offer) in [`Session::upgrade`]; later it does nothing.
    pub fn agree(&mut self, agreement: Agreement) {
        let Phase::Waiting(waiting) = &mut self.phase else { return };
        if let Some(upgrade) = &mut waiting.upgrade {
            upgrade.agree(agreement);
        }
    }

    /// Messages may be compressed after this.
    pub(super) fn begin_compression(&mut self, agreement: Agreement) {
        if let Phase::Open(reader) = &mut self.phase {
            reader.allow_compression();
            self.contexts = Some(Contexts::new(agreement));
        }
    }

    /// What has been agreed; `None` for a conversation without compression.
    #[must_use]
    pub fn agreement(&self) -> Option<&Agreement> {
        self.contexts.as_ref().map(|contexts| &contexts.agreement)
    }

    /// Inflates the message of a [`SessionEvent::Compressed`]. Returns a [`SessionEvent::Message`],
    /// or a [`SessionEvent::Closed`] if the data is broken or longer than `message_bytes_max`;
    /// `None` if the conversation has ended meanwhile.
    pub fn inflate(
        &mut self,
        codec: &mut Codec,
        compressed: Compressed,
        limits: &Limits,
        now: Time,
    ) -> Option<SessionEvent> {
        if !matches!(self.phase, Phase::Open(_) | Phase::Closing(_)) {
            return None;
        }
        let contexts = self.contexts.as_mut()?;
        let Compressed { opcode, bytes } = compressed;
        let plain = codec.inflate(&bytes, &contexts.received.0, limits);
        let message = plain.and_then(|plain| {
            contexts.received.push(&plain, contexts.agreement.client);
            if opcode == Opcode::Text {
                return String::from_utf8(plain)
                    .map(Message::from)
                    .map_err(|_| ProtocolError::Utf8);
            }
            Ok(plain.into())
        });
        Some(match message {
            Ok(message) => SessionEvent::Message(message),
            Err(fault) => self.receive_fault(fault, now),
        })
    }

    /// Queues a message like [`Session::send`], and compresses it if that was agreed on and makes
    /// it shorter. Returns how many bytes the compression has read.
    ///
    /// # Errors
    /// The outbox is over its limit.
    pub fn send_compressed(
        &mut self,
        codec: &mut Codec,
        message: Message,
        limits: &Limits,
        now: Time,
    ) -> Result<usize, Overflow> {
        let hears = matches!(self.phase, Phase::Open(_) | Phase::Settling(_));
        let contexts = self.contexts.as_ref().filter(|_| hears);
        let Some(contexts) = contexts.filter(|_| limits.compresses(message.len())) else {
            return self.send(message, limits, now).map(|()| 0);
        };
        let (before, bits) = (&contexts.sent.0, contexts.agreement.server.window_bits);
        let cost = message.len() + before.len();
        match codec.deflate(message.as_bytes(), before, bits) {
            Some(bytes) => {
                let frame = Frame::compressed(&message, &bytes);
                self.send_compressed_frame(&frame, &message, limits, now)?;
            }
            None => self.send(message, limits, now)?,
        }
        Ok(cost)
    }

    /// Queues a frame from [`Frame::compressed`], which is `message`, to a conversation whose
    /// window holds what the frame was made for.
    ///
    /// # Errors
    /// The outbox is over its limit.
    pub fn send_compressed_frame(
        &mut self,
        frame: &Frame,
        message: &Message,
        limits: &Limits,
        now: Time,
    ) -> Result<(), Overflow> {
        self.send_frame(frame, limits, now)?;
        if let Some(contexts) = &mut self.contexts {
            contexts.sent.push(message.as_bytes(), contexts.agreement.server);
        }
        Ok(())
    }
}

//! Extensions of the opening handshake: the grammar of `Sec-WebSocket-Extensions` (RFC 6455,
//! 9.1), and the negotiation of permessage-deflate (RFC 7692, 7.1). It does not compress. A build
//! without this module ignores all offers, and both builds accept the same handshakes: so an offer
//! that cannot be parsed is ignored, where RFC 6455, 9.1 would fail the handshake.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;

use crate::ws::Head;
use crate::ws::syntax::{is_token, is_token_byte};

/// An offer of permessage-deflate (RFC 7692, 7) that can be accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    server: WindowOffer,
    client: WindowOffer,
    /// Whether the client understands a bound for its own window (RFC 7692, 7.1.2.2).
    client_window: ClientWindow,
}

/// What is asked for in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct WindowOffer {
    window_bits: Option<u8>,
    context: ContextTakeover,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ClientWindow {
    #[default]
    Unbounded,
    Boundable,
}

/// Whether a compressed message may refer to the messages before it (RFC 7692, 7.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContextTakeover {
    /// It may, and both sides keep as much as the window holds.
    #[default]
    Kept,
    /// It may not.
    Fresh,
}

/// The parameters of compression in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// The size of the window: two to the power of this many bytes, from 8 to 15.
    pub window_bits: u8,
    /// Whether the window is kept from message to message.
    pub context: ContextTakeover,
}

impl Side {
    /// The memory of the context that is kept, in bytes; 0 if it is not kept.
    #[must_use]
    pub const fn context_bytes(&self) -> usize {
        match self.context {
            ContextTakeover::Kept => 1 << self.window_bits,
            ContextTakeover::Fresh => 0,
        }
    }
}

/// What client and server have agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// What the server sends.
    pub server: Side,
    /// What the client sends.
    pub client: Side,
    offer: Offer,
}

impl Offer {
    /// The first offer of permessage-deflate in the head that can be accepted. An offer is declined
    /// if a parameter is unknown, there twice, or has an invalid value (RFC 7692, 7.1). Other
    /// extensions, and malformed ones, are declined as well.
    #[must_use]
    pub fn parse(head: &Head) -> Option<Self> {
        head.values("Sec-WebSocket-Extensions").flat_map(Members).find_map(Self::read)
    }

    /// One member of the list (RFC 6455, 9.1).
    fn read(member: &[u8]) -> Option<Self> {
        let mut words = MemberWords(member);
        words.skip();
        let mut offer = Draft::default();
        if words.token()? != NAME {
            return None;
        }
        while words.takes(b';') {
            let parameter = words.token()?;
            let value = if words.takes(b'=') { Some(words.value()?) } else { None };
            offer = offer.with(parameter, value.as_deref())?;
        }
        words.0.is_empty().then(|| offer.finish())
    }

    /// Accepts the offer. Contexts are kept if the client allows it, and as far as they fit
    /// `context_bytes_max` bytes together; that of the server comes first.
    #[must_use]
    pub const fn agree(self, context_bytes_max: usize) -> Agreement {
        let server = Side {
            window_bits: window_bits_below(self.server.window_bits),
            context: self.server.context,
        };
        let client = Side {
            window_bits: match self.client.window_bits {
                Some(bits) => bits,
                None => WINDOW_BITS_MAX,
            },
            context: self.client.context,
        };
        let server = fitting(server, context_bytes_max);
        let client = fitting(client, context_bytes_max - server.context_bytes());
        Agreement { server, client, offer: self }
    }
}

impl Agreement {
    /// The most memory of both contexts that are kept, in bytes.
    #[must_use]
    pub const fn context_bytes(&self) -> usize {
        self.server.context_bytes() + self.client.context_bytes()
    }

    /// Appends the value of the `Sec-WebSocket-Extensions` header of the 101.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(NAME);
        if self.server.context == ContextTakeover::Fresh {
            out.extend_from_slice(b"; server_no_context_takeover");
        }
        if self.client.context == ContextTakeover::Fresh {
            out.extend_from_slice(b"; client_no_context_takeover");
        }
        // RFC 7692, 7.1.2.1: a client that asks for a bound gets the one that holds.
        if self.offer.server.window_bits.is_some() {
            let bits = self.server.window_bits;
            out.extend_from_slice(format!("; server_max_window_bits={bits}").as_bytes());
        }
        // RFC 7692, 7.1.2.2: only a client that has said so understands a bound. Without a context
        // the bound is not needed: messages are inflated with the widest window.
        let bounds = self.offer.client_window == ClientWindow::Boundable;
        if bounds && self.client.context == ContextTakeover::Kept {
            let bits = self.client.window_bits;
            out.extend_from_slice(format!("; client_max_window_bits={bits}").as_bytes());
        }
    }
}

/// The side with its context, if that fits.
const fn fitting(side: Side, context_bytes_max: usize) -> Side {
    if side.context_bytes() > context_bytes_max {
        return Side { context: ContextTakeover::Fresh, ..side };
    }
    side
}

/// The window of the server where one of up to `bits` is allowed. There are only a few widths, so
/// that a message for many sockets is compressed a few times at most.
const fn window_bits_below(bits: Option<u8>) -> u8 {
    match bits {
        None | Some(15..) => 15,
        Some(12..15) => 12,
        Some(9..12) => 9,
        Some(_) => 8,
    }
}

/// An offer that is being read: which parameters it has had so far.
#[derive(Default)]
struct Draft {
    server_context: Option<()>,
    client_context: Option<()>,
    server_bits: Option<u8>,
    client_bits: Option<Option<u8>>,
}

impl Draft {
    /// Adds a parameter; `None` declines the offer.
    fn with(mut self, name: &[u8], value: Option<&[u8]>) -> Option<Self> {
        let again = match (name, value) {
            (b"server_no_context_takeover", None) => self.server_context.replace(()).is_some(),
            (b"client_no_context_takeover", None) => self.client_context.replace(()).is_some(),
            (b"server_max_window_bits", Some(value)) => {
                self.server_bits.replace(window_bits(value)?).is_some()
            }
            (b"client_max_window_bits", None) => self.client_bits.replace(None).is_some(),
            (b"client_max_window_bits", Some(value)) => {
                self.client_bits.replace(Some(window_bits(value)?)).is_some()
            }
            _ => return None,
        };
        if again { None } else { Some(self) }
    }

    fn finish(self) -> Offer {
        let context = |no: Option<()>| {
            if no.is_some() { ContextTakeover::Fresh } else { ContextTakeover::Kept }
        };
        let client_window = match self.client_bits {
            Some(_) => ClientWindow::Boundable,
            None => ClientWindow::Unbounded,
        };
        let client_bits = self.client_bits.flatten();
        Offer {
            server: WindowOffer {
                window_bits: self.server_bits,
                context: context(self.server_context),
            },
            client: WindowOffer { window_bits: client_bits, context: context(self.client_context) },
            client_window,
        }
    }
}

/// RFC 7692, 7.1.2.1: a decimal number from 8 to 15 without leading zeros.
const fn window_bits(value: &[u8]) -> Option<u8> {
    match value {
        [digit @ b'8'..=b'9'] => Some(*digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + *digit - b'0'),
        _ => None,
    }
}

/// The members of a comma list whose commas do not count within quotes (RFC 9110, 5.6.1 and
/// 5.6.4), as long as the header is one.
struct Members<'a>(&'a [u8]);

impl<'a> Iterator for Members<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let mut quotes = Quotes::Outside;
        let is_end = |byte: &u8| {
            quotes = match (quotes, byte) {
                (Quotes::Outside, b',') => return true,
                (Quotes::Outside, b'"') | (Quotes::Escaped, _) => Quotes::Inside,
                (Quotes::Inside, b'"') => Quotes::Outside,
                (Quotes::Inside, b'\\') => Quotes::Escaped,
                (Quotes::Outside | Quotes::Inside, _) => quotes,
            };
            false
        };
        let end = self.0.iter().position(is_end).unwrap_or(self.0.len());
        let member = &self.0[..end];
        self.0 = self.0.get(end + 1..).unwrap_or_default();
        Some(member)
    }
}

/// The position of a byte.
#[derive(Clone, Copy)]
enum Quotes {
    Outside,
    Inside,
    /// Behind a backslash.
    Escaped,
}

/// The rest of a member; `None` if it does not match the grammar.
struct MemberWords<'a>(&'a [u8]);

impl<'a> MemberWords<'a> {
    /// Skips blanks.
    fn skip(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }

    /// Takes `mark` if it comes next, and the blanks around it.
    fn takes(&mut self, mark: u8) -> bool {
        self.skip();
        if self.0.first() != Some(&mark) {
            return false;
        }
        self.0 = &self.0[1..];
        self.skip();
        true
    }

    fn token(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|&byte| !is_token_byte(byte)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    /// A token, or a quoted string that has one in it.
    fn value(&mut self) -> Option<Cow<'a, [u8]>> {
        let [b'"', rest @ ..] = self.0 else { return self.token().map(Cow::Borrowed) };
        let mut value = Vec::new();
        let mut bytes = rest.iter();
        loop {
            match bytes.next()? {
                b'"' => break,
                // RFC 9110, 5.6.4: a backslash stands before a character that is meant as it is.
                b'\\' => value.push(*bytes.next()?),
                byte => value.push(*byte),
            }
        }
        self.0 = bytes.as_slice();
        // RFC 6455, 9.1: without its quotes the value must be a token.
        is_token(&value).then_some(Cow::Owned(value))
    }
}

const NAME: &[u8] = b"permessage-deflate";
const WINDOW_BITS_MAX: u8 = 15;

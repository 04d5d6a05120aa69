//! Worlds that compress: what peers offer, what they and the host have agreed on, and what has to
//! hold of that.

use switchboard::Limits;
use switchboard::hub::Hub;

use super::choice::Chooser;
use super::deflate::{Form, Window};
use super::peer::Goal;
use super::wire::{BINARY, ENDS, GOES_ON, PING, RSV1, RSV2, TEXT, TEXT_BEGINS, frame};
use super::{Link, World};
#[cfg(feature = "deflate")]
use super::{Simulation, mount_all};

/// What a peer offers.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// Whether either side is to keep no context.
    server_fresh: bool,
    client_fresh: bool,
    server_bits: Option<u8>,
    /// Whether it understands a bound, and which one it proposes.
    client_bits: Option<Option<u8>>,
}

/// What was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    pub server: Side,
    pub client: Side,
}

/// What is recorded of a socket that may compress.
#[derive(Debug, Default)]
pub struct Pact {
    pub offer: Option<Offer>,
    /// What the 101 agrees to that waits or has left.
    pub agreed: Option<Agreed>,
    is_judged: bool,
    /// What compressed messages may refer to that leave, and how many there were.
    pub window: Option<Window>,
    pub inflated: u64,
}

/// What holds for what one side sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    window_bits: u8,
    is_kept: bool,
}

impl Side {
    pub const fn window(self) -> Window {
        Window::new(self.window_bits, self.is_kept)
    }

    const fn context_bytes(self) -> usize {
        if self.is_kept { 1 << self.window_bits } else { 0 }
    }
}

impl Offer {
    pub fn choose(chooser: &mut Chooser) -> Self {
        Self {
            server_fresh: chooser.once_in(3),
            client_fresh: chooser.once_in(3),
            server_bits: chooser.pick(&[None, None, Some(8), Some(9), Some(13), Some(15)]),
            client_bits: chooser.pick(&[None, Some(None), Some(Some(8)), Some(Some(10))]),
        }
    }

    /// The line of the request.
    pub fn line(self) -> String {
        let mut text = "Sec-WebSocket-Extensions: permessage-deflate".to_owned();
        for (is_there, name) in [
            (self.server_fresh, "server_no_context_takeover"),
            (self.client_fresh, "client_no_context_takeover"),
            (self.client_bits == Some(None), "client_max_window_bits"),
        ] {
            if is_there {
                text = text + "; " + name;
            }
        }
        for (bits, name) in [
            (self.server_bits, "server_max_window_bits"),
            (self.client_bits.flatten(), "client_max_window_bits"),
        ] {
            if let Some(bits) = bits {
                text = format!("{text}; {name}={bits}");
            }
        }
        text + "\r\n"
    }

    /// What the head of a 101 agrees to, and panics if that is not what was offered.
    pub fn agree(offer: Option<Self>, head: &str) -> Option<Agreed> {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        let (_, value) = lines.find(|(name, _)| *name == "Sec-WebSocket-Extensions")?;
        let offer = offer.unwrap_or_else(|| panic!("nothing was offered: {value}"));
        let mut parameters = value.split("; ");
        assert_eq!(parameters.next(), Some("permessage-deflate"));
        let mut server = Side { window_bits: 15, is_kept: true };
        let mut client = server;
        let mut is_server_bound = false;
        for parameter in parameters {
            let (name, bits) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name {
                "server_no_context_takeover" => server.is_kept = false,
                "client_no_context_takeover" => client.is_kept = false,
                "server_max_window_bits" => {
                    server.window_bits = bits.parse().expect("it is a number");
                    is_server_bound = true;
                }
                "client_max_window_bits" => {
                    client.window_bits = bits.parse().expect("it is a number");
                    assert!(offer.client_bits.is_some(), "the peer heeds no bound: {value}");
                }
                _ => panic!("there is no {name}: {value}"),
            }
        }
        // RFC 7692, 7.1.1.1 and 7.1.2.1: what the client asks of the server holds.
        assert!(!(offer.server_fresh && server.is_kept), "{value}");
        assert_eq!(offer.server_bits.is_some(), is_server_bound, "{value}");
        assert!(server.window_bits <= offer.server_bits.unwrap_or(15), "{value}");
        // The client keeps to its own bound whatever is answered (RFC 7692, 7.1.2.2).
        let own_bits = offer.client_bits.flatten().unwrap_or(15);
        assert!((8..=own_bits).contains(&client.window_bits) || !client.is_kept, "{value}");
        client.window_bits = client.window_bits.min(own_bits);
        client.is_kept &= !offer.client_fresh;
        Some(Agreed { server, client })
    }

    /// What its contexts would take.
    fn context_bytes(self) -> usize {
        let side = |fresh: bool, bits: Option<u8>| Side {
            window_bits: bits.unwrap_or(15),
            is_kept: !fresh,
        };
        let client = side(self.client_fresh, self.client_bits.flatten());
        side(self.server_fresh, self.server_bits).context_bytes() + client.context_bytes()
    }
}

impl Agreed {
    fn context_bytes(self) -> usize {
        self.server.context_bytes() + self.client.context_bytes()
    }
}

/// A compressed message of a peer, in one frame or in several.
pub fn say(
    window: &mut Window,
    payload: &[u8],
    is_text: bool,
    chooser: &mut Chooser,
) -> Vec<Vec<u8>> {
    let form = chooser.pick(&[Form::Coded, Form::Coded, Form::Stored, Form::Final]);
    let bytes = window.deflate(payload, form);
    let opcode = if is_text { TEXT } else { BINARY };
    if !chooser.once_in(4) {
        return vec![frame(opcode | RSV1, &bytes)];
    }
    let (begin, end) = bytes.split_at(chooser.below(bytes.len() + 1));
    // RFC 7692, 6.1: the bit is set in the first frame alone.
    let mut frames = vec![frame((opcode & !ENDS) | RSV1, begin)];
    if chooser.once_in(3) {
        frames.push(frame(GOES_ON, b""));
    }
    frames.push(frame(ENDS, end));
    frames
}

/// Messages that a peer with compression must not send, and the close code for them.
pub fn break_a_rule(window: &mut Window, limits: &Limits, chooser: &mut Chooser) -> (Vec<u8>, u16) {
    let mut deflate = |plain: &[u8]| window.deflate(plain, Form::Coded);
    match chooser.below(10) {
        0 => (frame(TEXT | RSV2, b"reserved"), 1002),
        1 => (frame(PING | RSV1, b"a ping"), 1002),
        2 => {
            let begin = frame(TEXT_BEGINS | RSV1, &deflate(b"one")[..1]);
            ([begin, frame(ENDS | RSV1, b"")].concat(), 1002)
        }
        // There is no such kind of block.
        3 => (frame(BINARY | RSV1, &[0x06, 0x00]), 1007),
        4 => {
            let bytes = deflate(b"a block that does not end, since its last code is not there");
            (frame(TEXT | RSV1, &bytes[..bytes.len() - 4]), 1007)
        }
        5 => (frame(TEXT | RSV1, &deflate(b"caf\xE9 au lait")), 1007),
        6 => (frame(BINARY | RSV1, &window.refer_too_far()), 1007),
        7 => (frame(BINARY | RSV1, &deflate(&vec![0; limits.message_bytes_max + 1])), 1009),
        8 => {
            let bytes = window.deflate(&[b'x'; 60], Form::Stored);
            (frame(BINARY | RSV1, &bytes[..bytes.len() - 30]), 1007)
        }
        _ => (frame(BINARY | RSV1, &vec![0; limits.compressed_bytes_max() + 1]), 1009),
    }
}

#[cfg(feature = "deflate")]
impl Simulation {
    /// The same, where most services compress, and most peers offer it. Some of the services are on
    /// the loop, or programs.
    pub fn compressing(mut self) -> Self {
        use switchboard::service::Compression;

        let World { chooser, limits, places, compresses, .. } = &mut self.world;
        *compresses = true;
        limits.deflate_threshold_bytes = chooser.pick(&[20, 1, 200]);
        limits.deflate_context_bytes_max = chooser.pick(&[1 << 20, 0, 70_000, 5_000]);
        for place in places.iter_mut() {
            let Limits { deflate_threshold_bytes, deflate_context_bytes_max, .. } = *limits;
            place.limits =
                Limits { deflate_threshold_bytes, deflate_context_bytes_max, ..place.limits };
            let is_on = !chooser.once_in(5);
            place.compression = if is_on { Compression::On } else { Compression::Off };
        }
        let hub = mount_all(places, limits);
        self.engine = switchboard::engine::Engine::new(hub, limits);
        match self.world.chooser.below(4) {
            0 => self,
            1 => self.mixed(),
            2 => self.on_the_loop(),
            _ => self.with_programs(),
        }
    }
}

impl World {
    /// What a socket has agreed on, if its 101 waits or has left.
    pub(super) fn check_agreement(&mut self, hub: &Hub, index: usize) {
        let Link { peer, record: Some(record), .. } = &mut self.links[index] else { return };
        let is_open = record.look_ahead(hub.unsent(record.id)).is_open();
        let (Some(offer), true) = (record.pact.offer, is_open && !record.pact.is_judged) else {
            return;
        };
        record.pact.is_judged = true;
        let Goal::Service(place) = peer.goal else { return };
        let is_on = self.places[place].compression != switchboard::service::Compression::Off;
        assert_eq!(record.pact.agreed.is_some(), is_on, "peer {index}: what it offers is accepted");
        let Some(agreed) = record.pact.agreed else { return };
        self.tally.agreements += 1;
        let max = self.limits.deflate_context_bytes_max;
        // No socket had a context when it came, so at most a quarter is for others.
        let is_alone = self.contexts_bytes == 0
            && self.closed_turn < self.turns
            && self.contexts() == agreed.context_bytes();
        if is_alone && offer.context_bytes() <= max - max.div_ceil(4) {
            assert!(agreed.server.is_kept || offer.server_fresh, "peer {index}: {agreed:?}");
            assert!(agreed.client.is_kept || offer.client_fresh, "peer {index}: {agreed:?}");
        }
    }

    /// After a turn.
    pub(super) fn check_contexts(&mut self) {
        self.contexts_bytes = self.contexts();
        let max = self.limits.deflate_context_bytes_max;
        assert!(self.contexts_bytes <= max, "{} bytes of contexts", self.contexts_bytes);
    }

    /// What all contexts may take.
    fn contexts(&self) -> usize {
        let agreed = |&index: &usize| {
            let link = &self.links[index];
            link.record.as_ref().filter(|_| link.stream.is_some())?.pact.agreed
        };
        self.live.iter().filter_map(agreed).map(Agreed::context_bytes).sum()
    }
}

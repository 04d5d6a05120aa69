//! What one conversation holds, counted by the allocator after each step, is never above what
//! `Limits` says of a socket. A file of its own, for the sake of its allocator.
#![expect(unsafe_code, reason = "an allocator has no safe form")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use switchboard::Limits;
use switchboard::session::{Frame, Next, Session, SessionEvent, SpareMemory};
use switchboard::time::Time;

/// Counts the bytes that this thread has allocated and not freed.
struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    /// All that it ever has allocated.
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all calls go to the system's allocator with their own arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.set(HELD.get().wrapping_add(layout.size()));
        ALLOCATED.set(ALLOCATED.get() + layout.size());
        // SAFETY: the caller's promises are those that are asked for here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.set(HELD.get().wrapping_sub(layout.size()));
        // SAFETY: the caller's promises are those that are asked for here.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A conversation, and what there was before it.
struct Measured {
    session: Session,
    limits: Limits,
    before: usize,
    /// The most that it has held.
    most: usize,
}

impl Measured {
    fn open(limits: Limits) -> Self {
        let before = HELD.get();
        let mut measured = Self { session: Session::new(Time::ZERO), limits, before, most: 0 };
        measured.receive(UPGRADE);
        assert!(measured.session.accept(None, Time::ZERO).is_some());
        measured.take(usize::MAX);
        measured
    }

    /// The peer sends; the results are not kept.
    fn receive(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        let mut used = 0;
        while used < bytes.len() {
            let read = self.session.receive(&mut bytes[used..], &self.limits, Time::ZERO);
            assert!(!matches!(read.1, Some(SessionEvent::Closed(_))), "nothing here is a fault");
            used += read.0;
        }
        drop(bytes);
        self.check();
    }

    /// The service sends as much of this as fits. A length with spare capacity.
    fn send(&mut self, len: usize, spare: usize) {
        if self.session.unsent_len() + len > self.limits.outbox_bytes_max {
            return;
        }
        let mut bytes = Vec::with_capacity(len + spare);
        bytes.resize(len, b'x');
        let sent = self.session.send(bytes.into(), &self.limits, Time::ZERO);
        sent.expect("there is space");
        self.check();
    }

    /// The same to many, of which this is the last that holds it.
    fn send_frame(&mut self, len: usize) {
        if self.session.unsent_len() + len <= self.limits.outbox_bytes_max {
            let frame = Frame::new(&vec![b'x'; len].into());
            let sent = self.session.send_frame(&frame, &self.limits, Time::ZERO);
            sent.expect("there is space");
            drop(frame);
            self.check();
        }
    }

    fn take(&mut self, bytes_len: usize) {
        self.session.wrote(bytes_len.min(self.session.unsent_len()), Time::ZERO);
        self.check();
    }

    fn check(&mut self) {
        let held = HELD.get().wrapping_sub(self.before);
        self.most = self.most.max(held);
        let max = self.limits.socket_memory_bytes_max();
        assert!(held as u64 <= max, "{held} bytes are above the documented {max}");
        if self.session.next() == Next::Drop {
            assert_eq!(held, 0, "what is over holds nothing");
        }
    }
}

/// The worst that we know: a message of which the last byte has not left, behind it as many
/// bytes as may wait, and in front of the peer's message, which grows, the longest.
#[test]
fn the_worst_history_keeps_to_the_formula() {
    for limits in KINDS {
        for (len, spare) in [(1, 0), (2_048, 0), (2_049, 0), (2_049, 1 << 20), (9_000, 9_000)] {
            let mut peer = Measured::open(limits);
            peer.send(limits.outbox_bytes_max, 0);
            peer.take(peer.session.unsent_len() - 1);
            let fills = (limits.outbox_bytes_max / len).min(20_000);
            for number in 0..fills {
                peer.send(len, spare);
                if number % 2 == 0 {
                    peer.send_frame(len);
                }
            }
            peer.receive(&[0x01, 0x80, 0, 0, 0, 0]);
            for _ in 0..limits.message_bytes_max / 100 {
                peer.receive(&[&[0x00, 0x80 | 100, 0, 0, 0, 0], &[b'x'; 100][..]].concat());
            }
            let (most, max) = (peer.most as u64, limits.socket_memory_bytes_max());
            // Not below either: a formula that is far too large says nothing.
            let full = limits.outbox_bytes_max > 1_000 && len > 2_048 && fills > 1;
            assert!(!full || most > max / 2, "{most} bytes of {max}");
        }
    }
}

/// Services send what they like, peers take what they like, in any order.
#[test]
fn any_history_keeps_to_the_formula() {
    for seed in 0..400 {
        let mut random = Random(seed);
        let limits = KINDS[random.below(KINDS.len())];
        let mut peer = Measured::open(limits);
        for _ in 0..300 {
            let lens = [0, 1, 100, 2_048, 2_049, 5_000, 16_384, 40_000, limits.outbox_bytes_max];
            let len = lens[random.below(lens.len())];
            match random.below(6) {
                0 => peer.send_frame(len),
                1 | 2 => peer.send(len, [0, 1, 3_000, 100_000][random.below(4)]),
                3 => peer.receive(&[0x89, 0x81, 0, 0, 0, 0, b'p']),
                4 => {
                    let first = peer.session.unsent().next().map_or(0, <[u8]>::len);
                    peer.take(first.saturating_sub(random.below(2)));
                }
                _ => peer.take(random.below(1 + len)),
            }
        }
        assert!(peer.session.fail("the history ends").is_some());
        peer.check();
    }
}

/// A message of one-byte fragments costs twice its bytes while it grows, and as much again is
/// allocated on the way, since what doubles leaves half of it behind each time.
#[test]
fn fragments_cost_twice_their_bytes() {
    for first in [0x01, 0x02] {
        let limits = Limits { fragments_max: FRAGMENTS, ..Limits::SERVER };
        let mut peer = Measured::open(limits);
        peer.receive(&[first, 0x80, 0, 0, 0, 0]);
        let (mut fragment, before) = ([0; 7], HELD.get());
        let allocated = ALLOCATED.get();
        for number in 1..=FRAGMENTS as usize {
            fragment.copy_from_slice(&[0x00, 0x81, 0, 0, 0, 0, b'x']);
            let (used, event) = peer.session.receive(&mut fragment, &limits, Time::ZERO);
            assert!(used == fragment.len() && event.is_none());
            let held = HELD.get().wrapping_sub(before);
            assert!(held <= 8 + 2 * number, "{held} bytes for {number} fragments");
        }
        let allocated = ALLOCATED.get() - allocated;
        assert!(allocated <= 4 * FRAGMENTS as usize, "{allocated} bytes were allocated");
    }
}

/// Once messages have come and gone, the next ones allocate nothing, but for the list of what waits
/// if that is more than one buffer.
#[test]
fn a_message_in_used_memory_allocates_nothing() {
    let limits = Limits::SERVER;
    for (len, depth) in [31_u16, 100, 1_000, 2_048, 4_000, 4_096, 4_097, 16_384]
        .into_iter()
        .flat_map(|len| [(len, 1), (len, 16)])
    {
        let mut spare = SpareMemory::new(limits.spare_bytes_max);
        let mut session = Measured::open(limits).session;
        let mut bytes = vec![0x82, 0x80 | 126, 0, 0, 0, 0, 0, 0];
        match u8::try_from(len).ok().filter(|len| *len < 126) {
            Some(len) => _ = bytes.splice(1..4, [0x80 | len]),
            None => bytes[2..4].copy_from_slice(&len.to_be_bytes()),
        }
        bytes.resize(bytes.len() + usize::from(len), b'x');
        let mut echo = || {
            for _ in 0..depth {
                let read = session.receive_with(&mut spare, &mut bytes, &limits, Time::ZERO);
                let Some(SessionEvent::Message(message)) = read.1 else { panic!("{read:?}") };
                let sent = session.send_with(&mut spare, message, &limits, Time::ZERO);
                sent.expect("there is space");
            }
            session.wrote_with(&mut spare, session.unsent_len(), Time::ZERO);
        };
        (0..20).for_each(|_| echo());
        let before = ALLOCATED.get();
        (0..20).for_each(|_| echo());
        let allocated = (ALLOCATED.get() - before) / 20;
        assert!(allocated <= depth * 96, "{allocated} bytes for {depth} messages of {len}");
        assert!(allocated == 0 || depth > 1, "{allocated} bytes for a message of {len}");
    }
}

/// A head that comes byte by byte and never ends.
#[test]
fn a_head_keeps_to_the_formula() {
    let limits = Limits {
        head_bytes_max: 1 << 17,
        headers_max: 1_000,
        message_bytes_max: 1,
        outbox_bytes_max: 1,
        ..Limits::SMALL
    };
    for line in [b"A: b\r\n".to_vec(), [b"A: ", &[b'b'; 120][..], b"\r\n"].concat()] {
        let before = HELD.get();
        let mut session = Session::new(Time::ZERO);
        let mut peer = Measured { session, limits, before, most: 0 };
        peer.receive(&UPGRADE[..UPGRADE.len() - 2]);
        let lines = line.iter().cycle().take(line.len() * (limits.headers_max - 6));
        lines.for_each(|byte| peer.receive(&[*byte]));
        session = peer.session;
        assert_eq!((session.next(), session.unsent_len()), (Next::Keep, 0), "it goes on");
    }
}

/// A bound that is off has no price, and no number is too large to be asked about.
#[test]
fn the_formula_does_not_overflow() {
    let max = usize::MAX;
    let all = Limits {
        message_bytes_max: max,
        head_bytes_max: max,
        headers_max: max,
        outbox_bytes_max: max,
        mail_messages_max: max,
        mail_bytes_max: max,
        batch_bytes_max: max,
        batches_max: max,
        sockets_max: max,
        topics_max: max,
        topics_per_socket_max: max,
        read_buffer_bytes: max,
        ..Limits::SERVER
    };
    assert_eq!((all.memory_bytes_max(max), all.socket_memory_bytes_max()), (u64::MAX, u64::MAX));
    let one_by_one = [
        Limits { topics_max: max, ..Limits::SMALL },
        Limits { topics_per_socket_max: max, ..Limits::SMALL },
        Limits { batches_max: max, ..Limits::SMALL },
        Limits { mail_bytes_max: max, ..Limits::SMALL },
        Limits { headers_max: max, ..Limits::SMALL },
        Limits { head_bytes_max: max, ..Limits::SMALL },
    ];
    for limits in one_by_one {
        assert_eq!(limits.check(), Ok(()));
        assert_eq!(limits.memory_bytes_max(1), u64::MAX, "{limits:?}");
    }
    assert_eq!(Limits { sockets_max: max, ..Limits::SMALL }.tables_len(), 65_536);
}

/// Bounds of several kinds: an outbox that is small, one that holds many buffers, one that
/// is no longer than a message, and one that is smaller than its buffers.
const KINDS: [Limits; 4] = [
    Limits::SMALL,
    Limits { outbox_bytes_max: 1 << 18, message_bytes_max: 1 << 14, ..Limits::SMALL },
    Limits { outbox_bytes_max: 1 << 16, message_bytes_max: 1 << 16, ..Limits::SMALL },
    Limits {
        message_bytes_max: 300,
        outbox_low_bytes: 50,
        outbox_high_bytes: 200,
        outbox_bytes_max: 600,
        ..Limits::SMALL
    },
];

const FRAGMENTS: u32 = 300_000;

/// The same seed gives the same numbers: a linear congruence, whose upper bits are good.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits fit") % bound
    }
}

const UPGRADE: &[u8] = b"GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

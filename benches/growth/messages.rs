//! Messages of sixteen bytes to sixteen megabytes, and of one fragment to a million, from the
//! read to the write.

use crate::measure::{At, Bench, Effort, timed};
use crate::world::{BINARY, From, TEXT, WIDE, World, header};

pub fn measure(bench: &mut Bench) {
    let full = bench.effort() == Effort::Full;
    let mut world = World::new(WIDE, 1);
    world.populate(1, From::Loopback);
    let sizes: &[u32] = if full { &[4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24] } else { &[4, 17] };
    let kinds =
        [("binary", BINARY, "x"), ("ASCII text", TEXT, "x"), ("three-byte text", TEXT, "\u{20ac}")];
    // What the allocator does with large messages depends on those that it has seen before; so
    // it has seen the largest.
    (0..3).for_each(|_| Whole::new(BINARY, "x", 1 << sizes[sizes.len() - 1]).send(&mut world));
    for (case, first, character) in kinds {
        for x in sizes.iter().map(|size| 1 << size) {
            let message = Whole::new(first, character, x);
            let times = (ROUND_BYTES / x).clamp(1, 10_000);
            bench.time(At { group: "message size", case, x }, || {
                timed(times, || (0..times).for_each(|_| message.send(&mut world)))
            });
        }
    }
    let counts: &[usize] =
        if full { &[1, 10, 100, 1_000, 10_000, 100_000, 1_000_000] } else { &[1, 100] };
    for (case, first, character, payload_len) in [
        ("16 bytes each", BINARY, "x", 16),
        ("1 byte each of ASCII text", TEXT, "x", 1),
        ("1 byte each of three-byte text", TEXT, "\u{20ac}", 1),
    ] {
        for &x in counts {
            // Whole characters, or the last fragment would be a fault.
            let x = x.next_multiple_of(character.len());
            let bytes = fragments(first, character, payload_len, x);
            let times = (20_000 / x).max(1);
            bench.time(At { group: "fragments", case, x }, || {
                timed(times * x, || {
                    for _ in 0..times {
                        let reads = bytes.chunks(WIDE.read_buffer_bytes);
                        reads.for_each(|read| world.receive(world.ids[0], read));
                    }
                })
            });
        }
    }
}

/// A message in one frame, in reads as long as the loop's buffer. Its payload repeats itself, so
/// that it comes from the cache. With a key of zeros it stands as it is.
struct Whole {
    /// The header and what comes with it, and behind it a gap that is not sent.
    first: Vec<u8>,
    /// What the others are cut from: a few buffers, so that each begins where it has to.
    source: Vec<u8>,
    payload_len: usize,
    header_len: usize,
}

impl Whole {
    fn new(first: u8, character: &str, bytes_len: usize) -> Self {
        let payload_len = bytes_len / character.len() * character.len();
        let source = character.repeat(4 * READ_BYTES / character.len() + 1).into_bytes();
        let header = header(first, payload_len, [0; 4]);
        let header_len = header.len();
        let with_it = payload_len.min(READ_BYTES - header_len);
        let first = [&header[..], &source[..with_it], &[0; GAP_BYTES]].concat();
        Self { first, source, payload_len, header_len }
    }

    fn send(&self, world: &mut World) {
        let id = world.ids[0];
        let first_len = self.first.len() - GAP_BYTES;
        world.receive(id, &self.first[..first_len]);
        let mut done = first_len - self.header_len;
        while done < self.payload_len {
            let len = READ_BYTES.min(self.payload_len - done);
            let begin = done % PERIOD_BYTES;
            world.receive(id, &self.source[begin..begin + len]);
            done += len;
        }
    }
}

/// A message in many frames.
fn fragments(first: u8, character: &str, payload_len: usize, len: usize) -> Vec<u8> {
    let text = character.repeat(payload_len * len / character.len());
    let mut bytes = Vec::new();
    for (number, payload) in text.as_bytes().chunks(payload_len).enumerate() {
        let fin = if number + 1 == len { FIN } else { 0 };
        let opcode = if number == 0 { first & !FIN } else { 0 };
        // With a key of zeros the payload stands as it is.
        bytes.extend(header(fin | opcode, payload.len(), [0; 4]));
        bytes.extend_from_slice(payload);
    }
    bytes
}

const FIN: u8 = 0x80;
const READ_BYTES: usize = WIDE.read_buffer_bytes;
/// Some processors copy at a tenth of their speed to a place that stands a few bytes further in its
/// page than the source does in its own. Without a gap the message's buffer would be such a place,
/// since the allocator puts it right behind the one that it is read from.
const GAP_BYTES: usize = 1_024;
/// After so many bytes the payload is what it was, whatever its characters are.
const PERIOD_BYTES: usize = 3 * READ_BYTES;
/// About how many bytes a round has.
const ROUND_BYTES: usize = 1 << 22;

//! `Wheel`: the deadlines of all sockets, each set, moved and dropped at a fixed cost. It is a ring
//! of lists, one per tick. A deadline beyond the ring is put at its far end and checked again
//! there. It holds indices of a table and does not know the sockets.

use crate::hub::cut;
use crate::time::Time;

/// One deadline for each place of a table, at most.
#[derive(Debug)]
pub(super) struct Wheel {
    /// The first place in each slot's list.
    slots: [u32; SLOTS],
    /// One bit for each slot that has a list.
    used: [u64; SLOTS / 64],
    nodes: Vec<Node>,
    /// Everything up to this tick has been expired.
    tick: u64,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    /// Its slot, or [`UNSET`].
    slot: u16,
    previous: u32,
    next: u32,
}

impl Wheel {
    /// How late a deadline may be noticed, in milliseconds.
    pub(super) const TICK_MS: u64 = 64;

    /// A wheel without deadlines, with capacity for so many indices.
    #[must_use]
    pub(super) fn new(now: Time, places_len: usize) -> Self {
        let tick = now.as_ms() / Self::TICK_MS;
        let nodes = Vec::with_capacity(places_len);
        Self { slots: [NONE; SLOTS], used: [0; SLOTS / 64], nodes, tick }
    }

    /// Sets the deadline of `place`. An earlier one stays: when it comes, the right one is set.
    /// That is cheaper than moving the deadline each time that it is postponed.
    pub(super) fn set(&mut self, place: usize, deadline: Time) {
        let soonest = self.tick + 1;
        let tick = deadline.as_ms().div_ceil(Self::TICK_MS);
        let tick = tick.clamp(soonest, soonest + SLOTS as u64 - 2);
        if place >= self.nodes.len() {
            self.nodes.resize(place + 1, Node { slot: UNSET, previous: NONE, next: NONE });
        }
        let slot = self.nodes[place].slot;
        if slot != UNSET && self.tick_of(slot.into()) <= tick {
            return;
        }
        self.cancel(place);
        self.link(place, tick);
    }

    /// Drops the deadline of `place`.
    pub(super) fn cancel(&mut self, place: usize) {
        let Some(&Node { slot, previous, next }) = self.nodes.get(place) else { return };
        if slot == UNSET {
            return;
        }
        let slot = usize::from(slot);
        match self.nodes.get_mut(previous as usize) {
            Some(node) => node.next = next,
            None => self.slots[slot] = next,
        }
        if let Some(node) = self.nodes.get_mut(next as usize) {
            node.previous = previous;
        }
        if self.slots[slot] == NONE {
            self.used[slot / 64] &= !(1 << (slot % 64));
        }
        self.nodes[place].slot = UNSET;
    }

    /// Frees the entries from `places_len` on, which have no deadlines.
    pub(super) fn trim(&mut self, places_len: usize) {
        debug_assert!(
            self.nodes.iter().skip(places_len).all(|node| node.slot == UNSET),
            "a place without a socket has no deadline"
        );
        cut(&mut self.nodes, places_len);
    }

    /// Removes and returns a place whose deadline has come; `None` when none is left.
    pub(super) fn expire(&mut self, now: Time) -> Option<usize> {
        let last = now.as_ms() / Self::TICK_MS;
        let Some(tick) = self.first_tick().filter(|&tick| tick <= last) else {
            self.tick = self.tick.max(last);
            return None;
        };
        self.tick = tick;
        let place = self.slots[slot(tick)] as usize;
        self.cancel(place);
        Some(place)
    }

    /// When the next deadline comes.
    #[must_use]
    pub(super) fn next(&self) -> Option<Time> {
        self.first_tick().map(|tick| Time::from_ms(tick * Self::TICK_MS))
    }

    /// How many deadlines are set.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.nodes.iter().filter(|node| node.slot != UNSET).count()
    }

    /// How many entries it has.
    #[cfg(test)]
    pub(super) const fn places_len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether none is set.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.used.iter().all(|&bits| bits == 0)
    }

    fn link(&mut self, place: usize, tick: u64) {
        let slot = slot(tick);
        let next = self.slots[slot];
        let index = u32::try_from(place).unwrap_or(NONE);
        debug_assert!(index != NONE, "places are those of socket ids, which have 24 bits");
        if let Some(node) = self.nodes.get_mut(next as usize) {
            node.previous = index;
        }
        let narrow = u16::try_from(slot).unwrap_or(UNSET);
        self.nodes[place] = Node { slot: narrow, previous: NONE, next };
        self.slots[slot] = index;
        self.used[slot / 64] |= 1 << (slot % 64);
    }

    /// The tick of the first slot that has a list, counted from the present one.
    fn first_tick(&self) -> Option<u64> {
        let start = slot(self.tick);
        (0..=self.used.len()).find_map(|step| {
            let word = (start / 64 + step) % self.used.len();
            let bits = match step {
                0 => self.used[word] & (u64::MAX << (start % 64)),
                _ if step == self.used.len() => self.used[word] & !(u64::MAX << (start % 64)),
                _ => self.used[word],
            };
            if bits == 0 {
                return None;
            }
            Some(self.tick_of(word * 64 + bits.trailing_zeros() as usize))
        })
    }

    /// The tick that a slot stands for now: one from the present tick to a ring's length on.
    const fn tick_of(&self, of: usize) -> u64 {
        self.tick + ((of + SLOTS - slot(self.tick)) % SLOTS) as u64
    }
}

const fn slot(tick: u64) -> usize {
    // A remainder of the number of slots fits every usize.
    #[expect(clippy::cast_possible_truncation, reason = "below the number of slots")]
    let slot = (tick % SLOTS as u64) as usize;
    slot
}

/// 512 ticks of 64 ms: half a minute, which holds the usual deadlines.
const SLOTS: usize = 512;
const NONE: u32 = u32::MAX;
const UNSET: u16 = u16::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::tests::random::Random;

    fn all(wheel: &mut Wheel, now: u64) -> Vec<usize> {
        std::iter::from_fn(|| wheel.expire(Time::from_ms(now))).collect()
    }

    #[test]
    fn deadlines_come_within_a_tick() {
        for ms in [1, 63, 64, 65, 1_000, 25_000, 32_000] {
            let mut wheel = Wheel::new(Time::ZERO, 0);
            wheel.set(3, Time::from_ms(ms));
            let next = wheel.next().expect("a deadline is set").as_ms();
            assert!((ms..ms + Wheel::TICK_MS).contains(&next), "{ms} came at {next}");
            assert_eq!(all(&mut wheel, ms - 1), [0; 0]);
            assert_eq!(all(&mut wheel, next), [3]);
            assert!(wheel.is_empty() && wheel.next().is_none());
        }
    }

    #[test]
    fn far_deadlines_are_looked_at_within_the_ring() {
        let mut wheel = Wheel::new(Time::ZERO, 0);
        wheel.set(0, Time::from_ms(u64::MAX));
        let next = wheel.next().expect("a deadline is set").as_ms();
        assert!(next <= SLOTS as u64 * Wheel::TICK_MS);
    }

    #[test]
    fn an_earlier_deadline_moves_a_later_one_and_not_the_other_way() {
        let mut wheel = Wheel::new(Time::ZERO, 0);
        wheel.set(0, Time::from_ms(10_000));
        wheel.set(0, Time::from_ms(5_000));
        wheel.set(0, Time::from_ms(20_000));
        assert_eq!(wheel.len(), 1);
        assert_eq!(all(&mut wheel, 5_100), [0]);
        assert_eq!(all(&mut wheel, 30_000), [0; 0]);
    }

    #[test]
    fn any_history_agrees_with_a_plain_list() {
        let mut wheel = Wheel::new(Time::ZERO, 0);
        let mut plain: Vec<Option<u64>> = vec![None; 50];
        let (mut random, mut now) = (Random::new(7), 0_u64);
        for _ in 0..20_000 {
            let place = random.below(50);
            match random.below(5) {
                0 => {
                    wheel.cancel(place);
                    plain[place] = None;
                }
                1..=3 if plain[place].is_none() => {
                    let at = now + random.below(30_000) as u64;
                    wheel.set(place, Time::from_ms(at));
                    plain[place] = Some(at.div_ceil(Wheel::TICK_MS).max(now / Wheel::TICK_MS + 1));
                }
                _ => {
                    now += random.below(500) as u64;
                    let mut came = all(&mut wheel, now);
                    came.sort_unstable();
                    let due = |tick: &Option<u64>| tick.is_some_and(|t| t <= now / Wheel::TICK_MS);
                    let expected: Vec<_> = (0..50).filter(|&p| due(&plain[p])).collect();
                    assert_eq!(came, expected);
                    expected.into_iter().for_each(|p| plain[p] = None);
                }
            }
            assert_eq!(wheel.len(), plain.iter().flatten().count());
        }
    }
}

//! Who gets one of the places of the admin listeners.

use crate::admin::access::AdminWay;

/// What a connection has a place for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holding {
    pub(super) place: usize,
    pub(super) way: AdminWay,
    /// How much is lost with it: the lower, the less. `None` while something is done for it.
    pub(super) loss: Option<u8>,
    /// The number of its beginning.
    pub(super) begun: u64,
}

/// Whether a new connection gets a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// One is free.
    Free,
    /// It replaces the connection in this place.
    Instead(usize),
    /// It waits in the queue of the system.
    None,
}

/// Whether a new connection of this way gets a place, while each of `held` has one. Over TCP, where
/// everybody may connect, nobody takes the last places.
pub(super) fn room(held: &[Holding], way: AdminWay) -> Room {
    let others_len = held.iter().filter(|of| of.way != AdminWay::Unix).count();
    if held.len() < PLACES_MAX && (way == AdminWay::Unix || others_len < OTHERS_MAX) {
        return Room::Free;
    }
    replaceable(held, way).map_or(Room::None, Room::Instead)
}

/// The place of the connection that a new one may replace: of those that wait for their peers, the
/// oldest with which the least is lost. So nobody keeps the places by saying nothing, or by reading
/// nothing. Who comes over TCP replaces nobody who has come through a Unix socket.
pub(super) fn replaceable(held: &[Holding], way: AdminWay) -> Option<usize> {
    let order = |of: &Holding| {
        let may_go = way == AdminWay::Unix || of.way != AdminWay::Unix;
        Some((of.loss.filter(|_| may_go)?, of.begun, of.place))
    };
    held.iter().filter_map(order).min().map(|(_, _, place)| place)
}

/// Beside those of `max-connections`.
pub(super) const PLACES_MAX: usize = 16;
/// Over TCP.
const OTHERS_MAX: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    /// So many connections of a way, all alike, the oldest first.
    fn held(len: usize, way: AdminWay, loss: Option<u8>) -> Vec<Holding> {
        (0..len).map(|place| Holding { place, way, loss, begun: place as u64 }).collect()
    }

    #[test]
    fn over_tcp_nobody_takes_the_last_places() {
        let all = held(12, AdminWay::Loopback, None);
        assert_eq!(room(&all, AdminWay::Network), Room::None);
        assert_eq!(room(&all, AdminWay::Unix), Room::Free);
        assert_eq!(room(&all[..11], AdminWay::Network), Room::Free);
        let all = held(16, AdminWay::Unix, None);
        assert_eq!(room(&all, AdminWay::Unix), Room::None);
    }

    #[test]
    fn the_oldest_with_the_least_to_lose_is_replaced() {
        let mut all = held(12, AdminWay::Loopback, Some(1));
        assert_eq!(room(&all, AdminWay::Loopback), Room::Instead(0));
        all[7].loss = Some(0);
        assert_eq!(room(&all, AdminWay::Loopback), Room::Instead(7));
        // What has come through a Unix socket stays.
        let mut all = held(16, AdminWay::Unix, Some(0));
        assert_eq!(room(&all, AdminWay::Loopback), Room::None);
        assert_eq!(room(&all, AdminWay::Unix), Room::Instead(0));
        all[9].way = AdminWay::Loopback;
        assert_eq!(room(&all, AdminWay::Loopback), Room::Instead(9));
    }
}

//! `Pool`: a number of places that one address cannot use up. An address that holds a quarter of
//! the pool, rounded up, gets no place of the last quarter. Sockets that do not count for
//! [`Limits::sockets_per_ip_max`] have no such limit: their address may stand for many peers.

use std::net::SocketAddr;

use crate::hub::address_key::AddressKey;
use crate::hub::refusal::unavailable;
use crate::limits::Limits;
use crate::ws::Response;

/// A bound for all sockets together. The caller knows which addresses hold the places.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pool {
    /// The name of the bound in the log, most often its key.
    pub(crate) name: &'static str,
    /// How many places there are.
    pub(crate) places_max: usize,
}

/// The address that a place counts for, if it is counted.
pub(crate) type Holder = Option<AddressKey>;

/// The address that the place of a peer counts for, with this `sockets_per_ip_max`.
pub(crate) fn holder(peer: Option<SocketAddr>, per_ip_max: usize) -> Holder {
    AddressKey::counted(peer).filter(|_| per_ip_max != Limits::OFF_COUNT)
}

impl Pool {
    /// Whether there is a place for `of` while each of `holders` has one.
    ///
    /// # Errors
    /// There is none. The answer is a 503 with the reason, which is also noted for the log.
    pub(crate) fn admit(
        self,
        of: Holder,
        holders: impl Iterator<Item = Holder>,
    ) -> Result<(), Response> {
        let refusal = self.refusal(of, holders);
        refusal.map_or(Ok(()), |text| Err(unavailable(&text, 5).note(&text)))
    }

    /// Why there is no place for `of` while each of `holders` has one; `None` if there is. There
    /// are few holders; they are counted each time.
    pub(crate) fn refusal(
        self,
        of: Holder,
        holders: impl Iterator<Item = Holder>,
    ) -> Option<String> {
        let (mut taken, mut held) = (0, 0);
        for holder in holders {
            taken += 1;
            held += usize::from(of.is_some() && holder == of);
        }
        self.refusal_of_one(of, taken, held)
    }

    fn refusal_of_one(self, of: Holder, taken: usize, held: usize) -> Option<String> {
        let Self { name, places_max } = self;
        let why = if taken >= places_max {
            "as many are in use"
        } else if of.is_some() && is_for_others(places_max, taken, held) {
            HAS_A_QUARTER
        } else {
            return None;
        };
        Some(format!("{name} is {places_max}, and {why}"))
    }
}

/// Whether the next place is one of the last quarter and refused to an address that holds `held`
/// places.
pub(super) const fn is_for_others(places_max: usize, taken: usize, held: usize) -> bool {
    let quarter = places_max.div_ceil(4);
    taken >= places_max - quarter && held >= quarter
}

/// Why an address gets no place.
pub(super) const HAS_A_QUARTER: &str =
    "this address has a quarter: the last quarter is for others (max-per-ip: off lifts it)";

//! Which address the places of sockets and topics count for.

use crate::hub::address_key::AddressKey;
use crate::hub::addresses::Addresses;
use crate::hub::service_entry::ServiceEntry;
use crate::hub::shares::{Holder, holder};
use crate::hub::tables::SocketTable;
use crate::hub::topics::{Holders, Topics};
use crate::hub::{Hub, ServiceId};
use crate::limits::Limits;
use crate::service::SocketId;

impl Hub {
    /// The address that the places of a socket count for.
    pub(super) fn holder(&self, id: SocketId) -> Holder {
        let peer = self.addresses.of(self.sockets.get(id)?.peer);
        holder(peer, self.workers.limits_of(None).sockets_per_ip_max)
    }

    /// Ends all subscriptions of a socket. Returns how many there were.
    #[inline(never)]
    pub(super) fn leave_topics(&mut self, service: ServiceId, id: SocketId) -> usize {
        #[cfg(feature = "processes")]
        let shared = self.shared_topics(service, id);
        let len = self.with_topics(service, |topics, _, holders| topics.leave(id, holders));
        #[cfg(feature = "processes")]
        self.end_shared(service, &shared);
        len
    }

    /// Changes the topics of a service, with its limits and what the places of each socket count
    /// for. They are counted also while no limit of one address holds, since a reload may set one.
    pub(super) fn with_topics<T>(
        &mut self,
        service: ServiceId,
        change: impl FnOnce(&mut Topics, &Limits, Holders<'_>) -> T,
    ) -> T {
        let Self { services, workers, sockets, addresses, .. } = self;
        let per_ip_max = workers.limits_of(None).sockets_per_ip_max;
        let ServiceEntry { topics, options, .. } = &mut services[service];
        let limits = Limits { sockets_per_ip_max: per_ip_max, ..options.limits };
        change(topics, &limits, &holders(sockets, addresses))
    }
}

// One instance for all callers, which are generic.
fn holders(sockets: &SocketTable, addresses: &Addresses) -> impl Fn(SocketId) -> Holder {
    move |id| AddressKey::counted(addresses.of(sockets.get(id)?.peer))
}

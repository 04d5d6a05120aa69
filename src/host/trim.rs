//! Returns memory to the system, at a quiet moment after much has been freed.

use crate::host::poll::Host;
use crate::sys::heap::trim_heap;
use crate::time::Time;

impl Host {
    /// Frees memory that is not needed at the moment, tables and pools first, and then has the
    /// allocator return free memory to the system. It takes about a millisecond for each 10 MiB.
    /// Meanwhile no socket is served, and threads that allocate wait.
    ///
    /// With glibc it applies to the heap of the whole process. Other allocators decide themselves
    /// what they return. Memory that is used again costs page faults.
    pub fn trim(&mut self) {
        let places_len = self.engine.trim();
        self.io.streams.trim(places_len);
        trim_heap();
    }

    /// Lets the host call [`Host::trim`] by itself: a second after 2 MiB or more have been freed,
    /// as when many sockets have gone. It takes at most a hundredth of the time. Use it in a
    /// process that is only a server, after [`keep_heap_small`](crate::host::keep_heap_small).
    pub const fn trim_by_itself(&mut self) {
        self.trims.by_itself = true;
    }

    /// Trims if the time has come. While more sockets go, or work has been cut short, it waits, but
    /// not for ever.
    pub(super) fn trim_when_due(&mut self, now: Time) {
        let Some(at) = self.trims.at else {
            if self.trims.by_itself && self.engine.hub().freed() >= FREED_BYTES_MIN {
                self.trims.at = Some(now.after(PAUSE_MS).max(self.trims.rest));
            }
            return;
        };
        if now >= at && (!self.has_work() || now >= at.after(PAUSE_MS)) {
            self.trims.at = None;
            self.trim();
            let took_ms = self.now().since(now);
            self.trims.rest = now.after(took_ms.saturating_mul(REST_FACTOR));
        }
    }
}

/// Less than this is not worth a trim.
const FREED_BYTES_MIN: usize = 2 << 20;
/// After a trim there is a pause of so many times its duration.
const REST_FACTOR: u64 = 100;
const PAUSE_MS: u64 = 1_000;

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::time::Duration;

    use super::*;
    use crate::host::{HostPlan, PortUse};
    use crate::hub::{FilePolicy, Hub};
    use crate::limits::Limits;

    /// Runs turns until there are so many sockets.
    fn turn_until(host: &mut Host, sockets_len: usize) {
        while host.sockets_len() != sockets_len {
            host.turn(Some(Duration::from_secs(120))).expect("it polls");
        }
    }

    /// What the hub has is in `hub/tests/trim.rs`.
    #[test]
    fn every_table_is_about_as_large_as_what_is_in_it() {
        // The sockets send nothing meanwhile.
        let limits = Limits { handshake_ms_max: Limits::OFF_MS, ..Limits::SERVER };
        let hub = Hub::new(limits, FilePolicy::None, Time::ZERO);
        let (factories, static_root, resolver) = (Vec::new(), None, None);
        let plan = HostPlan {
            hub,
            limits,
            factories,
            static_root,
            resolver,
            addresses: vec![(([127, 0, 0, 1], 0).into(), crate::ws::Transport::Unknown)],
            port_use: PortUse::Alone,
            protocol: crate::hub::ProxyProtocol::Off,
            others: Vec::new(),
            tls: None,
            values: crate::service::shared_values::SharedValues::default(),
        };
        let mut host = Host::new(plan).expect("the port is free");
        let mut clients = Vec::new();
        for len in 1..=200 {
            clients.push(TcpStream::connect(host.address()).expect("it listens"));
            turn_until(&mut host, len);
        }
        // A turn cuts the work of all sockets short.
        host.engine.crowd(0..200);
        let tables = |host: &Host| {
            let [places, reads, reads_again, writes] = host.engine.capacities();
            [host.io.streams.places_len(), places, reads, reads_again, writes]
        };
        assert!(tables(&host).into_iter().all(|capacity| capacity >= 200));
        clients.truncate(5);
        turn_until(&mut host, 5);
        host.trim();
        let tables = tables(&host);
        assert!(tables.iter().all(|&capacity| capacity <= 4 * 5), "{tables:?}");
    }
}

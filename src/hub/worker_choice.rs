//! Which worker of its service a socket gets: by its key, or the one with the fewest sockets.

use crate::hub::address_key::AddressKey;
use crate::hub::worker_slot::{RunState, WorkerSlot};
use crate::hub::{Hub, ServiceId, WorkerId};
use crate::service::{Request, WorkerKey};
use crate::time::Time;
use crate::ws::number_of;

impl Hub {
    /// Sets the secret that keys are hashed with: without it, peers could choose their worker.
    pub const fn hash_keys_with(&mut self, secret: [u8; 16]) {
        self.worker_secret = secret;
    }

    /// The worker of a service for this request.
    pub(super) fn choose_worker(
        &self,
        service: ServiceId,
        request: &Request,
        now: Time,
    ) -> WorkerId {
        let workers = self.services[service].workers.all();
        if let [only] = workers[..] {
            return only;
        }
        let key = self.services[service].options.workers.key();
        let value = match key {
            WorkerKey::Peer => {
                let address = request.peer_address();
                address.map(|address| AddressKey::of(Some(address)).to_string().into())
            }
            key => key.value_in(request),
        };
        if let Some(value) = value {
            let number = number_of([&self.worker_secret, value.as_bytes()]);
            // A remainder of 64 bits is even enough for 64 workers.
            #[expect(clippy::cast_possible_truncation, reason = "it is below their number")]
            return workers[(number % workers.len() as u64) as usize];
        }
        let least = workers.iter().min_by_key(|worker| self.workers[**worker].burden(now));
        *least.expect("a service has a worker")
    }
}

impl WorkerSlot {
    /// The load that a new socket would find; the smallest gets it. Open sockets count, and not
    /// arrivals: a peer that connects again and again would otherwise skew the choice.
    fn burden(&self, now: Time) -> (bool, bool, usize) {
        let is_down = self.state == RunState::Finishing || self.retry.since(now) > 0;
        (is_down, self.mail.is_full(), self.members.len() + self.waiting.len())
    }
}

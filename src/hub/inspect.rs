//! What a test of services asks about their sockets.

use crate::hub::Hub;
use crate::service::SocketId;

impl Hub {
    /// The sockets that are subscribed to a topic of any service, in no particular order.
    #[must_use]
    pub fn subscribers(&self, topic: &str) -> Vec<SocketId> {
        let services = self.services.ids().map(|service| &self.services[service]);
        services.flat_map(|service| service.topics.members(topic)).collect()
    }

    /// The topics that a socket is subscribed to, sorted.
    #[must_use]
    pub fn topics_of(&self, id: SocketId) -> Vec<String> {
        let services = self.services.ids().map(|service| &self.services[service]);
        let mut names: Vec<_> =
            services.flat_map(|service| service.topics.names(id)).map(str::to_owned).collect();
        names.sort();
        names
    }
}

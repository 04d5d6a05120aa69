//! The handle of a host that reloads it.

use crate::host::poll::Host;
use crate::host::reload::Reloader;
use crate::hub::ProxyProtocol;
use crate::net::listener::Listener;

impl Host {
    /// A handle that reloads it, from any thread.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        let has_protocol = |of: &Listener| of.traits().protocol == ProxyProtocol::On;
        let resolver = self.io.resolver.as_ref();
        Reloader {
            events: self.io.event_sender.clone(),
            refresh: resolver.and_then(|resolver| resolver.refresh()),
            has_reader: self.io.has_reader.clone(),
            has_protocol: self.io.listeners.iter().any(has_protocol),
            tls_port: self.tls_addresses().next().map(|address| address.port()),
        }
    }
}

//! `HubRules`: what a start and a reload set alike.

use crate::hub::{AccessLog, AllowedHosts, Hub, Proxies, Spellings};
use crate::service::OriginRule;

/// Rules of a server that hold for all its sockets.
#[derive(Clone)]
pub(super) struct HubRules {
    pub(super) allowed_hosts: AllowedHosts,
    pub(super) proxies: Proxies,
    pub(super) spellings: Spellings,
    pub(super) health_path: Option<String>,
    pub(super) access_log: AccessLog,
}

impl HubRules {
    /// Those of a server for which nothing has been set.
    pub(super) const DEFAULT: Self = Self {
        allowed_hosts: AllowedHosts::AUTO,
        proxies: Proxies::NONE,
        spellings: Spellings::All,
        health_path: None,
        access_log: AccessLog::Sockets,
    };

    /// Sets them. `origin` holds for paths without a service.
    pub(super) fn apply(self, origin: OriginRule, hub: &mut Hub) {
        hub.allow_hosts(self.allowed_hosts, origin);
        hub.trust(self.proxies);
        hub.spell(self.spellings);
        hub.set_health_path(self.health_path);
        hub.access_log(self.access_log);
    }
}

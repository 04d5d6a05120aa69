//! Whether a server is on this machine.

use std::net::IpAddr;

/// Whether a name or an address of a server is one of this machine, for sure.
pub(crate) fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

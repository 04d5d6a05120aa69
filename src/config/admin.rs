//! `AdminConfig`: the values of the keys of listeners for operators, and whether they contradict
//! each other.

use std::path::PathBuf;

use crate::config::Config;
use crate::config::admin_address::AdminAddress;
use crate::config::error::ConfigFault;
use crate::config::setting::{Setting, contradiction};

/// What the configuration says of listeners for operators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where they listen.
    pub addresses: Vec<AdminAddress>,
    /// The file with the token that requests over TCP need.
    pub token: Option<PathBuf>,
}

impl AdminConfig {
    /// How many descriptors its listeners and connections take.
    pub(super) const fn descriptors(&self) -> usize {
        if self.addresses.is_empty() { 0 } else { self.addresses.len() + DESCRIPTORS }
    }
}

/// Adds a fault if other machines reach a listener, and there is no token. Of `settings`, the first
/// of a key counts.
pub(super) fn check_admin<'a>(
    config: &Config,
    settings: impl Iterator<Item = &'a Setting> + Clone,
    faults: &mut Vec<ConfigFault>,
) {
    let AdminConfig { addresses, token } = &config.admin;
    let is_open = addresses.iter().any(|address| match address {
        AdminAddress::Tcp(address) => !address.ip().to_canonical().is_loopback(),
        AdminAddress::Unix(_) => false,
    });
    if is_open && token.is_none() {
        let cure =
            "other machines reach this address: name the file of a token, or listen on loopback";
        faults.extend(contradiction(["admin", "admin-token"], cure, settings));
    }
}

/// 16 connections, 4 in reserve, and those of the poll.
const DESCRIPTORS: usize = 24;

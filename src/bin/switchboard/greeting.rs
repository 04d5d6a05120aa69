//! What a server prints at its start: the configuration, the services, and its addresses.

use std::net::SocketAddr;

use switchboard::config::Config;
use switchboard::{Host, ListenAddress};

use super::builtin::list;
#[cfg(feature = "admin")]
use super::check::included;
#[cfg(feature = "programs")]
use super::programs;
use super::services::ALL;

/// The first lines: what is served, and where.
pub(crate) fn greeting(config: &Config, host: &Host) -> String {
    let mut text = String::new();
    text += &match &config.file {
        #[cfg(feature = "admin")]
        Some(file) => format!("configuration: {}{}\n", file.display(), included(config)),
        #[cfg(not(feature = "admin"))]
        Some(file) => format!("configuration: {}\n", file.display()),
        None => "configuration: the defaults, as no server.conf is here\n".to_owned(),
    };
    text += &format!("services:\n{}", list(config));
    #[cfg(feature = "programs")]
    text.push_str(&programs::list(config));
    text += &addresses(host);
    let Some(url) = url_of(host) else { return text };
    for page in ALL.iter().filter(|service| service.page.is_some()) {
        text += &format!("open {url}{} in a browser\n", page.path);
    }
    text
}

/// A line for each address that a host listens on.
pub(crate) fn addresses(host: &Host) -> String {
    let mut text = String::new();
    for address in host.addresses() {
        let scheme = address.tcp().map_or("", |address| scheme_of(host, address));
        text += &format!("listening on {scheme}{address}\n");
    }
    #[cfg(feature = "admin")]
    for address in host.admin_addresses() {
        text += &format!("for operators on {address}\n");
    }
    text
}

/// The URL of a host for a browser on this machine, if it listens by TCP.
pub(crate) fn url_of(host: &Host) -> Option<String> {
    let address = host.addresses().find_map(ListenAddress::tcp)?;
    let scheme = scheme_of(host, address);
    Some(match address.ip().is_unspecified() {
        true => format!("{scheme}localhost:{}", address.port()),
        false => format!("{scheme}{address}"),
    })
}

#[cfg(feature = "tls")]
fn scheme_of(host: &Host, address: SocketAddr) -> &'static str {
    if host.tls_addresses().any(|own| own == address) { "https://" } else { "http://" }
}

#[cfg(not(feature = "tls"))]
const fn scheme_of(_: &Host, _: SocketAddr) -> &'static str {
    "http://"
}

//! What a server prints at its start: the configuration, the services, and its addresses.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;

use switchboard::config::{Config, LogFormat};
use switchboard::{AllowedHosts, Host, ListenAddress};

use super::builtin::list;
#[cfg(feature = "admin")]
use super::check::included;
use super::messages::say;
#[cfg(feature = "programs")]
use super::programs;
use super::services::ALL;
#[cfg(feature = "processes")]
use super::several::note;

/// The first lines: what is served, and where.
pub(crate) fn greeting(config: &Config, host: &impl Listens) -> String {
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
    #[cfg(feature = "processes")]
    text.push_str(&note(config));
    text += &addresses(host);
    let Some(url) = url_of(host) else { return text };
    for page in ALL.iter().filter(|service| service.page.is_some()) {
        text += &format!("open {url}{} in a browser\n", page.path);
    }
    text
}

/// A line for each address that a host listens on.
pub(crate) fn addresses(host: &impl Listens) -> String {
    let mut text = String::new();
    for address in host.all_addresses() {
        let scheme = address.tcp().map_or("", |address| scheme_of(host, address));
        text += &format!("listening on {scheme}{address}\n");
    }
    #[cfg(feature = "admin")]
    for address in host.for_operators() {
        text += &format!("for operators on {address}\n");
    }
    text
}

/// The URL of a host for a browser on this machine, if it listens by TCP.
pub(crate) fn url_of(host: &impl Listens) -> Option<String> {
    let address = host.all_addresses().find_map(ListenAddress::tcp)?;
    let scheme = scheme_of(host, address);
    Some(match address.ip().is_unspecified() {
        true => format!("{scheme}localhost:{}", address.port()),
        false => format!("{scheme}{address}"),
    })
}

fn scheme_of(host: &impl Listens, address: SocketAddr) -> &'static str {
    if host.has_tls_at(address) { "https://" } else { "http://" }
}

/// Says what is served and where.
// Inlined, it makes the smallest binary larger.
#[inline(never)]
pub(crate) fn announce(config: &Config, host: &impl Listens, greeting: String, note: &str) {
    if config.log_format == LogFormat::Text || io::stdout().is_terminal() {
        // The parent process may have closed the output; the server goes on.
        let _ = say(&(greeting + note));
    } else {
        // If both outputs are collected, the reader is a program. It expects log lines, and the
        // greeting is plain text.
        let lines = addresses(host) + note;
        lines.lines().for_each(|line| log::info!(target: TARGET, "{line}"));
    }
    if let Some(text) = any_host(config, host.all_addresses()) {
        log::info!(target: TARGET, "{text}");
    }
}

/// The warning that requests may name any host although other machines can reach the server.
fn any_host<'a>(
    config: &Config,
    addresses: impl Iterator<Item = &'a ListenAddress>,
) -> Option<String> {
    let open = addresses.filter_map(ListenAddress::tcp);
    let open = open.into_iter().find(|address| !address.ip().is_loopback())?;
    matches!(config.allowed_hosts, AllowedHosts::Auto(_)).then(|| {
        format!(
            "requests to {open} may name any host, since allowed-hosts is {}, which holds on \
             loopback; against DNS rebinding, list the names and addresses of this server",
            config.allowed_hosts
        )
    })
}

/// What listens: a host, or the parent of several processes.
pub(crate) trait Listens {
    /// All addresses for peers.
    fn all_addresses(&self) -> impl Iterator<Item = &ListenAddress>;

    /// Whether one of TCP has TLS.
    fn has_tls_at(&self, address: SocketAddr) -> bool;

    /// The addresses for operators.
    #[cfg(feature = "admin")]
    fn for_operators(&self) -> impl Iterator<Item = &ListenAddress>;
}

impl Listens for Host {
    fn all_addresses(&self) -> impl Iterator<Item = &ListenAddress> {
        self.addresses()
    }

    fn has_tls_at(&self, address: SocketAddr) -> bool {
        cfg!(feature = "tls") && self.tls_addresses().any(|own| own == address)
    }

    #[cfg(feature = "admin")]
    fn for_operators(&self) -> impl Iterator<Item = &ListenAddress> {
        self.admin_addresses()
    }
}

const TARGET: &str = "switchboard::server";

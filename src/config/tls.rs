//! `TlsConfig`: the values of the keys of TLS, and which of them contradict each other.

use std::path::PathBuf;

use crate::config::Config;
use crate::config::error::ConfigFault;
use crate::config::setting::{Setting, contradiction};
use crate::config::tls_words::{TlsClient, TlsRedirect};

/// What the configuration says of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// The port of TLS on all addresses; with 0 the system chooses. `None`: there are no such
    /// listeners.
    pub port: Option<u16>,
    /// The files of certificates, each followed by those of its issuers.
    pub certificates: Vec<PathBuf>,
    /// The files of their keys, in the same order. If the list is empty, the keys are in the files
    /// of the certificates.
    pub keys: Vec<PathBuf>,
    /// The file of the authorities that issue certificates of clients. `None`: clients are not
    /// asked for one.
    pub client_ca: Option<PathBuf>,
    /// Whether clients have to show a certificate, if there are authorities.
    pub client: TlsClient,
    /// What plain requests get.
    pub redirect: TlsRedirect,
}

/// Adds a fault for each pair of keys that contradict each other. Of `settings`, the first of a key
/// counts.
pub(super) fn check_tls<'a>(
    config: &Config,
    settings: impl Iterator<Item = &'a Setting> + Clone,
    faults: &mut Vec<ConfigFault>,
) {
    let TlsConfig { port, certificates, keys, client_ca, client, redirect } = &config.tls;
    let rows = [
        (
            port.is_some() && certificates.is_empty(),
            ["tls-port", "tls-certificate"],
            "name the file of a certificate, or leave tls-port out",
        ),
        (
            !keys.is_empty() && keys.len() != certificates.len(),
            ["tls-key", "tls-certificate"],
            "name one key for each certificate, in the same order, or none if each is in the file \
             of its certificate",
        ),
        (
            client_ca.is_some() && certificates.is_empty(),
            ["tls-client-ca", "tls-certificate"],
            "without a certificate of the server there is no TLS",
        ),
        (
            *client == TlsClient::Ask && client_ca.is_none(),
            ["tls-client", "tls-client-ca"],
            "name the file of the authorities that issue certificates of clients",
        ),
        (
            *redirect == TlsRedirect::Yes && port.is_none(),
            ["tls-redirect", "tls-port"],
            "without tls-port there is nothing to redirect to",
        ),
        (
            port.is_some_and(|port| port != 0 && config.port == Some(port)),
            ["tls-port", "port"],
            "the two listen on the same hosts: choose another port, or port: none",
        ),
    ];
    for (_, names, cure) in rows.into_iter().filter(|(is_wrong, ..)| *is_wrong) {
        faults.extend(contradiction(names, cure, settings.clone()));
    }
}

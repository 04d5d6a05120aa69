//! The certificates that the configuration names: for a start, for `--check-config` and for SIGHUP.

use std::path::PathBuf;

use switchboard::Server;
use switchboard::config::{Config, TlsClient, TlsConfig, TlsRedirect};
#[cfg(feature = "processes")]
use switchboard::tls::TicketSecret;
use switchboard::tls::{CertificateFiles, ClientCertificates, Tls, TlsError, TlsFiles, TlsRenewal};

/// Sets the certificates of the configuration, and the redirect to TLS. Also returns the
/// certificates, which a reload renews.
///
/// # Errors
/// They cannot be used, and why.
pub(crate) fn with_tls(server: Server, config: &Config) -> Result<(Server, Option<Tls>), String> {
    Ok(secured(server, config, certificates(config)?))
}

/// The same. With a secret, all processes that have it can read the tickets.
///
/// # Errors
/// As for [`with_tls`].
#[cfg(feature = "processes")]
pub(crate) fn with_tickets(
    server: Server,
    config: &Config,
    secret: Option<TicketSecret>,
) -> Result<(Server, Option<Tls>), String> {
    let Some(secret) = secret else { return with_tls(server, config) };
    let load = |files: TlsFiles| Tls::load_sharing(&files, secret);
    let tls = files(&config.tls).map(load).transpose().map_err(|error| name_keys(&error))?;
    Ok(secured(server, config, tls))
}

fn secured(mut server: Server, config: &Config, tls: Option<Tls>) -> (Server, Option<Tls>) {
    if let Some(tls) = &tls {
        report(&tls.notes(), &tls.warnings());
        server.tls(tls.clone());
    }
    redirect(&mut server, config);
    (server, tls)
}

/// Sets the redirect to TLS.
pub(crate) fn redirect(server: &mut Server, config: &Config) {
    if config.tls.redirect == TlsRedirect::Yes {
        server.redirect_to_tls();
    }
}

/// Reads the certificates that a configuration names, if any.
///
/// # Errors
/// They cannot be used, and why.
pub(crate) fn certificates(config: &Config) -> Result<Option<Tls>, String> {
    files(&config.tls).map(|files| Tls::load(&files)).transpose().map_err(|error| name_keys(&error))
}

/// Reads the certificates again. Returns them if TLS is `in_use`.
///
/// # Errors
/// They cannot be used, or there are none any more.
pub(crate) fn prepare(in_use: Option<&Tls>, config: &Config) -> Result<Option<TlsRenewal>, String> {
    match (in_use, files(&config.tls)) {
        (None, None) => Ok(None),
        // They are read for their faults: TLS begins with a restart.
        (None, Some(_)) => certificates(config).map(|_| None),
        (Some(_), None) => Err("tls-certificate is none, and TLS is in use: name the files, or \
                                start the server again"
            .to_owned()),
        (Some(tls), Some(files)) => {
            tls.prepare(&files).map(Some).map_err(|error| name_keys(&error))
        }
    }
}

/// Logs what an operator should know of certificates.
pub(crate) fn report(notes: &[String], warnings: &[String]) {
    notes.iter().for_each(|text| log::info!(target: TARGET, "{text}"));
    warnings.iter().for_each(|text| log::warn!(target: TARGET, "{text}"));
}

fn name_keys(error: &TlsError) -> String {
    format!("{error} (tls-certificate, tls-key, tls-client-ca)")
}

/// The files of certificates that a configuration names, if any.
fn files(config: &TlsConfig) -> Option<TlsFiles> {
    let TlsConfig { certificates, keys, client_ca, client, .. } = config;
    let keys = if keys.is_empty() { certificates } else { keys };
    let pairs = certificates.iter().zip(keys);
    let pair = |(chain, key): (&PathBuf, &PathBuf)| CertificateFiles {
        chain: chain.clone(),
        key: key.clone(),
    };
    (!certificates.is_empty()).then(|| TlsFiles {
        certificates: pairs.map(pair).collect(),
        client_authorities: client_ca.clone(),
        clients: match client {
            TlsClient::Require => ClientCertificates::Required,
            TlsClient::Ask => ClientCertificates::Asked,
        },
    })
}

const TARGET: &str = "switchboard::config";

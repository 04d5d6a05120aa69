//! `Tls`: the certificates that a server uses. It reads them from files, and replaces them while
//! the server runs.

use std::sync::{Arc, Mutex, PoisonError};

use crate::net::tls::certificates::{self, Report, TlsError};
use crate::net::tls::channel::{ChannelConfig, Tickets};
use crate::net::tls::files::TlsFiles;
#[cfg(feature = "processes")]
use crate::net::tls::shared_tickets::TicketSecret;

/// The certificates in use. All clones share them: while a host uses one clone, another one renews
/// them, from any thread.
///
/// TLS 1.2 and 1.3 are served, with the cipher suites of rustls, and `http/1.1` as the only
/// protocol (ALPN). Clients resume sessions by tickets, whose keys are never stored. With
/// authorities of clients there are no tickets, so that each connection shows a certificate that is
/// valid.
///
/// ```no_run
/// use switchboard::tls::{CertificateFiles, Tls, TlsFiles};
/// use switchboard::{Limits, Server};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let of = |chain: &str, key: &str| CertificateFiles { chain: chain.into(), key: key.into() };
/// let files = TlsFiles { certificates: vec![of("chain.pem", "key.pem")], ..TlsFiles::default() };
/// let tls = Tls::load(&files)?;
/// let mut server = Server::new(Limits::SERVER);
/// server.listen_tls(&["0.0.0.0:12443".parse()?]).tls(tls.clone());
/// let host = server.listen()?;
/// // Later, when the files have changed:
/// tls.renew(&files)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Tls {
    current: Arc<Mutex<Current>>,
    tickets: Tickets,
}

/// Certificates that have been read, and are not in use yet.
#[derive(Debug)]
#[must_use = "without `apply` nothing changes"]
pub struct TlsRenewal {
    current: Arc<Mutex<Current>>,
    new: Current,
}

impl TlsRenewal {
    /// What an operator should know of them, as [`Tls::notes`] has it.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.new.report.notes
    }

    /// The warnings about them for an operator, as [`Tls::warnings`] has them.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.new.report.warnings
    }

    /// Puts them in use: new connections use them, and open ones stay as they are.
    pub fn apply(self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = self.new;
    }
}

#[derive(Debug)]
struct Current {
    config: ChannelConfig,
    report: Report,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// A file cannot be read or contains something else, there is no certificate, or a key has a
    /// passphrase or is that of another certificate. The text names the file. Or the system has no
    /// random numbers.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let tickets = Tickets::new().map_err(TlsError::system)?;
        let current = Arc::new(Mutex::new(read(files, &tickets)?));
        Ok(Self { current, tickets })
    }

    /// The same, with tickets that each process can read that has this secret.
    ///
    /// # Errors
    /// As for [`Tls::load`].
    #[cfg(feature = "processes")]
    #[doc(hidden)]
    pub fn load_sharing(files: &TlsFiles, secret: TicketSecret) -> Result<Self, TlsError> {
        let tickets = secret.tickets();
        let current = Arc::new(Mutex::new(read(files, &tickets)?));
        Ok(Self { current, tickets })
    }

    /// Reads the files and puts their certificates in use: new connections use them, and open ones
    /// stay as they are.
    ///
    /// # Errors
    /// As for [`Tls::load`]. Then nothing has changed.
    pub fn renew(&self, files: &TlsFiles) -> Result<(), TlsError> {
        self.prepare(files).map(TlsRenewal::apply)
    }

    /// Reads the files. Nothing changes before [`TlsRenewal::apply`].
    ///
    /// # Errors
    /// As for [`Tls::load`].
    pub fn prepare(&self, files: &TlsFiles) -> Result<TlsRenewal, TlsError> {
        let new = read(files, &self.tickets)?;
        Ok(TlsRenewal { current: self.current.clone(), new })
    }

    /// A line for each certificate with its names and its end, and one for the authorities of
    /// clients.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).report.notes.clone()
    }

    /// The warnings about the files for an operator, one line each: a key that others may read or
    /// write, and a certificate that is not valid, or expires within 14 days.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).report.warnings.clone()
    }

    pub(super) fn config(&self) -> ChannelConfig {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).config.clone()
    }
}

fn read(files: &TlsFiles, tickets: &Tickets) -> Result<Current, TlsError> {
    let mut report = Report::default();
    let identities = certificates::read_all(&files.certificates, &mut report)?;
    let authorities = match &files.client_authorities {
        None => None,
        Some(file) => Some(certificates::read_authorities(file, files.clients, &mut report)?),
    };
    let config = ChannelConfig::new(identities, authorities, tickets);
    let config = config.map_err(|text| match &files.client_authorities {
        Some(file) => TlsError::in_file(file, &text),
        None => TlsError::system(text),
    })?;
    Ok(Current { config, report })
}

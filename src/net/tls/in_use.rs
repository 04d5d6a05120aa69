//! `Tls`: the certificates that a server uses. They are read from files, and replaced while the
//! server runs.

use std::sync::{Arc, Mutex, PoisonError};

use crate::net::tls::certificates::{self, TlsError};
use crate::net::tls::channel::{ChannelConfig, Tickets};
use crate::net::tls::files::TlsFiles;
use crate::net::tls::identity::Authorities;

/// The certificates in use. A clone is a handle to the same ones: it renews them, from any thread,
/// while a host uses them.
///
/// TLS 1.2 and 1.3 are served, with the cipher suites of rustls, and `http/1.1` as the only
/// protocol (ALPN). Clients resume sessions by tickets, whose keys are never stored. A renewal that
/// changes the authorities of clients makes older tickets void.
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
}

/// Certificates that have been read, and are not in use yet.
#[derive(Debug)]
#[must_use = "without `apply` nothing changes"]
pub struct TlsRenewal {
    current: Arc<Mutex<Current>>,
    new: Current,
}

impl TlsRenewal {
    /// What an operator should know of them, as [`Tls::warnings`] says of those in use.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.new.warnings
    }

    /// Connections that come from now on use them; those that are there keep what they have.
    pub fn apply(self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = self.new;
    }
}

#[derive(Debug)]
struct Current {
    config: ChannelConfig,
    tickets: Tickets,
    /// Which clients may resume a session.
    authorities: Option<Authorities>,
    warnings: Vec<String>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// A file cannot be read or has something else in it, or a key is that of another certificate,
    /// or has a passphrase. The text names the file.
    pub fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self { current: Arc::new(Mutex::new(read(files, None)?)) })
    }

    /// Reads the files again. Connections that come from now on use them; those that are there keep
    /// what they have.
    ///
    /// # Errors
    /// As for [`Tls::load`]. Then nothing has changed.
    pub fn renew(&self, files: &TlsFiles) -> Result<(), TlsError> {
        self.prepare(files).map(TlsRenewal::apply)
    }

    /// Reads the files again, and changes nothing yet.
    ///
    /// # Errors
    /// As for [`Tls::load`].
    pub fn prepare(&self, files: &TlsFiles) -> Result<TlsRenewal, TlsError> {
        let before = {
            let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            (current.tickets.clone(), current.authorities.clone())
        };
        let new = read(files, Some(before))?;
        Ok(TlsRenewal { current: self.current.clone(), new })
    }

    /// What an operator should know of the files, a line for each: a key that others may read, a
    /// certificate that is not valid, or for 14 days at most.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).warnings.clone()
    }

    pub(super) fn config(&self) -> ChannelConfig {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).config.clone()
    }
}

/// Reads the files. Clients with tickets of the time `before` may go on with them.
fn read(
    files: &TlsFiles,
    before: Option<(Tickets, Option<Authorities>)>,
) -> Result<Current, TlsError> {
    let (identities, mut warnings) = certificates::read_all(&files.certificates)?;
    let authorities = match &files.client_authorities {
        None => None,
        Some(file) => Some(certificates::read_authorities(file, files.clients, &mut warnings)?),
    };
    // The certificate of a client is not checked again when it resumes a session: a ticket is as
    // good as the authorities of its time.
    let before = before.filter(|(_, known)| *known == authorities);
    let tickets = match before {
        Some((tickets, _)) => tickets,
        None => Tickets::new().map_err(TlsError::system)?,
    };
    let config = ChannelConfig::new(identities, authorities.clone(), &tickets);
    let config = config.map_err(|text| match &files.client_authorities {
        Some(file) => TlsError::in_file(file, &text),
        None => TlsError::system(text),
    })?;
    Ok(Current { config, tickets, authorities, warnings })
}

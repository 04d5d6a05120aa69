//! `TlsConnector`: TLS to a server of PostgreSQL, whose certificate is verified.

use std::fs;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use postgres::Socket;
use postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client;

use crate::database::JobResult;
use crate::database::postgres::options::Trust;

/// Makes the TLS of each connection.
#[derive(Clone)]
pub(super) struct TlsConnector(Arc<ClientConfig>);

impl TlsConnector {
    /// Reads the authorities.
    pub(super) fn new(trust: &Trust) -> JobResult<Self> {
        let roots = match trust {
            Trust::System => system_roots()?,
            Trust::File(file) => roots_of(file).map_err(|why| in_file(file, &why))?,
        };
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions()?;
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}

fn roots_of(file: &Path) -> Result<RootCertStore, String> {
    let bytes = fs::read(file).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("has no certificate in PEM (-----BEGIN CERTIFICATE-----)".to_owned());
    }
    Ok(roots)
}

fn in_file(file: &Path, why: &str) -> String {
    format!("ca-file {}: {why}", file.display())
}

fn system_roots() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Some systems keep one that nobody can read.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(format!(
            "this system has no certificates of authorities{why}: install ca-certificates, or name \
             a file (ca-file)"
        ));
    }
    Ok(roots)
}

impl MakeTlsConnect<Socket> for TlsConnector {
    type Stream = SealedSocket;
    type TlsConnect = TlsHandshake;
    type Error = InvalidDnsNameError;

    fn make_tls_connect(&mut self, host: &str) -> Result<TlsHandshake, InvalidDnsNameError> {
        let name = ServerName::try_from(host)?.to_owned();
        Ok(TlsHandshake { config: Arc::clone(&self.0), name })
    }
}

/// What connects one socket.
pub(super) struct TlsHandshake {
    config: Arc<ClientConfig>,
    /// What the certificate has to name.
    name: ServerName<'static>,
}

impl TlsConnect<Socket> for TlsHandshake {
    type Stream = SealedSocket;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<SealedSocket>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        let handshake = tokio_rustls::TlsConnector::from(self.config).connect(self.name, socket);
        Box::pin(async { handshake.await.map(SealedSocket) })
    }
}

/// A connection with TLS.
pub(super) struct SealedSocket(client::TlsStream<Socket>);

impl TlsStream for SealedSocket {
    /// The certificate is verified, so a password is bound to the server without it.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for SealedSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, bytes)
    }
}

impl AsyncWrite for SealedSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

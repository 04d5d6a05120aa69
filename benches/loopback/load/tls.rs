//! TLS of the client's side, by rustls. It offers what browsers agree on with any server: TLS 1.3,
//! AES-128, X25519. So all servers are measured with the same ciphers. It resumes no session, and
//! does not check certificates, since that is the client's work.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, version,
};

use super::wire::Received;

/// What all connections share.
#[derive(Clone)]
pub struct Tls(Arc<ClientConfig>);

/// One connection.
pub struct Sealed(ClientConnection);

impl Tls {
    /// The configuration.
    ///
    /// # Errors
    /// rustls refuses it.
    pub fn new() -> Result<Self, String> {
        let provider = CryptoProvider {
            cipher_suites: vec![ring::cipher_suite::TLS13_AES_128_GCM_SHA256],
            kx_groups: vec![ring::kx_group::X25519],
            ..ring::default_provider()
        };
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&version::TLS13])
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Trusting))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

impl Sealed {
    /// A connection before its first byte.
    pub fn new(Tls(config): &Tls) -> Result<Self, String> {
        let name = ServerName::try_from("localhost").expect("it is a name");
        let client = ClientConnection::new(config.clone(), name);
        client.map(Self).map_err(|error| error.to_string())
    }

    /// Sends bytes, all behind those that TLS has.
    pub fn send(&mut self, socket: &OwnedFd, bytes: &[u8]) -> Result<usize, Errno> {
        if !self.flush(socket)? && !self.0.is_handshaking() {
            return Err(Errno::AGAIN);
        }
        let len = self.0.writer().write(bytes).expect("memory takes bytes");
        self.flush(socket)?;
        if len == 0 { Err(Errno::AGAIN) } else { Ok(len) }
    }

    /// Sends what TLS has. Returns whether all of it has left.
    pub fn flush(&mut self, socket: &OwnedFd) -> Result<bool, Errno> {
        while self.0.wants_write() {
            match self.0.write_tls(&mut Socket(socket)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
            }
        }
        Ok(true)
    }

    /// Reads once. Records come into the back of the buffer, and plain bytes into its front.
    pub fn receive(&mut self, socket: &OwnedFd, buffer: &mut [u8]) -> Result<Received, String> {
        let (plain, sealed) = buffer.split_at_mut(buffer.len() / 2);
        // What is decrypted has another record at most, which was not whole before.
        let sealed_max = plain.len() - RECORD_MAX;
        let sealed = &mut sealed[..sealed_max];
        let came = match recv(socket, &mut *sealed, RecvFlags::empty()) {
            Ok((0, _)) => return Ok(Received::End),
            Ok((len, _)) => len,
            Err(Errno::AGAIN) => return Ok(Received::Nothing),
            Err(error) => return Err(format!("reading failed: {error}")),
        };
        let mut records = &sealed[..came];
        let mut len = 0;
        while !records.is_empty() {
            let fault = |error| format!("TLS: {error}");
            self.0.read_tls(&mut records).map_err(fault)?;
            self.0.process_new_packets().map_err(|error| format!("TLS: {error}"))?;
            loop {
                match self.0.reader().read(&mut plain[len..]) {
                    Ok(0) => break,
                    Ok(more) => len += more,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(fault(error)),
                }
            }
        }
        self.flush(socket).map_err(|error| format!("writing failed: {error}"))?;
        Ok(Received::Bytes { len, is_short: came < sealed_max })
    }
}

/// Where records are written.
struct Socket<'a>(&'a OwnedFd);

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(self.0, bytes, SendFlags::NOSIGNAL)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes any certificate, and any signature.
#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// The longest record (RFC 8446, 5.2).
const RECORD_MAX: usize = 5 + 16 * 1024 + 256;

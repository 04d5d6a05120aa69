//! `Channel`: one TLS connection, from the records of the client to plain bytes and back, without
//! I/O. Only this file and the tests name rustls: another version of it is a change of this file.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring::{self, cipher_suite};
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert,
    UnbufferedServerConnection, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::unbuffered::{ConnectionState, UnbufferedStatus};
use rustls::{
    AlertDescription, Error, HandshakeKind, InvalidMessage, PeerIncompatible, PeerMisbehaved,
    ProtocolVersion, RootCertStore, ServerConfig, SupportedCipherSuite,
};

use crate::net::tls::files::ClientCertificates;
use crate::net::tls::identity::{Authorities, Identity, KeyFault};
use crate::net::tls::names::{dns_names, matches_name};
use crate::net::tls::records::Records;
use crate::net::tls::seam::{ChannelState, Decrypted, RecordChannel};
use crate::service::{ClientCertificate, TlsInfo, TlsVersion};

/// What new connections of a server share until a renewal: certificates, keys and rules.
#[derive(Clone, Debug)]
pub(super) struct ChannelConfig {
    rustls: Arc<ServerConfig>,
}

/// Encrypts the tickets with which clients resume sessions. It outlives a [`ChannelConfig`].
#[derive(Clone, Debug)]
pub(super) struct Tickets(pub(super) Arc<dyn ProducesTickets>);

impl Tickets {
    /// Makes the keys. rustls replaces them from time to time.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn new() -> Result<Self, String> {
        ring::Ticketer::new().map(Self).map_err(|error| error.to_string())
    }
}

impl ChannelConfig {
    /// The rules for TLS 1.2 and 1.3, with the cipher suites of rustls.
    ///
    /// # Errors
    /// An authority cannot be used, and why.
    pub(super) fn new(
        identities: Vec<CertifiedIdentity>,
        authorities: Option<Authorities>,
        tickets: &Tickets,
    ) -> Result<Self, String> {
        let provider = Arc::new(ring::default_provider());
        let resolver = Arc::new(NameResolver { identities });
        // A session that is resumed does not check the client's certificate.
        let issues_tickets = authorities.is_none();
        let verifier = match authorities {
            None => WebPkiClientVerifier::no_client_auth(),
            Some(authorities) => verifier(authorities, &provider)?,
        };
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().map_err(text)?;
        let builder = builder.with_client_cert_verifier(verifier);
        let mut rustls = builder.with_cert_resolver(resolver);
        // A client that offers only h2 gets the alert of RFC 7301, 3.2.
        rustls.alpn_protocols = vec![b"http/1.1".to_vec()];
        // RFC 8446, 4.6.1: one is enough, since a client that resumes gets the next.
        rustls.send_tls13_tickets = usize::from(issues_tickets);
        if issues_tickets {
            rustls.ticketer = tickets.0.clone();
        }
        rustls.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Self { rustls: Arc::new(rustls) })
    }
}

fn text(error: Error) -> String {
    error.to_string()
}

fn verifier(
    authorities: Authorities,
    provider: &Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in authorities.certificates {
        roots.add(certificate).map_err(text)?;
    }
    let builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let builder = match authorities.clients {
        ClientCertificates::Required => builder,
        ClientCertificates::Asked => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|error| error.to_string())
}

/// An [`Identity`] whose key fits its certificate.
#[derive(Debug)]
pub(super) struct CertifiedIdentity {
    rustls: Arc<CertifiedKey>,
    names: Vec<String>,
}

impl CertifiedIdentity {
    /// Checks that the key fits the certificate.
    ///
    /// # Errors
    /// It does not fit, or one of them cannot be used.
    pub(super) fn new(identity: Identity) -> Result<Self, KeyFault> {
        let key = ring::sign::any_supported_type(&identity.key).map_err(|_| KeyFault::Kind)?;
        let names = identity.chain.first().map(dns_names).unwrap_or_default();
        let certified = CertifiedKey::new(identity.chain, key);
        match certified.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(Error::InconsistentKeys(_)) => return Err(KeyFault::Other),
            Err(error) => return Err(KeyFault::Certificate(error.to_string())),
        }
        Ok(Self { rustls: Arc::new(certified), names })
    }
}

/// Chooses a certificate by the name that the client asks for.
#[derive(Debug)]
struct NameResolver {
    identities: Vec<CertifiedIdentity>,
}

thread_local! {
    /// The name that a client asks for, on its way from the resolver, to which alone rustls shows
    /// it, to the channel. Both are called within one call of rustls.
    static ASKED: Cell<Option<String>> = const { Cell::new(None) };
}

impl ResolvesServerCert for NameResolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name().map(str::to_ascii_lowercase);
        let fits = |identity: &&CertifiedIdentity, wildcards| {
            let asked = asked.as_deref().unwrap_or_default();
            identity.names.iter().any(|name| matches_name(name, asked, wildcards))
        };
        use crate::net::tls::names::Wildcards::{Ignored, Matched};
        let exact = self.identities.iter().find(|identity| fits(identity, Ignored));
        let by_wildcard = || self.identities.iter().find(|identity| fits(identity, Matched));
        let chosen = exact.or_else(by_wildcard).or(self.identities.first())?;
        ASKED.set(asked);
        Some(chosen.rustls.clone())
    }
}

/// One connection.
pub struct Channel {
    rustls: UnbufferedServerConnection,
    /// What the handshake has shown, until [`RecordChannel::take_info`] takes it.
    opening: Option<Box<Opening>>,
}

/// What a handshake has shown so far.
struct Opening {
    server_name: Option<String>,
    /// Whether the answer that needs a signature has not been made.
    is_new: bool,
    /// Whether the client was asked for its first message again.
    has_retried: bool,
}

impl Channel {
    /// A connection, before its first byte.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn new(config: &ChannelConfig) -> Result<Self, String> {
        let rustls = UnbufferedServerConnection::new(config.rustls.clone()).map_err(text)?;
        let opening = Opening { server_name: None, is_new: true, has_retried: false };
        Ok(Self { rustls, opening: Some(Box::new(opening)) })
    }

    /// Adds to `out` the records that rustls has queued, and behind them those that `write` makes.
    ///
    /// # Errors
    /// The handshake is not over, the connection has failed, or its keys are used up.
    fn when_open(
        &mut self,
        rest: &mut [u8],
        out: &mut Records,
        write: impl FnOnce(&mut WriteTraffic<'_>, &mut [u8]) -> Option<usize>,
    ) -> Result<(), &'static str> {
        if !self.is_open() {
            return Err("TLS: the handshake was not over");
        }
        loop {
            match self.rustls.process_tls_records(rest).state {
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    out.append(Self::RECORDS_MAX, |space| data.encode(space).ok());
                }
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    return out
                        .append(Self::RECORDS_MAX, |space| write(&mut traffic, space))
                        .then_some(())
                        .ok_or("TLS: the keys of the connection are used up");
                }
                // The client has ended its half. Ours stays open, so the next state follows.
                Ok(ConnectionState::PeerClosed) => {}
                Ok(_) => return Err("TLS: nothing can be sent"),
                Err(error) => return Err(reason(&error)),
            }
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").finish_non_exhaustive()
    }
}

impl RecordChannel for Channel {
    fn is_new(&self) -> bool {
        self.opening.as_ref().is_some_and(|opening| opening.is_new)
    }

    fn is_open(&self) -> bool {
        !self.rustls.is_handshaking()
    }

    fn decrypt(&mut self, input: &mut [u8], output: &mut [u8], reply: &mut Records) -> Decrypted {
        let mut done = Decrypted { used: 0, plain: 0, records: 0, state: ChannelState::Handshake };
        let mut failure = None;
        loop {
            let rest = &mut input[done.used..];
            let UnbufferedStatus { mut discard, state } = self.rustls.process_tls_records(rest);
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        done.records += 1;
                        discard += record.discard;
                        let end = done.plain + record.payload.len();
                        let Some(space) = output.get_mut(done.plain..end) else {
                            failure = Some("TLS: more bytes came than were asked for");
                            break;
                        };
                        space.copy_from_slice(record.payload);
                        done.plain = end;
                    }
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    done.records += 1;
                    reply.append(Self::RECORDS_MAX, |space| data.encode(space).ok());
                    // Asked again, rustls would find the fault again, and panic in a debug build.
                    if failure.is_some() && reply.ends_with_alert() {
                        break;
                    }
                }
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed | ConnectionState::Closed) => {
                    done.state = ChannelState::Ended;
                    break;
                }
                Ok(_) => {
                    done.state = match self.is_open() {
                        true => ChannelState::Open,
                        false => ChannelState::Handshake,
                    };
                    done.used += discard;
                    break;
                }
                // The next calls return the alert for the client, and then the same error.
                Err(error) if failure.is_none() => failure = Some(reason(&error)),
                Err(_) => break,
            }
            done.used += discard;
        }
        if let Some(reason) = failure {
            done.state = ChannelState::Failed(reason);
        }
        let retries =
            self.rustls.handshake_kind() == Some(HandshakeKind::FullWithHelloRetryRequest);
        if let Some(opening) = &mut self.opening {
            if !reply.bytes().is_empty() {
                // RFC 8446, 4.1.4: the first message comes again, and costs a signature then.
                opening.is_new = retries && !opening.has_retried;
                opening.has_retried = retries;
            }
            if let Some(name) = ASKED.take() {
                opening.server_name = Some(name);
            }
        }
        done
    }

    fn encrypt(
        &mut self,
        plain: &[u8],
        rest: &mut [u8],
        out: &mut Records,
    ) -> Result<(), &'static str> {
        self.when_open(rest, out, |traffic, space| traffic.encrypt(plain, space).ok())
    }

    fn close(&mut self, rest: &mut [u8], out: &mut Records) {
        // Without a handshake, there is nothing to end.
        let _ = self.when_open(rest, out, |traffic, space| traffic.queue_close_notify(space).ok());
    }

    fn take_info(&mut self) -> TlsInfo {
        let version = match self.rustls.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => TlsVersion::Tls12,
            _ => TlsVersion::Tls13,
        };
        let leaf = self.rustls.peer_certificates().and_then(<[_]>::first);
        let certificate =
            leaf.map(|leaf| ClientCertificate { sha256: sha256(leaf), dns_names: dns_names(leaf) });
        let server_name = self.opening.take().and_then(|opening| opening.server_name);
        let is_resumed = self.rustls.handshake_kind() == Some(HandshakeKind::Resumed);
        TlsInfo { version, server_name, certificate, is_resumed }
    }
}

type WriteTraffic<'c> = rustls::unbuffered::WriteTraffic<'c, rustls::server::ServerConnectionData>;

/// The SHA-256 hash of a certificate, by the suite that has it.
fn sha256(certificate: &CertificateDer<'_>) -> [u8; 32] {
    let SupportedCipherSuite::Tls13(suite) = cipher_suite::TLS13_AES_128_GCM_SHA256 else {
        unreachable!("it is a suite of TLS 1.3");
    };
    let hash = suite.common.hash_provider.hash(certificate);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.as_ref());
    bytes
}

/// The reason of a failure, for the log.
fn reason(error: &Error) -> &'static str {
    match error {
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge,
        ) => NOT_TLS,
        Error::InvalidMessage(_) => "TLS: a message of the client is malformed",
        Error::NoApplicationProtocol => {
            "TLS: the client offers no protocol that is served (ALPN); allowed is http/1.1"
        }
        Error::NoCertificatesPresented => {
            "TLS: the client shows no certificate (tls-client: require)"
        }
        Error::InvalidCertificate(_) => {
            "TLS: the certificate of the client is not valid (tls-client-ca)"
        }
        Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon) => {
            "TLS: the client has no cipher suite in common with the server"
        }
        Error::PeerIncompatible(
            PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::SupportedVersionsExtensionRequired
            // RFC 5246, 7.4.1.4.1: earlier versions lack it, and rustls looks for it first.
            | PeerIncompatible::SignatureAlgorithmsExtensionRequired,
        ) => "TLS: the client has only versions before 1.2",
        Error::PeerIncompatible(_) => "TLS: the client lacks what the server needs",
        Error::PeerMisbehaved(PeerMisbehaved::TooManyKeyUpdateRequests) => {
            "TLS: the client asks for too many new keys"
        }
        Error::PeerMisbehaved(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. } => "TLS: the client breaks the protocol",
        Error::DecryptError => "TLS: a record of the client cannot be decrypted",
        Error::PeerSentOversizedRecord => "TLS: a record of the client is too long",
        Error::AlertReceived(alert) => alerted(*alert),
        _ => "TLS: the connection failed",
    }
}

/// The reason of a failure that an alert of the client reports, for the log.
const fn alerted(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::UnknownCA => {
            "TLS: the client does not trust the certificate of the server (alert unknown_ca)"
        }
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate => {
            "TLS: the client refuses the certificate of the server (alert bad_certificate)"
        }
        AlertDescription::CertificateExpired => {
            "TLS: for the client the certificate has expired (alert certificate_expired)"
        }
        AlertDescription::UserCanceled => "TLS: the client gave up (alert user_canceled)",
        _ => "TLS: the client ended the connection with an alert",
    }
}

const NOT_TLS: &str = "TLS: what came is no TLS; the listener of tls-port takes nothing else";

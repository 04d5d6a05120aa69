//! A client that makes its records itself, with the keys of a handshake by rustls: it can send what
//! no library does.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustls::crypto::cipher::{
    InboundOpaqueMessage, MessageDecrypter, MessageEncrypter, OutboundChunks, OutboundPlainMessage,
};
use rustls::crypto::ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256;
use rustls::{
    ClientConfig, ConnectionTrafficSecrets, ContentType, ProtocolVersion, SupportedCipherSuite,
};

use crate::support::Raw;

/// An open socket of such a client, over TLS 1.3.
pub(crate) struct Forger {
    stream: TcpStream,
    encrypter: Box<dyn MessageEncrypter>,
    sent: u64,
    decrypter: Box<dyn MessageDecrypter>,
    received: u64,
    /// Plain bytes that were not used yet.
    ahead: Vec<u8>,
}

/// A client whose keys can be used: see [`Forger::new`].
pub(crate) fn config() -> ClientConfig {
    let mut provider = rustls::crypto::ring::default_provider();
    // Its keys are as long as those that can be imported.
    provider.cipher_suites = vec![TLS13_CHACHA20_POLY1305_SHA256];
    let builder = ClientConfig::builder_with_provider(provider.into());
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).expect("it has one");
    let roots = crate::support::tls::roots();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    config.enable_secret_extraction = true;
    config
}

impl Forger {
    /// Takes a socket over, all of whose bytes have been read.
    pub(crate) fn new(raw: Raw) -> Self {
        let (stream, connection) = raw.into_parts();
        let secrets = connection.dangerous_extract_secrets().expect("it is allowed");
        let SupportedCipherSuite::Tls13(suite) = TLS13_CHACHA20_POLY1305_SHA256 else {
            panic!("it is of 1.3");
        };
        let of = |secrets| match secrets {
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (key, iv),
            _ => panic!("it is the only suite"),
        };
        let (sent, (key, iv)) = (secrets.tx.0, of(secrets.tx.1));
        let encrypter = suite.aead_alg.encrypter(key, iv);
        let (received, (key, iv)) = (secrets.rx.0, of(secrets.rx.1));
        let decrypter = suite.aead_alg.decrypter(key, iv);
        Self { stream, encrypter, sent, decrypter, received, ahead: Vec::new() }
    }

    /// A record of this type.
    pub(crate) fn record(&mut self, typ: ContentType, payload: &[u8]) -> Vec<u8> {
        let payload = OutboundChunks::Single(payload);
        let message = OutboundPlainMessage { typ, version: ProtocolVersion::TLSv1_2, payload };
        let record = self.encrypter.encrypt(message, self.sent).expect("it is short");
        self.sent += 1;
        record.encode()
    }

    /// A record of data.
    pub(crate) fn data(&mut self, payload: &[u8]) -> Vec<u8> {
        self.record(ContentType::ApplicationData, payload)
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server takes the bytes");
    }

    /// Reads so many plain bytes. What is not data is left out.
    pub(crate) fn read(&mut self, len: usize) -> Vec<u8> {
        while self.ahead.len() < len {
            let (typ, payload) = self.read_record().expect("it comes before the end");
            if typ == ContentType::ApplicationData {
                self.ahead.extend(payload);
            }
        }
        let rest = self.ahead.split_off(len);
        std::mem::replace(&mut self.ahead, rest)
    }

    /// Reads the next record; `None` at the end of the connection.
    pub(crate) fn read_record(&mut self) -> Option<(ContentType, Vec<u8>)> {
        let mut header = [0; 5];
        self.stream.read_exact(&mut header).ok()?;
        let mut payload = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
        self.stream.read_exact(&mut payload).ok()?;
        let version = ProtocolVersion::TLSv1_2;
        let message =
            InboundOpaqueMessage::new(ContentType::from(header[0]), version, &mut payload);
        let plain = self.decrypter.decrypt(message, self.received).expect("it is of the server");
        self.received += 1;
        Some((plain.typ, plain.payload.to_vec()))
    }

    /// The alert that comes before the end: its number (RFC 8446, 6).
    pub(crate) fn read_alert(&mut self) -> u8 {
        loop {
            let (typ, payload) = self.read_record().expect("an alert comes before the end");
            if typ == ContentType::Alert {
                return payload[1];
            }
        }
    }

    /// The address of this end.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.stream.local_addr().expect("it has one")
    }

    /// Ends the half of the client.
    pub(crate) fn end(&self) {
        self.stream.shutdown(std::net::Shutdown::Write).expect("it stands");
    }
}

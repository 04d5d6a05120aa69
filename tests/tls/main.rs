//! TLS over real sockets: a host in this process, and clients by rustls. Certificates are made by
//! openssl.
#![cfg(feature = "tls")]

mod clients;
mod counted;
mod forger;
mod handshakes;
mod hostile;
mod limits;
mod plain;
mod proxied;
mod records;
#[path = "../support/mod.rs"]
mod support;
mod traffic;

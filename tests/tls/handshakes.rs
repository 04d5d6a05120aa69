//! Handshakes: which certificate is used, protocols (ALPN), and sessions that are resumed.

use std::fs;
use std::sync::Arc;

use log::LevelFilter;
use rustls::client::{ClientSessionMemoryCache, Resumption};
use rustls::{ClientConfig, HandshakeKind};
use switchboard::tls::{ClientCertificates, Tls, TlsFiles};
use switchboard::{Server, Thread};

use crate::support::folder::folder;
use crate::support::logged::{keep, line_with};
use crate::support::services::mount_echo;
use crate::support::tls::{
    VERSIONS, certificates, chain_of, client, client_with, files, files_for_clients, files_of,
    issue, open, secure, start, tls,
};
use crate::support::{LIMITS, Raw, Running, server_on};

fn echo() -> Server {
    let mut server = server_on(Thread::Own, LIMITS);
    mount_echo(&mut server, "/echo");
    server
}

/// The name of the certificate that the server has shown.
fn shown(raw: &mut Raw, names: &[&'static str]) -> &'static str {
    let leaf = raw.tls().rustls().peer_certificates().expect("the server shows one")[0].clone();
    names.iter().find(|name| chain_of(name)[0] == leaf).expect("it is one of these")
}

#[test]
fn the_name_that_is_asked_for_chooses_the_certificate() {
    let names = ["first", "second", "wild", "exact"];
    let server = start(echo(), &tls(&names));
    for (asked, expected) in [
        ("first.example", Ok("first")),
        ("second.example", Ok("second")),
        ("SECOND.example", Ok("second")),
        ("one.wild.example", Ok("exact")),
        ("two.wild.example", Ok("wild")),
        // An address is no name of SNI (RFC 6066, 3).
        ("127.0.0.1", Ok("first")),
        ("localhost", Ok("first")),
        // The first, which is not of this name: the client refuses it.
        ("wild.example", Err("invalid peer certificate")),
        ("a.b.wild.example", Err("invalid peer certificate")),
        ("unknown.example", Err("invalid peer certificate")),
    ] {
        for version in VERSIONS {
            let mut raw = server.raw();
            let result = raw.secure(client(&[version]), asked);
            match expected {
                Ok(name) => {
                    result.unwrap_or_else(|error| panic!("{asked}: {error}"));
                    assert_eq!(shown(&mut raw, &names), name, "{asked}");
                }
                Err(text) => assert!(result.expect_err(asked).contains(text), "{asked}"),
            }
        }
    }
}

#[test]
fn http_1_1_is_the_only_protocol() {
    let _alone = keep(LevelFilter::Info);
    let server = start(echo(), &tls(&["first"]));
    for version in VERSIONS {
        for (offered, chosen) in [
            (&["http/1.1"][..], Ok(Some("http/1.1"))),
            (&["h2", "http/1.1"], Ok(Some("http/1.1"))),
            (&[], Ok(None)),
            (&["h2"], Err("NoApplicationProtocol")),
            (&["h2", "http/1.0"], Err("NoApplicationProtocol")),
        ] {
            let mut config = client(&[version]);
            config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
            let mut raw = server.raw();
            let address = raw.stream().local_addr().expect("it has one");
            match (raw.secure(config, "first.example"), chosen) {
                (Ok(()), Ok(expected)) => {
                    let chosen = raw.tls().rustls().alpn_protocol();
                    assert_eq!(chosen, expected.map(str::as_bytes), "{offered:?}");
                }
                (Err(error), Err(expected)) => {
                    assert!(error.contains(expected), "{error}");
                    let line = line_with(&format!("peer={address}"));
                    assert!(line.text.contains("allowed is http/1.1"), "{line:?}");
                }
                (result, _) => panic!("{offered:?}: {result:?}"),
            }
        }
    }
}

#[test]
fn a_client_with_nothing_newer_than_1_1_is_told_so() {
    let _alone = keep(LevelFilter::Info);
    let server = start(echo(), &tls(&["first"]));
    let mut raw = server.raw();
    let address = raw.stream().local_addr().expect("it has one");
    // A ClientHello of TLS 1.1 (RFC 4346, 7.4.1.2).
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    let len = u8::try_from(hello.len()).expect("it is short");
    raw.send(&[&[22, 3, 1, 0, len + 4, 1, 0, 0, len][..], &hello].concat());
    // A fatal alert (RFC 8446, 6).
    assert_eq!(raw.read_to_end()[..6], [21, 3, 3, 0, 2, 2]);
    let line = line_with(&format!("peer={address}"));
    assert!(line.text.contains("only versions before 1.2"), "{line:?}");
}

/// A client that resumes sessions, with a memory of its own.
fn resuming(mut config: ClientConfig) -> ClientConfig {
    config.resumption = Resumption::store(Arc::new(ClientSessionMemoryCache::new(8)));
    config
}

/// How the handshake of a connection was made. It is used once, so that its ticket has come.
fn kind(server: &Running, config: &ClientConfig) -> HandshakeKind {
    let mut raw = open(server, config.clone(), "/echo");
    raw.send_text("word");
    assert_eq!(raw.read_text(), "word");
    raw.tls().rustls().handshake_kind().expect("it is over")
}

#[test]
fn sessions_are_resumed_also_after_a_renewal() {
    let names = ["first", "second"];
    let tls = tls(&names);
    let server = start(echo(), &tls);
    for version in VERSIONS {
        let config = resuming(client(&[version]));
        assert_eq!(kind(&server, &config), HandshakeKind::Full);
        assert_eq!(kind(&server, &config), HandshakeKind::Resumed);
        // A ticket resumes one session (RFC 8446, C.4), and the next comes with it.
        assert_eq!(kind(&server, &config), HandshakeKind::Resumed);
        tls.renew(&files(&["first", "wild"])).expect("they can be used");
        assert_eq!(kind(&server, &config), HandshakeKind::Resumed);
        tls.renew(&files(&names)).expect("they can be used");
        assert_eq!(kind(&server, &client(&[version])), HandshakeKind::Full);
    }
    // Tickets of another server are not accepted, and do no harm.
    let other = start(echo(), &crate::support::tls::tls(&names));
    for version in VERSIONS {
        let config = resuming(client(&[version]));
        kind(&server, &config);
        assert_eq!(kind(&other, &config), HandshakeKind::Full);
    }
}

/// rustls does not check it again when a session is resumed: it may have expired, or its authority
/// may be trusted no more.
#[test]
fn a_client_with_a_certificate_shows_it_each_time() {
    for version in VERSIONS {
        for clients in [ClientCertificates::Required, ClientCertificates::Asked] {
            let tls = Tls::load(&files_for_clients(&["first"], clients)).expect("they are right");
            let server = start(echo(), &tls);
            let config = resuming(client_with(version, "alice"));
            assert_eq!(kind(&server, &config), HandshakeKind::Full);
            assert_eq!(kind(&server, &config), HandshakeKind::Full);
        }
        // Sessions of the time without authorities are not resumed either.
        let tls = Tls::load(&files(&["first"])).expect("they are right");
        let server = start(echo(), &tls);
        let config = resuming(client(&[version]));
        assert_eq!(kind(&server, &config), HandshakeKind::Full);
        assert_eq!(kind(&server, &config), HandshakeKind::Resumed);
        let required = files_for_clients(&["first"], ClientCertificates::Required);
        tls.renew(&required).expect("they are right");
        assert!(is_refused(&server, config), "{:?}", version.version);
    }
}

/// Whether a client gets no answer. With 1.3 its own handshake may be over before it knows.
fn is_refused(server: &Running, config: ClientConfig) -> bool {
    let mut raw = server.raw();
    if raw.secure(config, "first.example").is_err() {
        return true;
    }
    raw.try_send(&crate::support::http::get("/nothing", ""));
    raw.try_read().is_err()
}

#[test]
fn a_renewal_is_for_connections_that_come_later() {
    let folder = folder("renewed");
    let copy = |from: &str| {
        for end in ["pem", "key"] {
            let source = certificates().join(format!("{from}.{end}"));
            fs::copy(source, folder.join(format!("own.{end}"))).expect("it can be copied");
        }
    };
    copy("first");
    let mut own = files(&["first"]);
    own.certificates[0].chain = folder.join("own.pem");
    own.certificates[0].key = folder.join("own.key");
    let tls = Tls::load(&own).expect("they can be used");
    let server = start(echo(), &tls);
    let mut old = open(&server, client(&VERSIONS), "/echo");
    // Half a handshake goes on with what it began with.
    let mut half = server.raw();
    let mut sealed = crate::support::tls::Sealed::new(client(&VERSIONS), "first.example");
    half.send(&sealed.records()[..10]);
    issue(certificates(), "renewed", "ca", "DNS:first.example", 90);
    copy("renewed");
    tls.renew(&own).expect("they can be used");
    let names = ["first", "renewed"];
    let mut new = secure(server.address(), client(&VERSIONS), "first.example");
    assert_eq!(shown(&mut new, &names), "renewed");
    old.send_text("still here");
    assert_eq!(old.read_text(), "still here");
    // An error changes nothing.
    fs::write(folder.join("own.pem"), "nothing").expect("it can be written");
    let error = tls.renew(&own).expect_err("that is no certificate").to_string();
    assert!(error.contains("own.pem"), "{error}");
    let wrong = TlsFiles { certificates: vec![files_of("second")], ..TlsFiles::default() };
    let mut wrong = wrong;
    wrong.certificates[0].key = files_of("first").key;
    let error = tls.renew(&wrong).expect_err("the key is another's").to_string();
    assert!(error.contains("first.key") && error.contains("second.pem"), "{error}");
    let mut new = secure(server.address(), client(&VERSIONS), "first.example");
    assert_eq!(shown(&mut new, &names), "renewed");
}

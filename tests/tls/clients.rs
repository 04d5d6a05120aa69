//! Certificates of clients, and what services and programs know of a connection.

use switchboard::service::TlsVersion;
use switchboard::tls::{ClientCertificates, Tls};
use switchboard::{Handler, Page, Peer, Request, Server, Thread, handler};

#[cfg(feature = "programs")]
use switchboard::programs::{Mode, ProgramOptions};

use crate::support::http::{get, upgrade};
use crate::support::tls::{
    VERSIONS, certificates, client, client_with, files_for_clients, openssl, secure, start, tls,
};
use crate::support::{LIMITS, Running, on_each_thread, server_on};

/// Tells each client what is known of it.
struct Who;

impl Handler for Who {
    fn open(&mut self, peer: &mut Peer, request: &Request) {
        let tls = request.peer().tls().expect("it has come over TLS");
        assert!(request.is_secure());
        assert_eq!(request.peer().address(), request.peer_address());
        let version = match tls.version {
            TlsVersion::Tls12 => "1.2",
            TlsVersion::Tls13 => "1.3",
            _ => "another",
        };
        let name = tls.server_name.as_deref().unwrap_or("no name");
        let certificate = match &tls.certificate {
            None => "no certificate".to_owned(),
            Some(shown) => format!("{} {}", shown.sha256_hex(), shown.dns_names.join(",")),
        };
        peer.send(format!("{version} {name} {certificate}"));
    }
}

fn who(server: &mut Server) {
    server.mount("/who", || handler(Who));
}

/// The hash of a certificate, by openssl.
fn sha256(name: &str) -> String {
    let file = format!("{name}.pem");
    let text =
        openssl(certificates(), &["x509", "-noout", "-fingerprint", "-sha256", "-in", &file]);
    let (_, hash) = text.trim().split_once('=').expect("it has a name");
    hash.replace(':', "").to_ascii_lowercase()
}

#[test]
fn a_service_knows_the_connection() {
    on_each_thread(|thread| {
        let mut server = server_on(thread, LIMITS);
        who(&mut server);
        let server = start(server, &tls(&["first"]));
        for (version, number) in VERSIONS.into_iter().zip(["1.2", "1.3"]) {
            for (asked, name) in [("FIRST.example", "first.example"), ("127.0.0.1", "no name")] {
                let mut raw = secure(server.address(), client(&[version]), asked);
                raw.upgrade("/who");
                assert_eq!(raw.read_text(), format!("{number} {name} no certificate"));
            }
        }
    });
}

/// The name and the certificate belong to a connection, whatever others do in between.
#[test]
fn handshakes_at_a_time_are_told_apart() {
    let mut server = server_on(Thread::Own, LIMITS);
    who(&mut server);
    let files = files_for_clients(&["first"], ClientCertificates::Asked);
    let server = start(server, &Tls::load(&files).expect("they can be used"));
    let names = ["first.example", "localhost", "127.0.0.1"];
    let mut halves: Vec<_> = names
        .iter()
        .map(|name| {
            let config = client_with(VERSIONS[1], "alice");
            (server.raw(), crate::support::tls::Sealed::new(config, name))
        })
        .collect();
    for (raw, sealed) in &mut halves {
        let hello = sealed.records();
        raw.send(&hello[..hello.len() - 1]);
        raw.send(&hello[hello.len() - 1..]);
    }
    for (raw, sealed) in halves.iter_mut().rev() {
        let mut stream = raw.stream().try_clone().expect("there is a descriptor");
        while sealed.rustls().is_handshaking() {
            assert!(sealed.read(&mut stream, &mut Vec::new()).expect("it goes on"));
        }
    }
    let hash = sha256("alice");
    for ((mut raw, mut sealed), name) in halves.into_iter().zip(names) {
        let records = [sealed.records(), sealed.seal(&upgrade("/who", ""))].concat();
        raw.send(&records);
        raw.resume(sealed);
        raw.read_101();
        let name = if name == "127.0.0.1" { "no name" } else { name };
        assert_eq!(raw.read_text(), format!("1.3 {name} {hash} alice.example,other.example"));
    }
}

#[test]
fn a_client_certificate_is_required_or_asked_for() {
    let fails = Err(());
    for (clients, rows) in [
        (
            ClientCertificates::Required,
            [("", fails), ("alice", Ok(true)), ("outsider", fails), ("stale", fails)],
        ),
        (
            ClientCertificates::Asked,
            [("", Ok(false)), ("alice", Ok(true)), ("outsider", fails), ("stale", fails)],
        ),
    ] {
        let mut server = server_on(Thread::Own, LIMITS);
        who(&mut server);
        let tls = Tls::load(&files_for_clients(&["first"], clients)).expect("they can be used");
        let server = start(server, &tls);
        for version in VERSIONS {
            for (name, expected) in rows {
                let config = match name {
                    "" => client(&[version]),
                    name => client_with(version, name),
                };
                let said = say(&server, config);
                assert_eq!(said.is_ok(), expected.is_ok(), "{clients:?} {name}: {said:?}");
                let (Ok(said), Ok(is_shown)) = (said, expected) else { continue };
                let expected = match is_shown {
                    true => format!("{} alice.example,other.example", sha256("alice")),
                    false => "no certificate".to_owned(),
                };
                assert!(said.ends_with(&expected), "{said}");
            }
        }
    }
}

/// What the service says of a client, if it is admitted.
fn say(server: &Running, config: rustls::ClientConfig) -> Result<String, String> {
    let mut raw = server.raw();
    raw.secure(config, "first.example")?;
    // With 1.3 a client is refused after its own handshake.
    raw.try_send(&upgrade("/who", ""));
    raw.try_read()?;
    raw.read_101();
    Ok(raw.read_text())
}

#[cfg(feature = "programs")]
#[test]
fn programs_know_the_connection() {
    let script = "#!/bin/sh\nset -f\nfor name in HTTPS TLS_VERSION TLS_SNI TLS_CLIENT_SHA256 \
                  TLS_CLIENT_DNS REMOTE_ADDR REMOTE_PORT; do\n\
                  eval echo \"$name=\\${$name-unset}\"\ndone\necho done\ncat >/dev/null\n";
    let programs = crate::support::folder::programs("variables", &[("tell.sh", script)]);
    for with_certificate in [true, false] {
        let mut server = server_on(Thread::Own, LIMITS);
        let options = ProgramOptions { mode: Mode::Lines, ..ProgramOptions::default() };
        server.document_root(&programs).program_options(options);
        let files = files_for_clients(&["first"], ClientCertificates::Asked);
        let server = start(server, &Tls::load(&files).expect("they can be used"));
        for (version, number) in VERSIONS.into_iter().zip(["TLSv1.2", "TLSv1.3"]) {
            let config = match with_certificate {
                true => client_with(version, "alice"),
                false => client(&[version]),
            };
            let mut raw = secure(server.address(), config, "first.example");
            raw.upgrade("/tell");
            let lines: Vec<_> =
                std::iter::repeat_with(|| raw.read_text()).take_while(|l| l != "done").collect();
            let port = raw.stream().local_addr().expect("it has one").port();
            let (hash, names) = match with_certificate {
                true => (sha256("alice"), "alice.example,other.example"),
                false => ("unset".to_owned(), "unset"),
            };
            let expected = format!(
                "HTTPS=on TLS_VERSION={number} TLS_SNI=first.example TLS_CLIENT_SHA256={hash} \
                 TLS_CLIENT_DNS={names} REMOTE_ADDR=127.0.0.1 REMOTE_PORT={port}"
            );
            assert_eq!(lines.join(" "), expected);
        }
    }
}

/// A page is behind the same certificate as its service.
#[test]
fn a_page_needs_the_certificate_too() {
    let mut server = server_on(Thread::Own, LIMITS);
    server.mount("/who", || handler(Who)).page(Page::html("<p>a page"));
    let files = files_for_clients(&["first"], ClientCertificates::Required);
    let server = start(server, &Tls::load(&files).expect("they can be used"));
    for version in VERSIONS {
        let mut raw = secure(server.address(), client_with(version, "alice"), "first.example");
        raw.send(&get("/who", ""));
        assert_eq!(raw.read_head().status, 200);
        let mut raw = server.raw();
        if raw.secure(client(&[version]), "first.example").is_ok() {
            raw.try_send(&get("/who", ""));
            raw.try_read().expect_err("it shows no certificate");
        }
    }
}

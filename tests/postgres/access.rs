//! TLS, certificates and passwords. Certificates are made by openssl.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use switchboard::database::postgres::Postgres;
use switchboard::{Database, DatabaseError, DatabaseOptions};

use super::support::folder::folder;
use super::support::logged;
use super::support::postgres::Postgres as Server;
use super::support::tls::certificates;
use super::{close, execute, open, patient, value};

/// A server with the certificate of `first.example`, `localhost` and 127.0.0.1.
pub(super) fn server_with_tls() -> Server {
    let [chain, key] = ["first.pem", "first.key"].map(|name| certificates().join(name));
    let settings = ["ssl=on", "ssl_cert_file=first.pem", "ssl_key_file=first.key"];
    let rules =
        ["hostssl all chat 127.0.0.1/32 scram-sha-256", "hostnossl all chat 127.0.0.1/32 reject"];
    Server::start_with(&settings, &rules, &[&chain, &key])
}

pub(super) fn url(server: &Server, user: &str, host: &str, options: &str) -> Postgres {
    let url = format!("postgres://{user}@{host}:{}/postgres{options}", server.port());
    Postgres::new(&url).expect("it is a URL")
}

/// Whether the connection has TLS.
const HAS_TLS: &str = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/// Connects, and asks whether there is TLS.
fn has_tls(server: Postgres) -> bool {
    let db = Database::open("test", server, patient()).expect("there are threads");
    let has_tls = value(&db, HAS_TLS);
    close(&db);
    has_tls
}

/// The log line about a server that cannot be connected.
fn refusal(server: Postgres) -> String {
    let _kept = logged::keep(log::LevelFilter::Debug);
    let options = DatabaseOptions { wait: Duration::from_millis(10), ..patient() };
    let db = Database::open("test", server, options).expect("there are threads");
    let refused = db.read(|_| Ok(()));
    assert!(matches!(refused, Err(DatabaseError::Unavailable(_))), "{refused:?}");
    let line = logged::line_with("it cannot be connected").text;
    assert!(!line.contains("sesame"), "{line}");
    close(&db);
    line
}

#[test]
fn the_certificate_of_a_server_is_verified() {
    let server = server_with_tls();
    let ca = Some(certificates().join("ca.pem"));
    let foreign = Some(certificates().join("foreign.pem"));
    assert!(!has_tls(url(&server, "tester", "127.0.0.1", "")));
    for (host, options) in
        [("127.0.0.1", ""), ("localhost", ""), ("first.example", "?hostaddr=127.0.0.1")]
    {
        assert!(has_tls(url(&server, "tester", host, options).verify_full(ca.clone())), "{host}");
    }
    let refused = [
        ("second.example", &ca, "not valid for name"),
        ("first.example", &foreign, "UnknownIssuer"),
        // The authorities of the system do not know it.
        ("first.example", &None, ""),
    ];
    for (host, ca, part) in refused {
        let server = url(&server, "tester", host, "?hostaddr=127.0.0.1");
        let line = refusal(server.verify_full(ca.clone()));
        assert!(line.contains(part), "{host}: {line}");
    }
    // As with libpq, a socket has no TLS.
    assert!(!has_tls(super::reach(&server).verify_full(ca)));
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    // The system accepts the connection, and nobody reads it.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = silent.local_addr().expect("it listens").port();
    let url = format!("postgres://tester@127.0.0.1:{port}/postgres");
    let line = refusal(Postgres::new(&url).expect("it is a URL"));
    assert!(line.contains("the server has not answered for 10 s"), "{line}");
}

#[test]
fn without_tls_a_server_is_refused() {
    let server = Server::start();
    let ca = Some(certificates().join("ca.pem"));
    let line = refusal(url(&server, "tester", "localhost", "").verify_full(ca));
    assert!(line.contains("server does not support TLS"), "{line}");
}

#[test]
fn a_file_of_authorities_that_is_wrong_is_named() {
    let server = Server::start();
    let folder = folder("authorities");
    let [missing, empty] = ["missing.pem", "empty.pem"].map(|name| folder.join(name));
    fs::write(&empty, "nothing").expect("it can be written");
    for (file, part) in [(missing, "No such file"), (empty, "no certificate in PEM")] {
        let text = format!("ca-file {}: ", file.display());
        let line = refusal(url(&server, "tester", "localhost", "").verify_full(Some(file)));
        assert!(line.contains(&text) && line.contains(part), "{line}");
    }
}

#[test]
fn a_password_is_that_of_its_file() {
    let server = server_with_tls();
    let owner = open(&server, patient());
    execute(&owner, "CREATE ROLE chat LOGIN PASSWORD 'open sesame'");
    close(&owner);
    let file = folder("password").join("file");
    let ca = Some(certificates().join("ca.pem"));
    let reach = || url(&server, "chat", "localhost", "").verify_full(ca.clone());
    fs::write(&file, "open sesame\n").expect("it can be written");
    assert!(has_tls(reach().password_file(&file)));
    fs::write(&file, "close sesame\n").expect("it can be written");
    let line = refusal(reach().password_file(&file));
    assert!(line.contains("password authentication failed"), "{line}");
    assert!(refusal(reach()).contains("password missing"));
    fs::remove_file(&file).expect("it is there");
    let line = refusal(reach().password_file(&file));
    assert!(line.contains(&format!("password-file {}", file.display())), "{line}");
    // The rule of the server.
    assert!(refusal(url(&server, "chat", "localhost", "")).contains("no encryption"));
}

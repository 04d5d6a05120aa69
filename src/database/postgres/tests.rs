//! What a URL of PostgreSQL says, that no text of ours has its password, and how many attempts to
//! connect there are.

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::connection::PENDING_MAX;
use super::*;

/// URLs with the text that stands for them, or a part of the error.
const URLS: [(&str, Result<&str, &str>); 15] = [
    ("postgres://chat@db.example/main", Ok("postgres://chat@db.example/main")),
    ("postgresql://db.example", Ok("postgres://db.example/")),
    ("postgres://chat:sesame@db.example:6432/main", Ok("postgres://chat@db.example:6432/main")),
    ("postgres://chat@a.example,b.example/main", Ok("postgres://chat@a.example,b.example/main")),
    ("postgres://chat@/main?host=/run/postgresql", Ok("postgres://chat@/run/postgresql/main")),
    ("postgres://[::1]/main?user=chat&password=sesame", Ok("postgres://chat@::1/main")),
    ("postgres://db.example/main?connect_timeout=3", Ok("postgres://db.example/main")),
    ("mysql://db.example/main", Err("postgres://USER:PASSWORD@HOST")),
    ("host=db.example", Err("postgres://USER:PASSWORD@HOST")),
    ("postgres:///main", Err("names no host")),
    ("postgres://db.example/main?sslmode=require", Err("set the keys sslmode")),
    ("postgres://db.example/main?user=a&sslnegotiation=direct", Err("set the keys sslmode")),
    ("postgres://chat:ses@ame@db.example/main?x=sesame", Err("special characters")),
    // An option that is not known may be a part of a password.
    ("postgres://db.example/main?sesame=1", Err("special characters")),
    ("postgres://chat:sesame@db.example:port/main", Err("invalid value for option `port`")),
];

#[test]
fn a_url_names_a_server() {
    for (url, expected) in URLS {
        match (Postgres::new(url), expected) {
            (Ok(server), Ok(address)) => {
                assert_eq!(server.address(), address, "{url}");
                assert!(!format!("{server:?}").contains("sesame"), "{server:?}");
            }
            (Err(error), Err(part)) => {
                let text = error.to_string();
                assert!(text.contains(part), "{url}: {text}");
                assert!(!text.contains("ses"), "{url}: {text}");
            }
            (found, _) => panic!("{url}: {found:?}"),
        }
    }
}

#[test]
fn a_way_without_tls_is_a_warning() {
    let rows = [
        ("postgres://db.example/main", true),
        ("postgres://192.0.2.1/main", true),
        ("postgres://localhost,db.example/main", true),
        ("postgres:///main?hostaddr=192.0.2.1", true),
        ("postgres://localhost/main", false),
        ("postgres://127.0.0.2/main", false),
        ("postgres://[::1]/main", false),
        ("postgres:///main?host=/run/postgresql", false),
    ];
    for (url, warns) in rows {
        let server = Postgres::new(url).expect("it is a URL");
        assert_eq!(server.warning().is_some(), warns, "{url}");
        assert_eq!(server.verify_full(None).warning(), None, "{url}");
    }
}

#[test]
fn a_socket_has_no_tls() {
    let trusts = |url| Postgres::new(url).expect("it is one").verify_full(None).trust().is_some();
    assert!(trusts("postgres://db.example/main"));
    assert!(trusts("postgres://localhost/main?hostaddr=127.0.0.1"));
    assert!(!trusts("postgres:///main?host=/run/postgresql"));
}

#[test]
fn a_password_is_read_from_its_file() {
    let file = std::env::temp_dir().join(format!("swb-password-{}", std::process::id()));
    let server = Postgres::new("postgres://chat@localhost/main").expect("it is a URL");
    assert_eq!(server.read_password().expect("there is none"), None);
    let server = server.password_file(&file);
    let error = server.read_password().expect_err("there is no file").to_string();
    assert!(error.starts_with(&format!("password-file {}", file.display())), "{error}");
    for (text, password) in [("sesame\n", "sesame"), (" open sesame \r\n\n", " open sesame")] {
        fs::write(&file, text).expect("it can be written");
        assert_eq!(server.read_password().expect("it is read").as_deref(), Some(password));
    }
    fs::write(&file, [b'a'; 4097]).expect("it can be written");
    let error = server.read_password().expect_err("it is too long").to_string();
    assert!(error.contains("4 KiB"), "{error}");
    fs::remove_file(&file).expect("it is there");
}

/// Why a server that is not there is not connected.
fn attempt(server: &Postgres) -> String {
    let plan = ConnectionPlan { name: "test", access: Access::Read, query_timeout: DEADLINE };
    server.connect(&plan).expect_err("it is no server").to_string()
}

/// Waits until as many attempts are under way.
fn until_pending(server: &Postgres, len: usize) {
    let begun = Instant::now();
    // The server itself has one, and so has this look at it.
    while Arc::strong_count(&server.pending()) != len + 2 {
        assert!(begun.elapsed() < DEADLINE, "waited for too long for {len} attempts");
        thread::yield_now();
    }
}

#[test]
fn attempts_that_are_not_answered_have_a_maximum() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    let url = format!("postgres://chat@{address}/main");
    let server = Arc::new(Postgres::new(&url).expect("it is a URL"));
    let connects = server.clone();
    let first = thread::spawn(move || attempt(&connects));
    let (stream, _) = listener.accept().expect("it connects");
    until_pending(&server, 1);
    // These stand for others: with the first one and the server, they are all.
    let mut others: Vec<_> = (2..PENDING_MAX).map(|_| server.pending()).collect();
    let refusal = "the server has not answered earlier attempts to connect";
    assert_eq!(attempt(&server), refusal);
    drop((stream, listener));
    assert_ne!(first.join().expect("it does not panic"), refusal);
    until_pending(&server, others.len());
    assert_ne!(attempt(&server), refusal, "an attempt that has ended counts no more");
    until_pending(&server, others.len());
    others.push(server.pending());
    assert_eq!(attempt(&server), refusal);
}

const DEADLINE: Duration = Duration::from_secs(60);

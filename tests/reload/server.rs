//! The keys of the server.

use std::fs;
use std::path::Path;

use crate::support::http::{get, upgrade};
use crate::support::{Raw, until};
use crate::tried::{ENDED, Row, Tried};

/// A request of a client that a proxy names in a header.
fn by_proxy(header: &str) -> Vec<u8> {
    upgrade("/echo", &format!("{header}\r\n"))
}

/// The line of the log about a socket that comes with this header and goes.
fn line_of(tried: &Tried, header: &str) -> String {
    let mut raw = tried.raw();
    raw.send(&by_proxy(header));
    raw.read_101();
    drop(raw);
    tried.lines_to(ENDED).pop().expect("it is there")
}

/// Whether a file of the log has a line of a socket in it.
fn has_line(file: &Path) -> bool {
    fs::read_to_string(file).is_ok_and(|text| text.contains(ENDED))
}

pub const ROWS: &[Row] = &[
    Row {
        key: "static-root",
        before: "",
        after: "FOLDER/public",
        more: &[],
        show: |tried| {
            let file = get("/file", "");
            assert_eq!(tried.status_of(&file), 404);
            tried.apply();
            let mut raw = tried.raw();
            raw.send(&file);
            assert_eq!(raw.read_answer().text(), "content");
            // Another folder, none, and the first one again.
            for (root, status) in [("FOLDER/programs", 404), ("none", 404), ("FOLDER/public", 200)]
            {
                tried.set("static-root", root);
                tried.reload();
                assert_eq!(tried.status_of(&file), status, "{root}");
            }
        },
    },
    Row {
        key: "health-path",
        before: "",
        after: "/health",
        more: &[],
        show: |tried| {
            assert_eq!(tried.status_of(&get("/health", "")), 404);
            tried.apply();
            assert_eq!(tried.status_of(&get("/health", "")), 200);
        },
    },
    Row {
        key: "allowed-hosts",
        before: "",
        after: "auto, a.example",
        more: &[("health-path", "/health")],
        show: |tried| {
            let request = "GET /other HTTP/1.1\r\nHost: a.example\r\n\r\n";
            assert_eq!(tried.status_of(request.as_bytes()), 421);
            tried.apply();
            assert_eq!(tried.status_of(request.as_bytes()), 404);
        },
    },
    Row {
        key: "trusted-proxy",
        before: "",
        after: "127.0.0.1",
        more: &[("max-per-ip", "1"), ("new-per-ip", "off")],
        show: |tried| {
            let header = "X-Forwarded-For: 192.0.2.7";
            assert!(!line_of(tried, header).contains("192.0.2.7"));
            tried.apply();
            assert!(line_of(tried, header).contains("192.0.2.7"));
            // A socket that counts for its address still does when the proxy is not trusted any
            // more, and only once: when it goes, another one may come.
            let mut raw = tried.raw();
            raw.send(&by_proxy(header));
            raw.read_101();
            assert_eq!(tried.status_of(&by_proxy(header)), 503);
            tried.set("trusted-proxy", "none");
            tried.reload();
            drop(raw);
            assert!(tried.lines_to(ENDED).pop().expect("one").contains("192.0.2.7"));
            tried.set("trusted-proxy", "127.0.0.1");
            tried.reload();
            assert_eq!(tried.status_of(&by_proxy(header)), 101);
        },
    },
    Row {
        key: "forwarded",
        before: "",
        after: "forwarded",
        more: &[("trusted-proxy", "127.0.0.1")],
        show: |tried| {
            let header = "Forwarded: for=192.0.2.8";
            assert!(!line_of(tried, header).contains("192.0.2.8"));
            tried.apply();
            assert!(line_of(tried, header).contains("192.0.2.8"));
        },
    },
    Row {
        key: "spellings",
        before: "",
        after: "one",
        more: &[],
        show: |tried| {
            assert_eq!(tried.status_of(&upgrade("/echo.rs", "")), 101);
            tried.apply();
            assert_eq!(tried.status_of(&upgrade("/echo.rs", "")), 404);
        },
    },
    Row {
        key: "origin",
        before: "",
        after: "any",
        more: &[],
        show: |tried| {
            assert_eq!(tried.status_of(&Tried::from_page("/echo")), 403);
            tried.apply();
            assert_eq!(tried.status_of(&Tried::from_page("/echo")), 101);
        },
    },
    Row {
        key: "log-level",
        before: "",
        after: "trace",
        more: &[],
        show: |tried| {
            let traces = |lines: Vec<String>| lines.iter().any(|line| line.contains(" trace "));
            assert!(!traces(tried.come_and_go()));
            tried.apply();
            assert!(traces(tried.come_and_go()));
        },
    },
    Row {
        key: "start",
        before: "",
        after: "eager",
        more: &[],
        show: |tried| {
            // Without any socket.
            tried.change();
            tried.ask();
            tried.lines_to("service /echo: it starts");
        },
    },
    Row {
        key: "log-format",
        before: "",
        after: "json",
        more: &[],
        show: |tried| {
            let is_json = |lines: Vec<String>| lines.last().expect("one").starts_with('{');
            assert!(!is_json(tried.come_and_go()));
            tried.apply();
            assert!(is_json(tried.come_and_go()));
        },
    },
    Row {
        key: "log-file",
        before: "FOLDER/first",
        after: "FOLDER/second",
        more: &[],
        show: |tried| {
            let [first, second] = ["first", "second"].map(|name| tried.folder.join(name));
            drop(tried.open("/echo"));
            until("the socket has a line", || has_line(&first));
            let change = tried.change();
            tried.ask();
            until("the log goes on in the other file", || {
                fs::read_to_string(&second).is_ok_and(|text| text.contains(change))
            });
            drop(tried.open("/echo"));
            until("the socket has a line", || has_line(&second));
            // Standard error takes it as well.
            tried.set("log-file", "none");
            tried.reload();
            tried.come_and_go();
        },
    },
    Row {
        key: "access-log",
        before: "",
        after: "all",
        more: &[("health-path", "/health")],
        show: |tried| {
            let is_told = |tried: &Tried| {
                assert_eq!(tried.status_of(&get("/health", "")), 200);
                tried.come_and_go().iter().any(|line| line.contains("/health"))
            };
            assert!(!is_told(tried));
            tried.apply();
            until("an answer has a line", || is_told(tried));
        },
    },
    #[cfg(feature = "tls")]
    Row {
        key: "tls-redirect",
        before: "",
        after: "yes",
        more: &[("tls-port", "0"), ("tls-certificate", "FOLDER/pair.pem")],
        show: |tried| {
            assert_eq!(tried.status_of(&get("/", "")), 404);
            tried.apply();
            assert_eq!(tried.status_of(&get("/", "")), 308);
            tried.set("tls-redirect", "no");
            tried.reload();
            assert_eq!(tried.status_of(&get("/", "")), 404);
        },
    },
];

/// Sends a handshake that names no client, to compare with.
#[test]
fn the_peer_of_a_socket_is_in_its_line() {
    let tried = Tried::start("peer", &[]);
    assert!(line_of(&tried, "X-Other: 1").contains("127.0.0.1"));
    let mut raw: Raw = tried.open("/echo");
    assert_eq!(raw.read_answer_to("here"), "here");
}

#[cfg(feature = "tls")]
pub use over_tls::install;

#[cfg(feature = "tls")]
mod over_tls {
    use std::fs;
    use std::path::Path;
    use std::process::Command;
    use std::sync::mpsc::Receiver;

    use rustls::version::TLS12;

    use crate::support::binary::{Binary, patience};
    use crate::support::folder::folder;
    use crate::support::next;
    use crate::support::raw::Raw;
    use crate::support::tls::{VERSIONS, allow_owner, certificates, client, client_with};

    /// Writes a certificate with its key, as `pair.pem`.
    pub fn install(folder: &Path) {
        let text = ["first.pem", "first.key"]
            .map(|name| fs::read_to_string(certificates().join(name)).expect("it is there"));
        fs::write(folder.join("pair.pem"), text.concat()).expect("it can be written");
        allow_owner(&folder.join("pair.pem"));
    }

    /// Writes a configuration with these lines about TLS and limits.
    fn write(folder: &Path, tls: &str, limits: &str) {
        let pair = folder.join("pair.pem");
        let begin =
            format!("[server]\nport: none\ntls-port: 0\ntls-certificate: {}", pair.display());
        let text = format!("{begin}\n{tls}\n{}{limits}\n", patience(&[]));
        fs::write(folder.join("conf"), text).expect("it can be written");
    }

    fn serve(folder: &Path) -> (Binary, Receiver<String>) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        Binary::run_secure(command.arg("--config").arg(folder.join("conf")))
    }

    fn reload(server: &Binary, lines: &Receiver<String>, applied: &str) {
        server.signal("HUP");
        while !next(lines).contains(&format!("read again; applied: {applied}")) {}
    }

    /// Whether a client with a certificate, or without one, has an open socket.
    fn is_served(server: &Binary, name: Option<&str>) -> bool {
        let config = name.map_or_else(|| client(&[&TLS12]), |name| client_with(&TLS12, name));
        Raw::connect(server.address()).secure(config, "first.example").is_ok()
    }

    #[test]
    fn authorities_of_clients_come_and_go() {
        let folder = folder("authorities");
        install(&folder);
        write(&folder, "", "");
        let (server, lines) = serve(&folder);
        assert!(is_served(&server, None));
        let ca = certificates().join("ca.pem");
        let required = format!("tls-client-ca: {}", ca.display());
        write(&folder, &required, "");
        reload(&server, &lines, "tls-client-ca");
        assert_eq!([None, Some("second")].map(|name| is_served(&server, name)), [false, true]);
        write(&folder, &format!("{required}\ntls-client: ask"), "");
        reload(&server, &lines, "tls-client");
        assert_eq!([None, Some("second")].map(|name| is_served(&server, name)), [true, true]);
        write(&folder, "", "");
        reload(&server, &lines, "tls-client-ca, tls-client");
        assert!(is_served(&server, None));
    }

    #[test]
    fn handshakes_that_wait_go_on_under_another_max_handshakes() {
        let folder = folder("handshakes");
        install(&folder);
        write(&folder, "", "max-handshakes: 1");
        let (server, lines) = serve(&folder);
        // It takes the only place, and never goes on.
        let silent = Raw::connect(server.address());
        write(&folder, "", "max-handshakes: 2");
        let mut raw = Raw::connect(server.address());
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| raw.secure(client(&VERSIONS), "first.example"));
            reload(&server, &lines, "max-handshakes");
            waits.join().expect("it does not panic").expect("it is accepted");
        });
        drop(silent);
    }
}

//! TLS with the binary: files of certificates and keys, what is wrong with them, their renewal by
//! SIGHUP, and the clients openssl and curl.
#![cfg(feature = "tls")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::Receiver;

use support::Raw;
use support::binary::{Binary, patience};
use support::folder::folder;
use support::next;
use support::tls::{VERSIONS, certificates, chain_of, client, issue, openssl, secure};

/// The path of one of the certificates of tests.
fn pem(name: &str) -> String {
    certificates().join(name).display().to_string()
}

/// A configuration with these lines about TLS.
fn configuration(folder: &Path, lines: &str) -> PathBuf {
    let text = format!("[server]\nport: none\nhealth-path: /health\ndumpable: yes\n{lines}\n");
    let file = folder.join("conf");
    fs::write(&file, text + &patience(&[])).expect("it can be written");
    file
}

/// A copy of a file of tests with these permissions.
fn copy(folder: &Path, from: &str, to: &str, mode: u32) -> String {
    let file = folder.join(to);
    fs::copy(certificates().join(from), &file).expect("it can be copied");
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("it is ours");
    file.display().to_string()
}

fn binary(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.current_dir(folder).arg("--config").arg(folder.join("conf"));
    command
}

/// What a command prints, and its exit code.
fn run(command: &mut Command) -> (String, Option<i32>) {
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(stdout) + &text(stderr), status.code())
}

/// Nothing of a key is in a text: no line of its file.
fn assert_no_key(text: &str, keys: &[&str]) {
    for key in keys {
        let key = fs::read_to_string(key).unwrap_or_default();
        let mut is_key = false;
        for line in key.lines() {
            is_key = line.contains("PRIVATE KEY") != is_key;
            let is_secret = is_key && !line.contains('-') && line.len() > 20;
            assert!(!is_secret || !text.contains(line), "{text}");
        }
    }
}

/// Makes files of which each is wrong in its own way.
fn make_faults(folder: &Path) {
    let own = |name: &str| folder.join(name);
    let words = ["pkcs8", "-topk8", "-v2", "aes256", "-passout", "pass:secret", "-in"];
    openssl(folder, &[&words[..], &[&pem("first.key"), "-out", "locked.key"]].concat());
    let words = ["ec", "-aes128", "-passout", "pass:secret", "-in"];
    openssl(folder, &[&words[..], &[&pem("first.key"), "-out", "old.key"]].concat());
    openssl(folder, &["x509", "-in", &pem("first.pem"), "-outform", "DER", "-out", "first.der"]);
    openssl(folder, &["genrsa", "-out", "short.key", "1024"]);
    fs::write(own("empty"), "").expect("it can be written");
    let text = fs::read_to_string(pem("first.pem")).expect("it is there");
    fs::write(own("cut.pem"), &text[..text.len() / 4]).expect("it can be written");
    let broken = text.replacen("\nMII", "\nMJJ", 1);
    fs::write(own("broken.pem"), broken).expect("it can be written");
    fs::write(own("long.pem"), text.repeat(2_000)).expect("it can be written");
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = folder("faults");
    let own = |name: &str| folder.join(name).display().to_string();
    make_faults(&folder);
    let (first, first_key) = (pem("first.pem"), pem("first.key"));
    let (second, second_key) = (pem("second.pem"), pem("second.key"));
    // Of each row: the certificates, the keys, more lines, what has to be said of which file.
    let rows = [
        (first.clone(), own("locked.key"), "", "locked.key", "the key has a passphrase"),
        (first.clone(), own("old.key"), "", "old.key", "the key has a passphrase"),
        (first.clone(), second_key.clone(), "", "second.key", "of another certificate than"),
        (
            format!("{first}, {second}"),
            format!("{second_key}, {first_key}"),
            "",
            "second.key",
            "of another certificate than",
        ),
        (first.clone(), own("short.key"), "", "short.key", "no key that can be used"),
        (own("missing"), first_key.clone(), "", "missing", "cannot be read: No such file"),
        (first.clone(), own("missing"), "", "missing", "cannot be read: No such file"),
        (own("."), first_key.clone(), "", "faults", "is no file"),
        ("/dev/null".to_owned(), first_key.clone(), "", "/dev/null", "is no file"),
        (own("empty"), first_key.clone(), "", "empty", "has no certificate in PEM"),
        (first.clone(), own("empty"), "", "empty", "has no key in PEM"),
        (first.clone(), first.clone(), "", "first.pem", "has no key in PEM"),
        (own("first.der"), first_key.clone(), "", "first.der", "has no certificate in PEM"),
        (own("cut.pem"), first_key.clone(), "", "cut.pem", "has no certificate in PEM"),
        (own("broken.pem"), first_key.clone(), "", "broken.pem", "has no certificate in PEM"),
        (own("long.pem"), first_key.clone(), "", "long.pem", "is longer than 1 MiB"),
        (first_key.clone(), first.clone(), "", "first.key", "has no certificate in PEM"),
        (first.clone(), "none".to_owned(), "", "first.pem", "has no key in PEM"),
        (first.clone(), first_key.clone(), "tls-client-ca: missing", "missing", "cannot be read"),
        (
            first.clone(),
            first_key.clone(),
            "tls-client-ca: empty",
            "empty",
            "has no certificate in PEM",
        ),
        // Contradictions, for which no file is read.
        (format!("{first}, {second}"), first_key.clone(), "", "tls-key", "one key for each"),
        ("none".to_owned(), "none".to_owned(), "", "tls-port", "name the file of a certificate"),
        (
            first,
            first_key.clone(),
            "tls-client: ask",
            "tls-client",
            "name the file of the authorities",
        ),
    ];
    for (chains, keys, more, name, text) in rows {
        let lines = format!("tls-port: 0\ntls-certificate: {chains}\ntls-key: {keys}\n{more}");
        configuration(&folder, &lines);
        for words in [&["--check-config"][..], &[]] {
            let (said, code) = run(binary(&folder).args(words));
            let fault = said.lines().find(|line| line.contains(text));
            let fault = fault.unwrap_or_else(|| panic!("{chains} {keys}: {said}"));
            assert!(fault.contains(name), "{fault}");
            assert_eq!(code, Some(4), "{said}");
            assert!(!said.contains("listening on"), "it is read before a listener opens");
            assert_no_key(&said, &[&first_key, &second_key, &keys]);
        }
    }
}

#[test]
fn files_that_can_be_used_are_warned_of() {
    let folder = folder("warnings");
    let public = copy(&folder, "first.key", "public.key", 0o644);
    let group = copy(&folder, "first.key", "group.key", 0o640);
    let both = folder.join("both.pem").display().to_string();
    let text = fs::read_to_string(pem("first.pem")).expect("it is there");
    let key = fs::read_to_string(pem("first.key")).expect("it is there");
    fs::write(&both, key + &text).expect("it can be written");
    fs::set_permissions(&both, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let rows = [
        (
            "first.pem",
            public,
            Some("public.key: others may read or write this key, its permissions are 0644"),
        ),
        ("first.pem", group, None),
        ("first.pem", pem("first.key"), None),
        (&both, "none".to_owned(), None),
        ("expired.pem", pem("expired.key"), Some("expired.pem: the certificate has expired, ")),
        ("soon.pem", pem("soon.key"), Some("soon.pem: the certificate expires in ")),
        ("later.pem", pem("later.key"), None),
    ];
    for (chain, key, text) in rows {
        let chain = if chain.starts_with('/') { chain.to_owned() } else { pem(chain) };
        let lines = format!("tls-port: 0\ntls-certificate: {chain}\ntls-key: {key}");
        configuration(&folder, &lines);
        let (said, code) = run(binary(&folder).arg("--check-config"));
        assert_eq!(code, Some(0), "{said}");
        assert_no_key(&said, &[&key]);
        let is_warned = said.contains("warning: ");
        assert_eq!(is_warned, text.is_some(), "{said}");
        assert!(said.contains(text.unwrap_or("the configuration is good\n")), "{said}");
        // A server starts with it, and says the same.
        let (mut server, lines) = Binary::run_secure(&mut binary(&folder));
        server.signal("TERM");
        assert_eq!(server.exit_code(), Some(0));
        let log: Vec<String> = lines.iter().collect();
        let warnings: Vec<_> = log.iter().filter(|line| line.contains(" warn ")).collect();
        assert_eq!(warnings.len(), usize::from(text.is_some()), "{log:?}");
        assert!(text.is_none_or(|text| warnings[0].contains(text)), "{log:?}");
        assert_no_key(&log.join("\n"), &[&key]);
    }
}

/// The certificate that a server shows to a client.
fn shown(server: &Binary) -> Vec<u8> {
    let mut raw = secure(server.address(), client(&VERSIONS), "first.example");
    raw.tls().rustls().peer_certificates().expect("it shows one")[0].to_vec()
}

/// The next line of a log that has this in it.
fn line_with(lines: &Receiver<String>, part: &str) -> String {
    std::iter::repeat_with(|| next(lines)).find(|line| line.contains(part)).expect("it is endless")
}

const READ_AGAIN: &str = "the configuration was read again";
const STAYS: &str = "the configuration stays as it is: ";

#[test]
fn a_hangup_renews_the_certificates_and_loses_no_socket() {
    let folder = folder("renewed");
    let chain = copy(&folder, "first.pem", "own.pem", 0o644);
    let key = copy(&folder, "first.key", "own.key", 0o600);
    let conf = format!("tls-port: 0\ntls-certificate: {chain}\ntls-key: {key}");
    configuration(&folder, &conf);
    let (server, lines) = Binary::run_secure(&mut binary(&folder));
    let mut sockets: Vec<Raw> = (0..50)
        .map(|_| {
            let mut raw = secure(server.address(), client(&VERSIONS), "first.example");
            raw.upgrade("/echo");
            raw
        })
        .collect();
    assert_eq!(shown(&server), chain_of("first")[0].to_vec());
    issue(certificates(), "renewed", "ca", "DNS:first.example", 90);
    copy(&folder, "renewed.pem", "own.pem", 0o644);
    // The key is still the old one: an error, which names the file, and nothing changes.
    server.signal("HUP");
    let line = line_with(&lines, STAYS);
    assert!(line.contains("own.key: this is the key of another certificate than"), "{line}");
    assert_eq!(shown(&server), chain_of("first")[0].to_vec());
    copy(&folder, "renewed.key", "own.key", 0o600);
    server.signal("HUP");
    line_with(&lines, READ_AGAIN);
    assert_eq!(shown(&server), chain_of("renewed")[0].to_vec());
    for (fault, text) in [
        ("", "own.pem: has no certificate in PEM"),
        ("-----BEGIN CERTIFICATE-----\n", "own.pem: has no certificate in PEM"),
    ] {
        fs::write(&chain, fault).expect("it can be written");
        server.signal("HUP");
        let line = line_with(&lines, STAYS);
        assert!(line.contains(text), "{line}");
        assert_eq!(shown(&server), chain_of("renewed")[0].to_vec());
    }
    fs::remove_file(&chain).expect("it is there");
    server.signal("HUP");
    let line = line_with(&lines, STAYS);
    assert!(line.contains("own.pem: cannot be read"), "{line}");
    // A warning is one at a renewal, too.
    copy(&folder, "soon.pem", "own.pem", 0o644);
    copy(&folder, "soon.key", "own.key", 0o604);
    server.signal("HUP");
    line_with(&lines, "own.pem: the certificate expires in ");
    line_with(&lines, "own.key: others may read");
    line_with(&lines, READ_AGAIN);
    assert_eq!(shown(&server), chain_of("soon")[0].to_vec());
    for raw in &mut sockets {
        raw.send_text("still here");
        assert_eq!(raw.read_text(), "still here");
    }
}

/// A reload may change which files are read, but not that there are any.
#[test]
fn a_hangup_reads_the_list_of_files() {
    let folder = folder("listed");
    let (chain, key) = (pem("first.pem"), pem("first.key"));
    let conf = format!("tls-port: 0\ntls-certificate: {chain}\ntls-key: {key}");
    configuration(&folder, &conf);
    let (server, lines) = Binary::run_secure(&mut binary(&folder));
    // Without certificates, TLS cannot go on.
    configuration(&folder, "");
    server.signal("HUP");
    line_with(&lines, "tls-certificate is none, and TLS is in use");
    assert_eq!(shown(&server), chain_of("first")[0].to_vec());
    // A list that has changed applies, and another port needs a restart.
    let both = format!(
        "tls-certificate: {chain}, {}\ntls-key: {key}, {}",
        pem("second.pem"),
        pem("second.key")
    );
    configuration(&folder, &format!("tls-port: 1\n{both}"));
    server.signal("HUP");
    let line = line_with(&lines, "restart the server to apply it");
    assert!(line.contains("tls-port"), "{line}");
    line_with(&lines, READ_AGAIN);
    let mut raw = secure(server.address(), client(&VERSIONS), "second.example");
    let second = raw.tls().rustls().peer_certificates().expect("it shows one")[0].clone();
    assert_eq!(second, chain_of("second")[0]);
}

/// Links as certbot makes them: `live/NAME/fullchain.pem` is one to `archive/NAME/fullchain1.pem`,
/// and a renewal changes the link.
#[test]
fn the_layout_of_certbot() {
    let folder = folder("certbot");
    let (live, archive) = (folder.join("live/first.example"), folder.join("archive/first.example"));
    fs::create_dir_all(&live).expect("it can be made");
    fs::create_dir_all(&archive).expect("it can be made");
    let install = |name: &str, number: usize| {
        for (file, end, mode) in [("fullchain", "pem", 0o644), ("privkey", "key", 0o600)] {
            copy(&archive, &format!("{name}.{end}"), &format!("{file}{number}.pem"), mode);
            let link = live.join(format!("{file}.pem"));
            let _ = fs::remove_file(&link);
            symlink(format!("../../archive/first.example/{file}{number}.pem"), link)
                .expect("it can be made");
        }
    };
    install("first", 1);
    let conf = format!(
        "tls-port: 0\ntls-certificate: {live}/fullchain.pem\ntls-key: {live}/privkey.pem",
        live = live.display()
    );
    configuration(&folder, &conf);
    let (server, lines) = Binary::run_secure(&mut binary(&folder));
    assert_eq!(shown(&server), chain_of("first")[0].to_vec());
    install("later", 2);
    server.signal("HUP");
    line_with(&lines, READ_AGAIN);
    assert_eq!(shown(&server), chain_of("later")[0].to_vec());
}

/// A server for clients that others have made.
fn serve(name: &str, more: &str) -> (Binary, Receiver<String>, PathBuf) {
    let folder = folder(name);
    let list = |end| ["first", "second"].map(|name| pem(&format!("{name}.{end}"))).join(", ");
    let lines = format!("tls-port: 0\ntls-certificate: {}\ntls-key: {}", list("pem"), list("key"));
    configuration(&folder, &format!("{lines}\n{more}"));
    let (server, lines) = Binary::run_secure(&mut binary(&folder));
    (server, lines, folder)
}

/// What `openssl s_client` prints with these words, if it sends a request.
fn s_client(server: &Binary, words: &[&str]) -> String {
    let request = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    speak(server, &[words, &["-ign_eof"]].concat(), request)
}

/// The same, if it gets this text, in which some letters are commands at the beginning of a line.
fn speak(server: &Binary, words: &[&str], text: &str) -> String {
    let ca = pem("ca.pem");
    let address = server.address().to_string();
    let mut child = Command::new("openssl")
        .args(["s_client", "-connect", &address, "-CAfile", &ca, "-verify_return_error"])
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl is installed");
    let mut input = child.stdin.take().expect("it is piped");
    // It may have ended by now.
    let _ = std::io::Write::write_all(&mut input, text.as_bytes());
    let Output { stdout, stderr, .. } = child.wait_with_output().expect("it ends");
    String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned()
}

#[test]
fn openssl_as_a_client() {
    let (server, _lines, folder) = serve("openssl", "");
    let ok = "HTTP/1.1 200 OK";
    for (words, expected) in [
        (&["-tls1_2"][..], &[ok, "New, TLSv1.2, Cipher is ECDHE-ECDSA-"][..]),
        (&["-tls1_3"], &[ok, "New, TLSv1.3, Cipher is TLS_"]),
        (&["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], &["alert"]),
        (&["-alpn", "h2,http/1.1"], &[ok, "ALPN protocol: http/1.1"]),
        (&["-alpn", "h2"], &["alert no application protocol"]),
        (&[], &[ok, "No ALPN negotiated"]),
        (&["-servername", "second.example"], &[ok, "subject=CN = second"]),
        (&["-servername", "unknown.example"], &[ok, "subject=CN = first"]),
        (&["-noservername"], &[ok, "subject=CN = first"]),
        (&["-groups", "P-256"], &[ok]),
        (&["-groups", "P-384"], &[ok]),
        (&["-groups", "X25519"], &[ok]),
    ] {
        let said = s_client(&server, words);
        for part in expected {
            assert!(said.contains(part), "{words:?}: {part:?} in {said}");
        }
    }
    // Sessions: five times again in 1.2, and from a file in 1.3.
    let said = s_client(&server, &["-tls1_2", "-reconnect"]);
    assert_eq!(said.matches("Reused, TLSv1.2").count(), 5, "{said}");
    let file = folder.join("session").display().to_string();
    for version in ["-tls1_2", "-tls1_3"] {
        s_client(&server, &[version, "-sess_out", &file]);
        let said = s_client(&server, &[version, "-sess_in", &file]);
        assert!(said.contains("Reused, TLSv1.") && said.contains(ok), "{said}");
    }
    // Renegotiation is refused (RFC 5746), and does no harm to others.
    let said = speak(&server, &["-tls1_2"], "R\n");
    assert!(said.contains("RENEGOTIATING") && said.contains("no renegotiation"), "{said}");
    assert!(s_client(&server, &[]).contains(ok));
}

#[test]
fn openssl_and_curl_with_certificates_of_their_own() {
    let more = format!("tls-client-ca: {}", pem("ca.pem"));
    let (server, lines, _) = serve("certified", &more);
    let of = |name: &str| (pem(&format!("{name}.pem")), pem(&format!("{name}.key")));
    let expect = |name| {
        let text = match name {
            "alice" => return,
            "" => "shows no certificate",
            _ => "is not valid",
        };
        let line = line_with(&lines, "TLS: ");
        assert!(line.contains(text), "{name} {line}");
    };
    for (name, is_admitted) in [("alice", true), ("outsider", false), ("stale", false), ("", false)]
    {
        for version in ["-tls1_2", "-tls1_3"] {
            let (chain, key) = of(name);
            let own = ["-cert", &chain, "-key", &key];
            let words = [&[version][..], if name.is_empty() { &[] } else { &own }].concat();
            let said = s_client(&server, &words);
            assert_eq!(said.contains("HTTP/1.1 200 OK"), is_admitted, "{name}: {said}");
            if !is_admitted {
                let line = line_with(&lines, "TLS: ");
                let expected =
                    if name.is_empty() { "shows no certificate" } else { "is not valid" };
                assert!(line.contains(expected), "{name} {line}");
            }
        }
        let (chain, key) = of(name);
        let own = ["--cert", &chain, "--key", &key];
        let (said, code) = curl(&server, if name.is_empty() { &[] } else { &own });
        assert_eq!(code == Some(0), is_admitted, "{name}: {said}");
        expect(name);
    }
}

fn curl(server: &Binary, words: &[&str]) -> (String, Option<i32>) {
    let url = format!("https://localhost:{}/health", server.address().port());
    let resolve = format!("localhost:{}:127.0.0.1", server.address().port());
    let mut command = Command::new("curl");
    command.args(["-sSi", "--noproxy", "*", "--resolve", &resolve, "--cacert", &pem("ca.pem")]);
    run(command.args(words).arg(url))
}

#[test]
fn curl_as_a_client() {
    let (server, lines, _) = serve("curl", "");
    for words in [&[][..], &["--tlsv1.3"], &["--tls-max", "1.2"], &["--http1.1"], &["--http2"]] {
        let (said, code) = curl(&server, words);
        assert_eq!(code, Some(0), "{words:?}: {said}");
        assert!(said.starts_with("HTTP/1.1 200 OK\r\n"), "{said}");
    }
    // A name that no certificate has is refused by the client, and the log says so.
    let url = format!("https://127.0.0.1.example:{}/", server.address().port());
    let to = format!("127.0.0.1.example:{}:127.0.0.1", server.address().port());
    let words = ["-sS", "--noproxy", "*", "--resolve", &to, "--cacert", &pem("foreign.pem"), &url];
    let (said, code) = run(Command::new("curl").args(words));
    assert_eq!(code, Some(60), "{said}");
    let line = line_with(&lines, "TLS: ");
    assert!(line.contains("the client does not trust the certificate of the server"), "{line}");
}

/// An inherited socket with the name `tls` is one of TLS.
#[cfg(feature = "unix")]
#[test]
fn an_inherited_socket_with_the_name_tls() {
    let folder = folder("inherited");
    let lines = format!("tls-certificate: {}\ntls-key: {}", pem("first.pem"), pem("first.key"));
    configuration(&folder, &lines);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    let script = "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=tls \
                  exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_switchboard"), "--config"]);
    command.arg(folder.join("conf")).current_dir(&folder);
    command.stdin(Stdio::from(std::os::fd::OwnedFd::from(listener)));
    let (server, _lines) = Binary::run_secure(&mut command);
    assert_eq!(server.address(), address);
    let mut raw = secure(address, client(&VERSIONS), "first.example");
    raw.upgrade("/echo");
    raw.send_text("word");
    assert_eq!(raw.read_text(), "word");
}

//! Who may use Redis: passwords, users, and TLS.

use std::fs;
use std::path::Path;

use super::support::folder::folder;
use super::support::several::{command, conf, next_with};
use super::support::tls::certificates;
use super::{Course, Redis, RedisHost, binary, options};

/// The file is read for each connection.
#[test]
fn a_password_is_in_a_file() {
    let redis = Redis::start_with(&["--requirepass", "secret"]);
    let file = folder("password").join("password");
    fs::write(&file, "wrong\n").expect("it can be written");
    let with = |file: &Path| RedisHost::start_with(options(&redis.url()).password_file(file));
    let [a, b] = [with(&file), with(&file)];
    assert!(!a.counts().is_up);
    fs::write(&file, "secret\n").expect("it can be written");
    [&a, &b].iter().for_each(|host| host.until_up());
    Course::begin(&a, &b).judge();
}

/// The rights that docs/scale.md names are enough.
#[test]
fn a_user_needs_few_rights() {
    let rights = ["on", ">secret", "resetchannels", "&switchboard:*", "-@all"];
    let commands = ["+publish", "+subscribe", "+unsubscribe"];
    let user = [&["--port", "PORT", "--user", "ida"][..], &rights, &commands].concat();
    let port = Redis::free_port().to_string();
    let user: Vec<_> =
        user.iter().map(|word| if *word == "PORT" { &*port } else { word }).collect();
    let _redis = Redis::start_with(&user);
    let file = folder("user").join("password");
    fs::write(&file, "secret").expect("it can be written");
    let url = format!("redis://ida@127.0.0.1:{port}");
    let ida = options(&url).password_file(file);
    let (a, b) = (RedisHost::start_with(ida.clone()), RedisHost::start_with(ida));
    [&a, &b].iter().for_each(|host| host.until_up());
    Course::begin(&a, &b).judge();
}

/// A server with TLS alone, and the options for it.
struct Secure {
    /// It ends with this.
    _redis: Redis,
    port: String,
}

impl Secure {
    fn start() -> Self {
        let [chain, key, ca] =
            ["first.pem", "first.key", "ca.pem"].map(|name| certificates().join(name));
        let port = Redis::free_port().to_string();
        let words = ["--tls-port", &port, "--tls-auth-clients", "no", "--tls-cert-file"];
        let files = ["first.pem", "--tls-key-file", "first.key", "--tls-ca-cert-file", "ca.pem"];
        let redis = Redis::start_beside(&[&words[..], &files].concat(), &[&chain, &key, &ca]);
        Self { _redis: redis, port }
    }

    /// A host that connects to a name of it.
    fn connect(&self, name: &str, ca_file: &Path) -> RedisHost {
        let url = format!("rediss://{name}:{}", self.port);
        RedisHost::start_with(options(&url).ca_file(ca_file))
    }
}

#[test]
fn connections_have_tls() {
    let redis = Secure::start();
    let authority = certificates().join("ca.pem");
    let a = redis.connect("localhost", &authority);
    let b = redis.connect("127.0.0.1", &authority);
    let mut course = Course::begin(&a, &b);
    course.send_many(500);
    course.judge();
}

/// What a host logs about a server that it does not connect to.
fn refusal(keys: &str) -> String {
    let (_server, lines) = binary::start("refusal", 1, &format!("[backplane]\n{keys}"));
    next_with(&lines, "the backplane is down")
}

#[test]
fn a_server_that_is_not_trusted_is_not_used() {
    let redis = Secure::start();
    let [ca, foreign] = ["ca", "foreign"].map(|name| certificates().join(name));
    for (scheme, host, file, expected) in [
        ("rediss", "localhost", foreign.with_extension("pem"), "UnknownIssuer"),
        ("rediss", "127.0.0.2", ca.with_extension("pem"), "not valid for"),
    ] {
        let url = format!("{scheme}://{host}:{}", redis.port);
        let line = refusal(&format!("url: {url}\nca-file: {}\n", file.display()));
        assert!(line.contains(expected), "{url}: {line}");
    }
    // Without TLS, none of both is understood.
    let line = refusal(&format!("url: redis://localhost:{}\n", redis.port));
    assert!(line.contains("Redis: "), "{line}");
}

/// Neither start nor check waits for Redis, but both read the files.
#[test]
fn files_that_cannot_be_used_are_faults() {
    let empty = folder("authorities").join("empty.pem");
    fs::write(&empty, "none").expect("it can be written");
    for (key, file, expected) in [
        ("ca-file", empty.display().to_string(), "empty.pem: has no certificate in PEM"),
        ("ca-file", "/missing".to_owned(), "/missing: cannot be read: No such file"),
        ("password-file", "/missing".to_owned(), "/missing: cannot be read: No such file"),
    ] {
        let section = format!("[backplane]\nurl: rediss://localhost:1\n{key}: {file}\n");
        let folder = conf("files", 1, &section);
        for argument in ["--check-config", "--quiet"] {
            let output = command(&folder).arg(argument).output().expect("it runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(4), "{said}");
            assert!(said.contains("[backplane] ") && said.contains(expected), "{said}");
        }
    }
}

#[test]
fn no_line_of_the_log_has_a_password() {
    let redis = Redis::start_with(&["--requirepass", "secret"]);
    let file = folder("hidden").join("password");
    for text in ["hidden", "hid\nden", ""] {
        fs::write(&file, text).expect("it can be written");
        let line = refusal(&format!("url: {}\npassword-file: {}\n", redis.url(), file.display()));
        assert!(!line.contains("hid") && !line.contains("den"), "{line}");
        assert!(line.contains("WRONGPASS"), "{text:?}: {line}");
    }
}

//! The section of the backplane.

use super::*;
use crate::backplane::RedisOptions;

#[test]
fn a_section_is_a_backplane() {
    let text = "[Backplane]\nURL: redis://ida@h:6380/2\nprefix: a.b-c_9\nqueue: 64k\n\
                [backplane]\nrequired: Yes\npassword_file: p\nca-file: None\n";
    let expected = RedisOptions {
        url: "redis://ida@h:6380/2".to_owned(),
        prefix: "a.b-c_9".to_owned(),
        queue_bytes_max: 64 << 10,
        is_required: true,
        password_file: Some(PathBuf::from("p")),
        ca_file: None,
    };
    assert_eq!(parse(text).expect("it is right").backplane, Some(expected));
    let shortest = parse("[backplane]\nurl: redis+unix:///run/redis.sock").expect("it is right");
    assert_eq!(shortest.backplane, RedisOptions::new("redis+unix:///run/redis.sock").ok());
    let secure = parse("[backplane]\nca-file: ca.pem\nurl: rediss://h").expect("it is right");
    let expected = RedisOptions::new("rediss://h").expect("it is a URL").ca_file("ca.pem");
    assert_eq!(secure.backplane, Some(expected));
    assert_eq!(parse("[server]").expect("it is right").backplane, None);
}

/// No fault has a password.
#[test]
fn faults_of_the_section_say_what_to_do() {
    for (text, expected) in [
        ("[backplane]", "1: [backplane] has no url: add one, such as redis://"),
        ("[backplane]\nurl: redis://:hidden@h", "2: url has a password, which belongs into a file"),
        (
            "[backplane]\nurl: rediss://i:hidden@h",
            "2: url has a password, which belongs into a file",
        ),
        (
            "[backplane]\nurl: rediss://i:hidden@h#insecure",
            "2: url is \"rediss://i:***@h#insecure\", allowed is redis:",
        ),
        (
            "[backplane]\nurl: redis://h\nca-file: a",
            "3: ca-file is for TLS: let url begin with rediss",
        ),
        (
            "[backplane]\nurl: redis://h?auth=hidden",
            "2: url has the option auth, which is not allowed: allowed is protocol",
        ),
        ("[backplane]\nurl: redis://h#hidden", "2: url has a fragment (#), which is not allowed"),
        ("[backplane]\nurl: rediss://h#hidden", "2: url is \"rediss://h#***\", allowed is redis:"),
        ("[backplane]\nurl: redis://h/a?auth=hidden", "2: url is \"redis://h/a?auth=***\""),
        ("[backplane]\nurl: http://h", "2: url is \"http://h\", allowed is redis://"),
        ("[backplane]\nurl: redis://h\nprefix: a b", "3: prefix is \"a b\", allowed is up to 64"),
        ("[backplane]\nurl: redis://h\nqueue: 0", "3: queue is \"0\", allowed is a size"),
        ("[backplane]\nurl: redis://h\nport: 1", "3: port is no key of [backplane], it belongs"),
        ("[backplane]\nurl: redis://h\nprefx: 1", "did you mean \"prefix\"?"),
        ("[server]\nprefix: a", "2: unknown key \"prefix\" in [server]"),
    ] {
        let shown = parse(text).expect_err("it is wrong");
        assert!(shown.contains(expected) && !shown.contains("hidden"), "{text:?}: {shown}");
    }
}

#[test]
fn a_change_waits_for_a_restart() {
    let [old, new] = ["a", "b"].map(|prefix| {
        parse(&format!("[backplane]\nurl: redis://h\nprefix: {prefix}")).expect("it is right")
    });
    assert_eq!(old.waiting_changes(&new), ["[backplane]"]);
    assert_eq!(old.waiting_changes(&Config::default()), ["[backplane]"]);
    assert!(old.waiting_changes(&old).is_empty() && old.applied_changes(&new).is_empty());
}

#[test]
fn the_shipped_file_documents_the_keys_of_the_backplane() {
    for key in keys::backplane::KEYS {
        let (meaning, allowed) = (key.meaning, key.allowed());
        let line = format!("{}: {}", key.name, key.default);
        let entry = format!("\n# {meaning}.\n# Allowed: {allowed}.\n# {}\n", line.trim_end());
        assert!(SHIPPED.contains(&entry), "server.conf lacks: {entry}");
        let text = format!("[backplane]\nurl: redis://h\n{line}\n");
        let is_taken = key.default.is_empty() || parse(&text).is_ok();
        assert!(is_taken, "the default is no allowed value: {line}");
    }
}

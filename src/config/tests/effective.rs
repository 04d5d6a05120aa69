//! `--print-config`: the text, and the law that it is read as the same configuration.

use super::admin::World;
use super::each_key::{VALUES, is_built};
use super::*;
use crate::config::expand::ValueForm;
use crate::config::key::ReloadTime;

/// The text for these files, with these words behind `--print-config`.
fn print(world: World<'_>, words: &[&str]) -> String {
    let words: Vec<_> = ["--print-config"].iter().chain(words).copied().collect();
    match world.run(&words) {
        Ok(Command::Print(text)) => text,
        other => panic!("{words:?} gives {other:?}"),
    }
}

/// The lines of a text that set something or begin a section.
fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// What a configuration is, wherever it comes from.
fn content(config: &Config) -> Config {
    let mut services = config.services.clone();
    services.iter_mut().for_each(|service| (service.line, service.file) = (0, None));
    Config { file: None, included: Vec::new(), services, ..config.clone() }
}

/// Prints what holds, reads it, and prints it again.
fn check(world: World<'_>, words: &[&str]) -> String {
    let Ok(Command::Run(config)) = world.run(words) else { panic!("{words:?} are wrong") };
    let text = print(world, words);
    let again = World { files: &[("server.conf", &text)], ..World::default() };
    let read = again.config().unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(content(&read), content(&config), "{text}");
    let values = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with("# "));
        let values = lines.map(|line| line.rsplit_once("  # ").map_or(line, |(value, _)| value));
        values.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(values(&print(again, &[])), values(&text), "the second time");
    text
}

fn of_text(text: &str) -> String {
    check(World { files: &[("server.conf", text)], ..World::default() }, &[])
}

#[test]
fn each_default_is_a_comment() {
    for world in [World::default(), World { files: &[("server.conf", "")], ..World::default() }] {
        let text = check(world, &[]);
        assert_eq!(lines(&text), ["[server]", "[limits]"]);
        for key in keys::all() {
            let class = if key.reload == ReloadTime::Live { "" } else { "; restart" };
            let line = format!("\n#{}: {}  # default{class}\n", key.name, key.default);
            assert!(text.contains(&line), "{text}");
        }
    }
}

/// The law, for each key, each value that it takes, in each section.
#[test]
fn what_is_printed_is_read_as_the_same() {
    let mut changed = Vec::new();
    let beginnings = [
        "",
        #[cfg(feature = "programs")]
        "[server]\nmode: per-socket\n",
        #[cfg(feature = "proxy")]
        "[server]\ntrusted-proxy: unix\n",
        #[cfg(feature = "tls")]
        "[server]\ntls-certificate: a\n",
        #[cfg(feature = "tls")]
        "[server]\ntls-certificate: a\ntls-port: 1\n",
        #[cfg(feature = "tls")]
        "[server]\ntls-certificate: a\ntls-client-ca: c\n",
        "[limits]\nmax-message: 3m\n",
    ];
    for key in keys::all().filter(|key| key.form() == ValueForm::Plain && is_built(key)) {
        for section in [key.section.title(), "[service /a]"] {
            for (begin, value) in beginnings.iter().flat_map(|b| VALUES.map(|value| (b, value))) {
                let text = format!("{begin}{section}\n{}: {value}\n", key.name);
                if parse(&text).is_err() {
                    continue;
                }
                let printed = of_text(&text);
                let line = text.lines().count();
                // What it sets, wherever that is.
                let set = format!("\n{}: ", key.name);
                let class = if key.reload == ReloadTime::Live { "" } else { "; restart" };
                let place = format!("  # server.conf:{line}{class}\n");
                assert!(printed.contains(&set) && printed.contains(&place), "{printed}");
                changed.push(key.name);
            }
        }
    }
    let missing = keys::all().filter(|key| {
        key.form() == ValueForm::Plain && is_built(key) && !changed.contains(&key.name)
    });
    let missing: Vec<_> = missing.map(|key| key.name).collect();
    assert_eq!(missing, [""; 0], "these have been printed with no value");
}

#[test]
fn each_value_has_its_place() {
    let files = [
        ("server.conf", "[server]\nPort = 1 # one\ninclude: conf.d/*.conf\nhost: a, b\nhost: c"),
        ("conf.d/x.conf", "[limits]\nmail_max: 7 messages\n[service /a]\norigin: any"),
        ("conf.d/y.conf", "[service /a]\nmail-max: 1m\n[service /b]\n[server]\nlog-level: warn"),
    ];
    let world = World { files: &files, ..World::default() };
    let text = check(world, &["-p2", "-p3", "-v", "-s", "src"]);
    let expected = [
        "[server]",
        "host: a, b  # server.conf:4; restart",
        "host: c  # server.conf:5; restart",
        "port: 3  # command line; restart",
        "static-root: src  # command line",
        "log-level: info  # command line",
        "[limits]",
        "mail-max: 7 messages or 4m  # conf.d/x.conf:2",
        "[service /a]  # conf.d/x.conf:3",
        "origin: any  # conf.d/x.conf:4",
        "mail-max: 7 messages or 1m  # conf.d/y.conf:2",
        "[service /b]  # conf.d/y.conf:3",
    ];
    assert_eq!(lines(&text), expected);
    let read = "\n# Read: server.conf\n# Read: conf.d/x.conf\n# Read: conf.d/y.conf\n\n[server]\n";
    assert!(text.contains(read), "{text}");
    let hosts = check(world, &["-o", "d,e", "--host=f"]);
    let hosts: Vec<_> = lines(&hosts).into_iter().filter(|line| line.starts_with("host")).collect();
    assert_eq!(hosts, ["host: d,e  # command line; restart", "host: f  # command line; restart"]);
}

/// A default that another key changes is the one that holds.
#[test]
fn what_follows_from_another_key_is_told() {
    let text =
        of_text("[limits]\nmax-message: 32m\nmax-per-ip: off\n[service /a]\nmax-message: 1g");
    assert!(text.contains("\n#outbox-max: 64m  # follows max-message\n"), "{text}");
    assert!(text.contains("\n#new-per-ip: off  # follows max-per-ip\n"), "{text}");
    let end = "\n[service /a]  # server.conf:4\nmax-message: 1g  # server.conf:5\n\
               #outbox-max: 2g  # follows max-message\n";
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn variables_are_named_and_secrets_hidden() {
    let variables: &[(&str, &[u8])] =
        &[("PORT", b"80"), ("DIR", b"src"), ("PASSWORD", b"src"), ("SPACE", b" src")];
    let text = "[server]\nport: ${PORT}\nstatic-root: ${ROOT:-src}/../${DIR}";
    let text = check(World { files: &[("server.conf", text)], variables }, &[]);
    let expected = [
        "[server]",
        "port: 80  # server.conf:2, from PORT; restart",
        "static-root: src/../src  # server.conf:3, the default of ROOT, from DIR",
        "[limits]",
    ];
    assert_eq!(lines(&text), expected);

    let text = "[server]\nstatic-root: ./${PASSWORD}";
    let text = print(World { files: &[("server.conf", text)], variables }, &[]);
    assert!(text.contains("\nstatic-root: ./***  # server.conf:2, from PASSWORD\n"), "{text}");
    refused(&text);
}

#[cfg(feature = "programs")]
#[test]
fn values_of_programs_are_hidden() {
    let text = "[server]\nenv: A = hunter2\n[service /a]\nenv: none\nenv: B=\"hunter2 # ${X}\"\n\
                env: C=${X}=3\nenv: ${D}";
    let variables: &[(&str, &[u8])] = &[("X", b"hunter2"), ("D", b"D=hunter2")];
    let text = print(World { files: &[("server.conf", text)], variables }, &[]);
    let expected = [
        super::super::effective::UNREADABLE.trim_end(),
        "[server]",
        "env: A=***  # server.conf:2",
        "[limits]",
        "[service /a]  # server.conf:3",
        "env: none  # server.conf:4",
        "env: B=***  # server.conf:5, from X",
        "env: C=***  # server.conf:6, from X",
        "env: ***  # server.conf:7, from D",
    ];
    assert_eq!(lines(&text), expected);
    refused(&text);
}

/// Nobody starts a server with what is hidden in place of what holds.
fn refused(text: &str) {
    let error = parse(text).expect_err("it hides something");
    let expected = "server.conf:1: \"*** or a comment stands for a value, so that no server reads \
                    this\" stands before the first section";
    assert!(error.lines().any(|line| line == expected), "{error}");
}

/// Signs of the syntax, in names of folders that exist.
#[test]
fn values_are_written_as_they_are_read() {
    let root = std::env::temp_dir().join(format!("switchboard-print-{}", std::process::id()));
    let path = |name: &str| root.join(name).to_str().expect("it is text").to_owned();
    // Those of the second kind no file can have.
    let readable = ["a#b", "a;b", "a \"b", "\"a\" b", "a$b", "$$", "${A}", "a: b", "[a]", "\u{fc}"];
    let others = ["a\nb", "a #b", "a ;b", "a ", "\r"];
    for (names, is_readable) in [(&readable[..], true), (&others[..], false)] {
        for name in names {
            std::fs::create_dir_all(path(name)).expect("it can be made");
            let words = ["-s", &path(name)];
            if is_readable {
                check(World::default(), &words);
                continue;
            }
            let text = print(World::default(), &words);
            let line = format!("\n# static-root: {:?}  # command line; no file", path(name));
            assert!(text.contains(&line), "{text}");
            refused(&text);
        }
    }
    // A sign that begins a comment behind a blank, at the beginning of a value.
    for value in ["#x", ";x"] {
        let file = ("server.conf", format!("[server]\norigin:{value}"));
        assert!(parse(&file.1).is_err(), "no origin has it");
    }
    std::fs::remove_dir_all(&root).expect("it can be removed");
}

/// The name of a file neither ends a comment nor closes a quote in front of it.
#[test]
fn names_of_files_are_no_syntax() {
    let files =
        [("a\n[limits]\nport: \"", "[server]\norigin: https://a.example, \"https:x\nport: 7")];
    let world = World { files: &files, ..World::default() };
    assert!(world.run(&["-c", files[0].0]).is_err());
    let files = [("a\n[limits]\nport: \"", "[server]\nport: 7\nstatic-root: src")];
    let text = check(World { files: &files, ..World::default() }, &["-c", files[0].0]);
    let place = "a\\u{a}[limits]\\u{a}port: \\u{22}";
    assert!(text.contains(&format!("\nport: 7  # {place}:2; restart\n")), "{text}");
    assert!(text.contains(&format!("\n# Read: {place}\n")), "{text}");
}

#[test]
fn the_shipped_file_prints_its_service() {
    let text = of_text(SHIPPED);
    let line =
        1 + SHIPPED.lines().position(|line| line.starts_with("[service")).expect("it has one");
    assert!(text.contains(&format!("\n[service /demo_chatroom]  # server.conf:{line}\n")));
    assert_eq!(lines(&text).len(), 5);
}

#[test]
fn a_wrong_configuration_is_not_printed() {
    let files = [("server.conf", "[server]\nport: x")];
    let error = World { files: &files, ..World::default() }.run(&["--print-config"]);
    assert!(error.expect_err("it is wrong").starts_with("server.conf:2: port is"));
    #[cfg(feature = "programs")]
    {
        let error = World::default().run(&["--try", "a", "--print-config"]);
        let expected = "--try does not go with --print-config: it runs; leave out one of them";
        assert_eq!(error, Err(expected.to_owned()));
    }
}

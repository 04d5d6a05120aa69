//! Tables of files and command lines, each with its result.

#[cfg(feature = "admin")]
mod admin;
#[cfg(feature = "redis")]
mod backplane;
#[cfg(feature = "database")]
mod databases;
mod each_key;
#[cfg(feature = "admin")]
mod effective;
#[cfg(feature = "admin")]
mod includes;
#[cfg(not(feature = "admin"))]
mod no_admin;
#[cfg(all(feature = "admin", not(feature = "redis")))]
mod no_backplane;
#[cfg(not(feature = "programs"))]
mod no_programs;
#[cfg(feature = "admin")]
mod printed;
#[cfg(feature = "programs")]
mod programs;
#[cfg(feature = "proxy")]
mod proxies;
mod shipped;
#[cfg(feature = "admin")]
mod variables;

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use log::LevelFilter;

use crate::config::{Command, Config, Exit, keys, read_file};
use crate::limits::{Limits, Rate};
use crate::service::{OriginRule, ServiceOptions};

/// Tests run in the package, where this file is, and the directories that they name.
const SHIPPED: &str = include_str!("../../../server.conf");

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(Path::new("server.conf"), text).map_err(|error| error.to_string())
}

/// The result of a command line where `files` are all the files that there are.
fn run(words: &[&str], files: &[(&str, &str)]) -> Result<Command, (Exit, String)> {
    let read = |path: &Path| {
        let file = files.iter().find(|(name, _)| Path::new(name) == path);
        file.map(|(_, text)| text.as_bytes().to_vec()).ok_or(io::ErrorKind::NotFound.into())
    };
    Command::parse(words.iter().map(OsString::from), read)
        .map_err(|error| (error.exit(), error.to_string()))
}

fn config(words: &[&str], files: &[(&str, &str)]) -> Config {
    match run(words, files) {
        Ok(Command::Run(config)) => config,
        other => panic!("{words:?} gives {other:?}"),
    }
}

#[test]
fn names_are_plain_and_unique() {
    for (index, key) in keys::all().enumerate() {
        assert_eq!(key.name, super::ini::plain(key.name));
        assert!(keys::all().take(index).all(|other| other.name != key.name), "{}", key.name);
        assert!(std::ptr::eq(keys::known(key.name), key));
    }
}

/// A build that cannot compress says how to get one that can.
#[test]
fn compression_is_for_builds_that_have_it() {
    let all = parse("[server]\ncompression: ON");
    let one = parse("[server]\ncompression: off\n[service /a]\ncompression: on");
    #[cfg(feature = "deflate")]
    {
        let on = crate::service::Compression::On;
        assert_eq!(all.expect("it is allowed").all.compression, on);
        assert_eq!(one.expect("it is allowed").services[0].options.compression, on);
    }
    #[cfg(not(feature = "deflate"))]
    for (outcome, line, value) in [(all, 2, "ON"), (one, 4, "on")] {
        let error = format!(
            "server.conf:{line}: compression is \"{value}\", \
             allowed is off, or on if it was built with --features deflate"
        );
        assert_eq!(outcome, Err(error));
    }
}

#[test]
fn sockets_are_fitted_to_the_descriptors() {
    let asked = |sockets_max, root: &str| {
        let static_root = (!root.is_empty()).then(|| PathBuf::from(root));
        Config {
            sockets_max,
            static_root,
            #[cfg(feature = "programs")]
            document_root: PathBuf::from("missing"),
            ..Config::default()
        }
    };
    let rows = [
        (asked(None, ""), 1_024, 960, 256),
        (asked(None, "src"), 1_024, 704, 256),
        (asked(None, "src"), 256, 128, 64),
        (asked(None, "src"), 2, 1, 1),
        (asked(None, ""), usize::MAX, 1_000_000, 256),
        (asked(Some(7), ""), 1_024, 7, 256),
        (asked(Some(5_000), "src"), 1_024, 5_000, 256),
        (asked(Some(2_000_000), ""), usize::MAX, 2_000_000, 256),
    ];
    for (config, descriptors, sockets_max, files_open_max) in rows {
        let expected = Limits { sockets_max, files_open_max, ..config.all.limits };
        assert_eq!(config.limits_for(descriptors), expected, "{descriptors}");
    }
}

#[test]
fn services_lie_over_all_whatever_the_order() {
    let text = "[service /a]\nmax-message: 64k\n[limits]\nmax-message: 128k\npong-timeout: 1s\n\
                [service /b/]\norigin: any\nmail-max: 1m\n[server]\norigin: null\n\
                [SERVICE   /a]\nidle_timeout: 1m\n[service /C]\n";
    let config = parse(text).expect("the text is right");
    let all = Limits { message_bytes_max: 128 << 10, pong_ms_max: 1_000, ..Limits::SERVER };
    let null = "null".parse::<OriginRule>().expect("it is a rule");
    let off = Config::default().all;
    assert_eq!(config.all, ServiceOptions { limits: all, origin: null.clone(), ..off.clone() });
    let a = Limits { message_bytes_max: 64 << 10, idle_ms_max: 60_000, ..all };
    let b = Limits { mail_bytes_max: 1 << 20, ..all };
    let expected = [
        // A section without keys still names a path.
        ("/C", config.all.clone()),
        ("/a", ServiceOptions { limits: a, origin: null, ..off.clone() }),
        ("/b/", ServiceOptions { limits: b, origin: OriginRule::Any, ..off }),
    ];
    let services = config.services.iter().map(|own| (own.path.as_str(), own.options.clone()));
    assert_eq!(services.collect::<Vec<_>>(), expected);
    let places = ["/a", "/b/", "/C", "/d"].map(|path| config.place_of(path));
    assert_eq!(places, ["server.conf:1", "server.conf:6", "server.conf:13", "server.conf"]);
}

const FAULTS: &[(&str, &str)] = &[
    ("[server]\nport: 70000", "2: port is \"70000\", allowed is a number from 0 to 65535, or none"),
    (
        "[limits]\nmax-mesage: 1m",
        "2: unknown key \"max-mesage\" in [limits]; did you mean \"max-message\"?",
    ),
    ("[limits]\nPrt: 1", "2: unknown key \"Prt\" in [limits]; did you mean \"port\" in [server]?"),
    (
        "[server]\nfrobnicate: 1",
        "2: unknown key \"frobnicate\" in [server]; the server.conf that comes with the server has \
         them all",
    ),
    (
        "[service /a]\nidle_timeoutt: off",
        "2: unknown key \"idle_timeoutt\" in [service /a]; did you mean \"idle-timeout\"?",
    ),
    (
        "[service /a]\nmax-per-ip: 1",
        "2: max-per-ip is no key of [service /a], it belongs in [limits]",
    ),
    ("[server]\nmax-message: 1m", "2: max-message is no key of [server], it belongs in [limits]"),
    ("[limits]\norigin: any", "2: origin is no key of [limits], it belongs in [server]"),
    ("port: 1", "1: \"port\" stands before the first section; it belongs in [server]"),
    ("x: 1", "1: \"x\" stands before the first section"),
    ("[servr]\nport: 1", "1: unknown section \"servr\"; did you mean [server]?"),
    ("[server 1]", "1: unknown section \"server 1\"; did you mean [server]?"),
    ("[servic]", "1: unknown section \"servic\"; did you mean [service /path]?"),
    ("[service/a]", "1: unknown section \"service/a\"; did you mean [service /a]?"),
    ("[/a]\nmax-message: 1k", "1: unknown section \"/a\"; did you mean [service /a]?"),
    ("[servce /a/b]", "1: unknown section \"servce /a/b\"; did you mean [service /a/b]?"),
    #[cfg(feature = "database")]
    (
        "[nonsense]",
        "1: unknown section \"nonsense\", \
             allowed are [server], [limits], [service /path] and [database name]",
    ),
    #[cfg(not(feature = "database"))]
    (
        "[nonsense]",
        "1: unknown section \"nonsense\", \
             allowed are [server], [limits] and [service /path]",
    ),
    ("[service]", "1: a service is named by its path, as in [service /path]"),
    ("[server\nport: 1", "1: a section is a name in brackets, such as [server]"),
    ("[server]\nport 1", "2: a key needs a colon and a value, such as port: 12345"),
    ("[server]\n= 1", "2: a name is missing before the value, such as port: 12345"),
    ("[server]\nport: 1\n\n[server]\nPORT: 1", "5: port is given before, in line 2"),
    (
        "[service /a]\norigin: any\n[service /a]\norigin: any",
        "4: origin is given before, in line 2",
    ),
    (
        "[server]\nhealth-path: health",
        "2: health-path is \"health\", allowed is a path such as /health, without % and ?, or none",
    ),
    (
        "[server]\nhealth-path: /a//b",
        "2: health-path is \"/a//b\", allowed is a path such as /health, without % and ?, or none",
    ),
    // The item of a list that is wrong is named alone.
    (
        "[server]\nallowed-hosts: a.example, b.example:80, c.example",
        "2: allowed-hosts is \"b.example:80\", allowed is auto, any, or a list such as a.example, \
         *.b.example, 10.0.0.1, without ports",
    ),
    (
        "[server]\nhealth-path: /h?x",
        "2: health-path is \"/h?x\", allowed is a path such as /health, without % and ?, or none",
    ),
    (
        "[server]\nstatic-root: no/such",
        "2: static-root is \"no/such\", allowed is a directory that exists, or none",
    ),
    (
        "[service /a]\nthread: worker",
        "2: thread is \"worker\", allowed is own, or loop for a service that never blocks",
    ),
    (
        "[limits]\npong-timeout: 0s",
        "2: pong-timeout is \"0s\", \
             allowed is a time from 1ms to 8760h, such as 500ms, 25s, 2m or 1h",
    ),
    (
        "[limits]\nidle-timeout: 0",
        "2: idle-timeout is \"0\", \
             allowed is a time from 1ms to 8760h, such as 500ms, 25s, 2m or 1h, or off",
    ),
    (
        "[service /a]\nmessage-rate: 100",
        "2: message-rate is \"100\", \
             allowed is off, or N/s burst M up to 16777216, such as 100/s burst 200",
    ),
    (
        "[limits]\nnew-per-ip: 0/s burst 1",
        "2: new-per-ip is \"0/s burst 1\", \
             allowed is off, or N/s burst M up to 16777216, such as 100/s burst 200",
    ),
    ("[limits]\nrate-policy: drop", "2: rate-policy is \"drop\", allowed is wait or close"),
    (
        "[service /a]\norigin: a\u{1b}[2J",
        "2: origin is \"a\\u{1b}[2J\", \
             allowed is same, any, or a list such as same, https://a.example, \
         https://*.b.example, http://localhost:*, app://., file://, null",
    ),
];

#[test]
fn faults_are_told() {
    for (text, expected) in FAULTS {
        assert_eq!(parse(text), Err(format!("server.conf:{expected}")), "{text:?}");
    }
    for path in ["a", "/a?b", "/a//b", "/.a", "/a/../b", "/a%20b", "http://x/a"] {
        let error = parse(&format!("[service {path}]")).expect_err(path);
        let start = format!("server.conf:1: no service has the path {path:?}; it has to begin");
        assert!(error.starts_with(&start), "{error}");
    }
}

/// The keys of a wrong section are judged: by the section that was meant, or else by all.
#[test]
fn wrong_sections_hide_no_fault() {
    let keys = "port: x\nmax-mesage: 1k\nmax-message: 2x\norigin: any";
    let size = "max-message is \"2x\", allowed is a size";
    let rows = [
        (
            "servr",
            [
                "unknown section",
                "port is \"x\", allowed is a number",
                "unknown key \"max-mesage\" in [server]; did you mean \"max-message\" in \
                 [limits]?",
                "max-message is no key of [server], it belongs in [limits]",
            ],
        ),
        (
            "service a",
            [
                "no service has the path \"a\"; it has to begin with a slash and to stand as it \
                 will be decoded, without query, empty or hidden segments; did you mean [service \
                 /a]?",
                "port is no key of [service /a], it belongs in [server]",
                "unknown key \"max-mesage\" in [service /a]; did you mean \"max-message\"?",
                size,
            ],
        ),
        (
            "service /a//\u{1b}",
            [
                "no service has the path \"/a//\\u{1b}\"",
                "port is no key of [service \"/a//\\u{1b}\"], it belongs in [server]",
                "unknown key \"max-mesage\" in [service \"/a//\\u{1b}\"]; did you mean",
                size,
            ],
        ),
        (
            "nonsense",
            [
                "unknown section",
                "port is \"x\", allowed is a number",
                "unknown key \"max-mesage\" in its section; did you mean \"max-message\" in \
                 [limits]?",
                size,
            ],
        ),
    ];
    for (title, expected) in rows {
        let error = parse(&format!("[{title}]\n{keys}")).expect_err("it is full of faults");
        assert_eq!(error.lines().count(), expected.len(), "{error}");
        for (number, (line, expected)) in (1..).zip(error.lines().zip(expected)) {
            let start = format!("server.conf:{number}: {expected}");
            assert!(line.starts_with(&start), "{line}\n{start}");
        }
    }
    let near = [("/a?b", "/a"), ("/a%62", "/ab"), ("http://x/a", "/a"), ("a/b", "/a/b")];
    for (path, meant) in near {
        let error = parse(&format!("[service {path}]")).expect_err(path);
        assert!(error.ends_with(&format!("did you mean [service {meant}]?")), "{error}");
    }
}

/// Its keys are in this build those of no section, and no faults of their own.
#[cfg(all(feature = "admin", not(feature = "database")))]
#[test]
fn a_section_of_another_build_is_one_fault() {
    let text = "[database main]\nurl: sqlite:a.db\nconnections: 4\nstart: never\n[server]\nprt: 1";
    let shown = parse(text).expect_err("there are no databases");
    let lines: Vec<_> = shown.lines().collect();
    let [section, key] = *lines else { panic!("{shown}") };
    assert!(
        section.contains(":1: [database main] needs the feature sqlite or postgres"),
        "{shown}"
    );
    assert!(key.contains(":6: unknown key \"prt\" in [server]"), "{shown}");
}

#[test]
fn contradictions_name_both_sides() {
    let rows = [
        (
            "[limits]\nmax-message: 4m\noutbox-max: 3m",
            "2: max-message is \"4m\" in line 2, outbox-max is \"3m\" in line 3; \
             outbox-max must hold one max-message: raise the one or lower the other",
        ),
        (
            "[limits]\noutbox-max: 3m\n[service /a]\nmax-message: 4m",
            "4: max-message is \"4m\" in line 4, outbox-max is \"3m\" in line 2; \
             outbox-max must hold one max-message: raise the one or lower the other",
        ),
        (
            "[service /a]\norigin: any\n[limits]\noutbox-max: 1k",
            "4: max-message is \"1m\" by default, outbox-max is \"1k\" in line 4; \
             outbox-max must hold one max-message: raise the one or lower the other",
        ),
        (
            "[limits]\noutbox-low: 64k",
            "2: outbox-low is \"64k\" in line 2, outbox-high is \"64k\" by default; \
             outbox-low must be below outbox-high",
        ),
        (
            "[limits]\noutbox-high: 3m",
            "2: outbox-high is \"3m\" in line 2, outbox-max is \"2m\" by default; \
             outbox-high must not be above outbox-max",
        ),
        (
            "[limits]\nmax-head: 1k",
            "2: max-request-line is \"8k\" by default, max-head is \"1k\" in line 2; \
             max-request-line must not be above max-head",
        ),
        // A fault elsewhere hides nothing.
        (
            "[limits]\noutbox-low: 64k\n[service /a]\nmax-topics: 0",
            "2: outbox-low is \"64k\" in line 2, outbox-high is \"64k\" by default; \
             outbox-low must be below outbox-high\nserver.conf:4: max-topics is \"0\", \
             allowed is a number from 1 to 16777216",
        ),
        // A value that could not be read contradicts nothing.
        (
            "[limits]\nmax-message: 4m\noutbox-max: 8x\n[service /a]\nmax-message: 5m",
            "3: outbox-max is \"8x\", allowed is a size from 1 to 1g, such as 65536, 64k or 1m",
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(parse(text), Err(format!("server.conf:{expected}")), "{text:?}");
    }
    assert!(parse("[limits]\nmax-message: 4m\noutbox-max: 4m").is_ok());
}

#[test]
fn all_faults_are_told_in_order_up_to_twenty() {
    let text =
        "[limits]\nmax-head: x\nmax-haed: 1\n[x]\n[service /a]\norigin: x\n[server]\nport: x";
    let error = parse(text).expect_err("it is full of faults");
    let numbers: Vec<&str> = error.lines().filter_map(|line| line.split(':').nth(1)).collect();
    assert_eq!(numbers, ["2", "3", "4", "6", "8"]);

    let error = parse(&"nonsense\n".repeat(50)).expect_err("it is full of faults");
    assert_eq!(error.lines().count(), 21);
    assert!(error.ends_with("\nand 30 more"), "{error}");

    let long = format!("[server]\nport: {}", "9".repeat(1_000));
    assert!(parse(&long).expect_err("no port").len() < 200);
}

#[test]
fn a_flag_counts_before_the_file() {
    let file = ("server.conf", "[server]\nhost: 10.0.0.1\nport: 1\nstatic-root: no/such");
    let rows = [
        ("-p2", "10.0.0.1", 2),
        ("-p 2", "10.0.0.1", 2),
        ("--port=2", "10.0.0.1", 2),
        ("--port 2 --port 3", "10.0.0.1", 3),
        ("-o::1", "::1", 1),
        ("-o a --host b --host=a", "a b", 1),
        ("--host=a,b -o[::1]", "a b ::1", 1),
        ("-vqp2", "10.0.0.1", 2),
        ("-v", "10.0.0.1", 1),
    ];
    for (words, hosts, port) in rows {
        let words: Vec<&str> = words.split(' ').chain(["--static-root=src"]).collect();
        let config = config(&words, &[file]);
        assert_eq!(config.hosts.join(" "), hosts, "{words:?}");
        assert_eq!(config.port, Some(port), "{words:?}");
        assert_eq!(config.static_root, Some("src".into()));
    }
    let flags = config(&["-s", "tests/", "-p0"], &[]);
    let static_root = Some(PathBuf::from("tests"));
    assert_eq!(flags, Config { port: Some(0), static_root, ..Config::default() });
}

#[test]
fn levels_are_steps_from_that_of_the_file() {
    let rows: [(&[&str], LevelFilter); 8] = [
        (&[], LevelFilter::Warn),
        (&["-v"], LevelFilter::Info),
        (&["-vv"], LevelFilter::Debug),
        (&["-v", "--verbose", "-v"], LevelFilter::Trace),
        (&["-vvvvvvvvv"], LevelFilter::Trace),
        (&["-q"], LevelFilter::Error),
        (&["-qqqqq"], LevelFilter::Off),
        (&["-qv"], LevelFilter::Warn),
    ];
    for (words, level) in rows {
        let config = config(words, &[("server.conf", "[server]\nlog-level: warn")]);
        assert_eq!(config.log_level, level, "{words:?}");
    }
}

#[test]
fn files_are_found() {
    let files = [
        ("server.conf", "[server]\nport: 1"),
        ("server.config", "[server]\nport: 2"),
        ("other", "[server]\nport: 3"),
    ];
    assert_eq!(config(&[], &files).port, Some(1));
    assert_eq!(config(&[], &files[1..]).port, Some(2));
    assert_eq!(config(&[], &files[2..]), Config::default());
    assert_eq!(config(&["-c", "server.conf", "--config=other"], &files).port, Some(3));
    let (exit, error) = run(&["-cmissing"], &files).expect_err("it is missing");
    assert_eq!(exit, Exit::Configuration);
    assert!(error.starts_with("missing: cannot be read: "), "{error}");

    let with = |bytes: &[u8]| {
        let error = Command::parse([], |_: &Path| Ok(bytes.to_vec())).expect_err("it is no text");
        error.to_string()
    };
    assert_eq!(with(b"[server]\n# \xff"), "server.conf:2: the text is not UTF-8");
    let long = "server.conf: is longer than 1 MiB, which no configuration is";
    assert_eq!(with(&[b'\n'; (1 << 20) + 1]), long);
    let denied = |_: &Path| Err(io::ErrorKind::PermissionDenied.into());
    let error = Command::parse([], denied).expect_err("it is there");
    assert_eq!(error.to_string(), "server.conf: cannot be read: permission denied");
    assert_eq!(read_file(Path::new("server.conf")).ok(), Some(SHIPPED.as_bytes().to_vec()));
}

#[test]
fn deeds_other_than_running() {
    let deed = |words: &[&str]| run(words, &[]).expect("the words are right");
    assert_eq!(deed(&["--check-config", "-p1"]), {
        Command::CheckConfig(Config { port: Some(1), ..Config::default() })
    });
    assert_eq!(deed(&["--list-services"]), Command::ListServices(Config::default()));
    assert_eq!(deed(&["-V", "--nonsense"]), Command::Version);
    assert_eq!(deed(&["-p1", "--version", "-c", "missing"]), Command::Version);
    let Command::Print(text) = deed(&["-h"]) else { panic!("no help") };
    assert_eq!(deed(&["--help", "stray"]), Command::Print(text.clone()));
    for word in ["--check-config", "-s, --static-root DIR", "server.conf", "4  wrong conf"] {
        assert!(text.contains(word), "{word}");
    }
    assert!(text.lines().all(|line| line.len() <= 100 && line.trim_end() == line));
}

#[test]
fn wrong_command_lines() {
    let rows: [(&[&str], &str); 14] = [
        (&["--prot", "1"], "unknown flag \"--prot\"; did you mean \"--port\"?"),
        (&["--staticroot=a"], "unknown flag \"--staticroot\"; did you mean \"--static-root\"?"),
        (&["--zzz"], "unknown flag \"--zzz\"; the help has them all: --help"),
        (&["-x"], "unknown flag \"-x\"; the help has them all: --help"),
        (&["-vx"], "unknown flag \"-x\"; the help has them all: --help"),
        (&["stray"], "\"stray\" belongs to no flag; only flags are taken: --help"),
        (&["--"], "\"--\" belongs to no flag; only flags are taken: --help"),
        (&["-"], "\"-\" belongs to no flag; only flags are taken: --help"),
        (&[""], "\"\" belongs to no flag; only flags are taken: --help"),
        (&["--port"], "--port needs a value: --port N"),
        (&["-vp"], "-p needs a value: -p N"),
        (&["--check-config=no"], "--check-config takes no value"),
        (&["--port=70000"], "--port is \"70000\", allowed is a number from 0 to 65535, or none"),
        (&["-s", ""], "-s is \"\", allowed is a directory that exists, or none"),
    ];
    for (words, expected) in rows {
        let error = (Exit::CommandLine, expected.to_owned());
        assert_eq!(run(words, &[("server.conf", "nonsense")]), Err(error), "{words:?}");
    }
    // The word is right, and what it names is not there: a fault of the configuration.
    let error =
        "command line: static-root is \"no/such\", allowed is a directory that exists, or none";
    assert_eq!(run(&["-s", "no/such"], &[]), Err((Exit::Configuration, error.to_owned())));
}

#[test]
fn words_need_not_be_text() {
    let missing = |_: &Path| Err(io::ErrorKind::NotFound.into());
    let rows: [(&[u8], Exit, &str); 4] = [
        (b"-sno/\xff", Exit::Configuration, "static-root is \"no/\u{fffd}\""),
        (b"--config=\xff", Exit::Configuration, "\u{fffd}: cannot be read"),
        (b"--port=\xff", Exit::CommandLine, "--port is \"\u{fffd}\""),
        (b"-\xff", Exit::CommandLine, "unknown flag"),
    ];
    for (word, exit, expected) in rows {
        let error = Command::parse([OsStr::from_bytes(word).to_owned()], missing);
        let error = error.expect_err("nothing is there");
        assert_eq!(error.exit(), exit);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn an_outbox_that_is_not_given_follows_the_longest_message() {
    let text =
        "[limits]\nmax-message: 32m\n[service /a]\nmax-message: 48m\n[service /b]\norigin: any";
    let config = parse(text).expect("nothing contradicts itself");
    assert_eq!(config.all.limits.outbox_bytes_max, 64 << 20);
    let own = config.services.iter().map(|own| own.options.limits.outbox_bytes_max);
    assert_eq!(own.collect::<Vec<_>>(), [96 << 20, 64 << 20]);
    let small = parse("[limits]\nmax-message: 64k").expect("nothing contradicts itself");
    assert_eq!(small.all.limits.outbox_bytes_max, Limits::SERVER.outbox_bytes_max);
}

#[test]
fn the_rate_of_connections_follows_max_per_ip() {
    let default = Limits::SERVER.connection_rate;
    let given = Some(Rate { per_s: 1, burst: 2 });
    for (text, expected) in [
        ("", default),
        ("max-per-ip: 5", default),
        ("max-per-ip: off", None),
        ("max-per-ip: off\nnew-per-ip: 1/s burst 2", given),
        ("new-per-ip: 1/s burst 2\nmax-per-ip: off", given),
        ("max-per-ip: 5\nnew-per-ip: off", None),
        ("max-per-ip: off\nnew-per-ip: off", None),
    ] {
        let text = format!("[limits]\n{text}\n[service /a]\norigin: any");
        let config = parse(&text).expect(&text);
        let rates = [&config.all, &config.services[0].options].map(|of| of.limits.connection_rate);
        assert_eq!(rates, [expected; 2], "{text}");
    }
}

#[cfg(feature = "admin")]
#[test]
fn a_log_file_needs_its_directory() {
    let said = |file: &str| parse(&format!("[server]\nlog-file: {file}"));
    // Paths are relative to the package here.
    for (file, path) in [
        ("NONE", None),
        ("log", Some("log")),
        ("./src/log", Some("./src/log")),
        ("src/main:1 log", Some("src/main:1 log")),
        ("Cargo.toml", Some("Cargo.toml")),
        ("/dev/null", Some("/dev/null")),
    ] {
        assert_eq!(said(file).expect("it is allowed").log_file, path.map(PathBuf::from), "{file}");
    }
    for file in ["missing/log", "src", "src/", "/", "..", "Cargo.toml/log"] {
        let allowed = "allowed is a file in a directory that exists, or none";
        let error = format!("server.conf:2: log-file is \"{file}\", {allowed}");
        assert_eq!(said(file), Err(error));
    }
}

//! Tables of settings for programs: in files, and by the flags of a trial.

use super::*;
use crate::config::{Script, Trial, flags, trial_flags};
use crate::programs::{Mode, OnChange, OnDeath, ProgramOptions, ReplaceWhen, Subpaths, Variable};

#[test]
fn keys_become_options() {
    let rows: [(&str, ProgramOptions); 6] = [
        ("", ProgramOptions::SHARED),
        ("framing: bytes", ProgramOptions::SHARED),
        ("mode: per-socket", ProgramOptions { mode: Mode::Lines, ..ProgramOptions::SHARED }),
        (
            "framing: bytes\nmode: per-socket",
            ProgramOptions { mode: Mode::Bytes, ..ProgramOptions::SHARED },
        ),
        (
            "framing: TEXT\nmode: per-socket",
            ProgramOptions { mode: Mode::Text, ..ProgramOptions::SHARED },
        ),
        (
            "pass-env: HOME\nstop-timeout: 1s\nmax-processes: 2\non-death: keep\n\
             on-change: replace\nreplace-when: after-exit\nsubpaths: yes",
            ProgramOptions {
                pass_env: vec!["HOME".to_owned()],
                stop_ms: 1_000,
                processes_max: 2,
                on_death: OnDeath::Keep,
                on_change: OnChange::Replace,
                replace_when: ReplaceWhen::AfterExit,
                subpaths: Subpaths::Served,
                ..ProgramOptions::SHARED
            },
        ),
    ];
    for (keys, options) in rows {
        let config = parse(&format!("[server]\n{keys}\n[service /a]\norigin: any\n"));
        let config = config.expect(keys);
        assert_eq!(config.all_programs, options, "{keys}");
        assert_eq!(config.services[0].program, options, "{keys}");
    }
}

/// A build without programs still knows their names.
#[test]
fn keys_and_flags_of_programs_are_listed() {
    let names: Vec<_> = keys::all().map(|key| key.name).collect();
    let is_there = |names: &[&str]| {
        names.windows(keys::OF_PROGRAMS.len()).any(|names| names == keys::OF_PROGRAMS)
    };
    assert!(is_there(&names), "{names:?}");
    let words = trial_flags::FLAGS.iter().flat_map(|flag| {
        let short = flag.short.map(|letter| format!("-{letter}"));
        short.into_iter().chain([flag.long.to_owned()])
    });
    assert_eq!(words.collect::<Vec<_>>(), flags::OF_PROGRAMS);
}

#[test]
fn one_program_has_keys_of_its_own() {
    let text = "[server]\nmode: per-socket\nframing: bytes\n[service /a]\nmode: shared\n\
                [service /b]\nframing: lines\nmax-processes: 3\n";
    let config = parse(text).expect("nothing contradicts itself");
    let [a, b] = &config.services[..] else { panic!("{:?}", config.services) };
    assert_eq!((a.program.mode, b.program.mode), (Mode::Shared, Mode::Lines));
    assert_eq!(config.all_programs.mode, Mode::Bytes);
    assert_eq!(b.program.processes_max, 3);
}

#[test]
fn wrong_values_are_told() {
    let rows = [
        (
            "[server]\ndocument-root: Cargo.toml",
            "2: document-root is \"Cargo.toml\", allowed is a directory that exists",
        ),
        (
            "[server]\ndocument-root:",
            "2: document-root is \"\", allowed is a directory that exists",
        ),
        ("[server]\nmode: fork", "2: mode is \"fork\", allowed is shared or per-socket"),
        ("[server]\nframing: words", "2: framing is \"words\", allowed is lines, text or bytes"),
        (
            "[service /a]\nmode: per-socket\nprotocols: a/b",
            "3: protocols is \"a/b\", \
             allowed is none, or a list of tokens such as chat.v2, chat.v1",
        ),
        ("[server]\nenv: A=b\0c", &NO_VARIABLE.replace("FOUND", "A=b\\0c")),
        ("[server]\nenv: SCRIPT_NAME=x", &NO_VARIABLE.replace("FOUND", "SCRIPT_NAME=x")),
        (
            "[server]\npass-env: HOME=/",
            "2: pass-env is \"HOME=/\", \
             allowed is none, or a list of names such as HOME, LANG, DATABASE_URL, \
             without NOTIFY_SOCKET, WATCHDOG_PID and WATCHDOG_USEC, which are for the server \
             alone, and without those that it sets itself (docs/programs.md)",
        ),
        (
            "[server]\nstop-timeout: 5",
            "2: stop-timeout is \"5\", \
             allowed is a time from 0s to 8760h, such as 500ms, 25s, 2m or 1h",
        ),
        (
            "[service /a]\nmax-processes: 0",
            "2: max-processes is \"0\", allowed is a number from 1 to 16777216",
        ),
        ("[server]\non-death: hold", "2: on-death is \"hold\", allowed is close or keep"),
        (
            "[server]\non-change: restart",
            "2: on-change is \"restart\", allowed is next-start or replace",
        ),
        (
            "[server]\nreplace-when: after",
            "2: replace-when is \"after\", allowed is after-ready or after-exit",
        ),
        ("[server]\nsubpaths: true", "2: subpaths is \"true\", allowed is no or yes"),
    ];
    for (text, expected) in rows {
        assert_eq!(parse(text), Err(format!("server.conf:{expected}")), "{text:?}");
    }
}

#[test]
fn contradictions_are_told() {
    let rows = [
        (
            "[service /a]\nprotocols: a\n",
            "2: mode is \"shared\" by default, protocols is \"a\" in line 2; \
             this is for mode per-socket alone: set that mode, or leave this out",
        ),
        ("[limits]\nmode: shared", "2: mode is no key of [limits], it belongs in [server]"),
        (
            "[service /a]\nframing: bytes",
            "2: mode is \"shared\" by default, framing is \"bytes\" in line 2; \
             this is for mode per-socket alone: set that mode, or leave this out",
        ),
        (
            "[server]\nmode: shared\n[service /a]\nmax-processes: 7",
            "4: mode is \"shared\" in line 2, max-processes is \"7\" in line 4; \
             this is for mode per-socket alone: set that mode, or leave this out",
        ),
        (
            "[service /a]\non-death: keep\nmode: per-socket",
            "2: mode is \"per-socket\" in line 3, on-death is \"keep\" in line 2; \
             with mode per-socket no other process can take over: use mode shared, or close",
        ),
        // A value that could not be read contradicts nothing.
        (
            "[service /a]\nmode: persocket\nframing: bytes",
            "2: mode is \"persocket\", allowed is shared or per-socket",
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(parse(text), Err(format!("server.conf:{expected}")), "{text:?}");
    }
}

const NO_VARIABLE: &str = "2: env is \"FOUND\", allowed is none, or NAME=value or NAME=\"value\", \
    where the name is of letters, digits and _ and no variable that the server sets itself \
    (docs/programs.md), and the value has no NUL";

/// A value for all services applies to one service, too, unless that has another value.
#[test]
fn variables_add_up() {
    let text = "[server]\nenv: A=1\nenv: B=2\n[service /a]\nenv: A=3\nenv: C=4\n\
                [service /b]\nenv: none\nenv: D=5\n[service /c]\nenv: none\n";
    let config = parse(text).expect("it is right");
    let given = |program: &ProgramOptions| {
        let text = |v: &Variable| format!("{}={} ", v.name, String::from_utf8_lossy(&v.value));
        program.env.iter().map(text).collect::<String>()
    };
    assert_eq!(given(&config.all_programs), "A=1 B=2 ");
    let own = config.services.iter().map(|own| given(&own.program));
    assert_eq!(own.collect::<Vec<_>>(), ["B=2 A=3 C=4 ", "D=5 ", ""]);
    // Addresses are another matter.
    assert_eq!(config.hosts, ["127.0.0.1"]);
}

/// The host has three pipes and one descriptor more for each process.
#[test]
fn descriptors_are_left_for_programs() {
    let shared = Limits::PROGRAMS_MAX * 6;
    let rows = [
        ("", 1_024, 1_024 - 64 - 240),
        ("", 1 << 20, 1_000_000),
        ("", 100_000, 100_000 - 64 - shared),
        // Each socket has its process.
        ("[server]\nmode: per-socket", 1_024, 720 / 5),
        ("[server]\nmode: per-socket\nmax-processes: 1", 100_000, 93_792 - 8 * 1_024),
        ("[service /a]\nmode: per-socket\nmax-processes: 10", 1_024, 720 - 80),
    ];
    for (text, descriptors, sockets_max) in rows {
        // The folder of the sources is there.
        let config = parse(&format!("[server]\ndocument-root: src\n{text}")).expect(text);
        assert_eq!(config.limits_for(descriptors).sockets_max, sockets_max, "{text} {descriptors}");
    }
}

#[test]
fn a_mode_on_the_command_line_counts_before_the_file() {
    let file = ("server.conf", "[server]\nmode: shared\n[service /a]\norigin: any");
    let config = config(&["--mode", "per-socket", "--framing=bytes"], &[file]);
    assert_eq!(config.all_programs.mode, Mode::Bytes);
    assert_eq!(config.services[0].program.mode, Mode::Bytes);
    let file = ("server.conf", "[service /a]\nframing: bytes");
    let (_, error) = run(&["--mode=shared"], &[file]).expect_err("it has no effect");
    assert!(error.contains("mode is \"shared\" on the command line, framing"), "{error}");
}

#[test]
fn a_document_root_on_the_command_line_counts_before_the_file() {
    let file = ("server.conf", "[server]\ndocument-root: no/such");
    for words in [["-d", "src"], ["--document-root", "src"]] {
        assert_eq!(config(&words, &[file]).document_root, Path::new("src"));
    }
    let Ok(Command::Print(text)) = run(&["-h"], &[]) else { panic!("no help") };
    assert!(text.contains("-d, --document-root DIR"));
}

#[test]
fn trials() {
    let files = [("server.conf", "nonsense"), ("other", "[server]\nport: 7\nlog-level: warn")];
    let mut free = Config { port: Some(0), ..Config::default() };
    free.all_programs.on_change = OnChange::Replace;
    let (record, replay) = (Script::Record("t".into()), Script::Replay("t".into()));
    let named = Config { port: Some(7), file: Some("other".into()), ..free.clone() };
    let named = Config { log_level: LevelFilter::Info, ..named };
    let rows: [(&[&str], Config, Script); 6] = [
        (&[], free.clone(), Script::None),
        (&["-p", "9"], Config { port: Some(9), ..free.clone() }, Script::None),
        (
            &["-s", "tests"],
            Config { static_root: Some("tests".into()), ..free.clone() },
            Script::None,
        ),
        (&["--record", "t"], free.clone(), record),
        (&["--replay=t"], free, replay),
        (&["-vc", "other"], named, Script::None),
    ];
    for (words, config, script) in rows {
        let words: Vec<_> = ["--try", "./a"].iter().chain(words).copied().collect();
        let has_port = config.port != Some(0);
        let trial = Trial { program: "./a".into(), config, has_port, script };
        assert_eq!(run(&words, &files), Ok(Command::Try(trial)), "{words:?}");
    }
}

#[test]
fn what_does_not_go_with_a_trial() {
    let rows: [(&[&str], &str); 10] = [
        (&["--try"], "--try needs a value: --try PROGRAM"),
        (&["--record", "t"], "--record belongs to a program that is tried: add --try PROGRAM"),
        (&["--replay", "t"], "--replay belongs to a program that is tried: add --try PROGRAM"),
        (
            &["--try", "a", "--record", "t", "--replay", "t"],
            "--record does not go with --replay: a replay has no network, and nothing to record; \
             leave out one of them",
        ),
        (
            &["--try", "a", "-d", "src"],
            "--try does not go with --document-root: it serves a single program; \
             leave out one of them",
        ),
        (
            &["--try", "a", "--check-config"],
            "--try does not go with --check-config or --list-services: it runs; \
             leave out one of them",
        ),
        (
            &["--try", "a", "--replay", "t", "-p", "1"],
            "--replay does not go with --port: a replay has no network, and nothing to record; \
             leave out one of them",
        ),
        (
            &["--try", "a", "--record", "t", "--mode", "per-socket"],
            "--record does not go with mode per-socket: a transcript is of counted lines, which \
             programs speak in mode shared; leave out one of them",
        ),
        (
            &["--try", "a", "--framing", "bytes"],
            "--framing does not go with mode shared: each message says there what it is; \
             leave out one of them",
        ),
        (&["--try", "a", "--mode", "fork"], "--mode is \"fork\", allowed is shared or per-socket"),
    ];
    for (words, expected) in rows {
        assert_eq!(run(words, &[]), Err((Exit::CommandLine, expected.to_owned())), "{words:?}");
    }
}

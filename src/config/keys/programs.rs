//! The keys of programs: where they are, and how they are run. The keys of the second kind are in
//! `[server]` for all programs, and in the section of a service for one program.

use crate::config::key::{Key, ReloadTime, Setter};
use crate::config::section::Section;
use crate::config::value::ValueKind;
use crate::config::value::words::word;
use crate::config::variables::{protocols, set_variable, variables};
use crate::programs::{Mode, OnChange, OnDeath, ReplaceWhen, Subpaths};

pub(super) static KEYS: &[Key] = &[
    Key {
        section: Section::Server,
        name: "document-root",
        default: "services",
        meaning: "Executables below this directory are services: docs/programs.md",
        reload: ReloadTime::NextStart,
        setter: Setter::Server(ValueKind::Directory(|config| &mut config.document_root)),
    },
    Key {
        section: Section::Server,
        name: "mode",
        default: "shared",
        meaning: "A program has one process for all of its sockets, or one for each",
        reload: ReloadTime::Live,
        setter: Setter::Program(ValueKind::Own(
            "shared or per-socket",
            |program, value| {
                let words = [("shared", Mode::Shared), ("per-socket", Mode::Lines)];
                let mode = word(value.to_str()?, words)?;
                if mode == Mode::Shared || program.mode == Mode::Shared {
                    program.mode = mode;
                }
                Some(())
            },
            |one, other| (one.mode == Mode::Shared) != (other.mode == Mode::Shared),
        )),
    },
    Key {
        section: Section::Server,
        name: "framing",
        default: "lines",
        meaning: "A message in mode per-socket: a line, or a read as text or as bytes",
        reload: ReloadTime::Live,
        setter: Setter::Program(ValueKind::Own(
            "lines, text or bytes",
            |program, value| {
                let words = [("lines", Mode::Lines), ("text", Mode::Text), ("bytes", Mode::Bytes)];
                let framing = word(value.to_str()?, words)?;
                // It applies only if the mode is per-socket, and the mode may come after it: see
                // `resolve`.
                if program.mode != Mode::Shared {
                    program.mode = framing;
                }
                Some(())
            },
            |one, other| {
                [one, other].iter().all(|of| of.mode != Mode::Shared) && one.mode != other.mode
            },
        )),
    },
    Key {
        section: Section::Server,
        name: "protocols",
        default: "none",
        meaning: "In mode per-socket: the first of these subprotocols that a peer offers is agreed",
        reload: ReloadTime::Live,
        setter: Setter::Program(ValueKind::Own(
            "none, or a list of tokens such as chat.v2, chat.v1",
            |program, value| {
                program.protocols = protocols(value.to_str()?)?;
                Some(())
            },
            |one, other| one.protocols != other.protocols,
        )),
    },
    Key {
        section: Section::Server,
        name: "pass-env",
        default: "none",
        meaning: "Variables of the environment that programs get besides PATH",
        reload: ReloadTime::Live,
        setter: Setter::Program(ValueKind::Own(
            "none, or a list of names such as HOME, LANG, DATABASE_URL, without NOTIFY_SOCKET, \
             WATCHDOG_PID and WATCHDOG_USEC, which are for the server alone, and without those \
             that it sets itself (docs/programs.md)",
            |program, value| {
                program.pass_env = variables(value.to_str()?)?;
                Some(())
            },
            |one, other| one.pass_env != other.pass_env,
        )),
    },
    Key {
        section: Section::Server,
        name: "env",
        default: "none",
        meaning: "A variable that programs get; may be repeated; overrides pass-env",
        reload: ReloadTime::Live,
        setter: Setter::Program(ValueKind::OwnEach(
            "none, or NAME=value or NAME=\"value\", where the name is of letters, digits and _ and \
             no variable that the server sets itself (docs/programs.md), and the value has no NUL",
            |program, value| set_variable(&mut program.env, value.to_str()?),
            |one, other| one.env != other.env,
        )),
    },
    Key {
        section: Section::Server,
        name: "stop-timeout",
        default: "5s",
        meaning: "Time for a program to end by itself; then come TERM and, 2 s later, KILL",
        reload: ReloadTime::Live,
        setter: Setter::Program(ValueKind::TimeOrZero(|program| &mut program.stop_ms)),
    },
    Key {
        section: Section::Server,
        name: "max-processes",
        default: "256",
        meaning: "Most processes of open sockets of a program in mode per-socket; over it: 503",
        reload: ReloadTime::Live,
        setter: Setter::Program(ValueKind::Count(|program| &mut program.processes_max)),
    },
    Key {
        section: Section::Server,
        name: "on-death",
        default: "close",
        meaning: "Sockets of a program that dies are closed with 1012, or kept for its next run",
        reload: ReloadTime::Live,
        setter: Setter::Program(ValueKind::Own(
            "close or keep",
            |program, value| {
                let words = [("close", OnDeath::Close), ("keep", OnDeath::Keep)];
                program.on_death = word(value.to_str()?, words)?;
                Some(())
            },
            |one, other| one.on_death != other.on_death,
        )),
    },
    Key {
        section: Section::Server,
        name: "on-change",
        default: "next-start",
        meaning: "A changed file is used at the next start, or replaces the running program",
        reload: ReloadTime::Live,
        setter: Setter::Program(ValueKind::Own(
            "next-start or replace",
            |program, value| {
                let words = [("next-start", OnChange::NextStart), ("replace", OnChange::Replace)];
                program.on_change = word(value.to_str()?, words)?;
                Some(())
            },
            |one, other| one.on_change != other.on_change,
        )),
    },
    Key {
        section: Section::Server,
        name: "replace-when",
        default: "after-ready",
        meaning: "A new version takes over once it is ready, or starts after the old one",
        reload: ReloadTime::Live,
        setter: Setter::Program(ValueKind::Own(
            "after-ready or after-exit",
            |program, value| {
                let words = [
                    ("after-ready", ReplaceWhen::AfterReady),
                    ("after-exit", ReplaceWhen::AfterExit),
                ];
                program.replace_when = word(value.to_str()?, words)?;
                Some(())
            },
            |one, other| one.replace_when != other.replace_when,
        )),
    },
    Key {
        section: Section::Server,
        name: "subpaths",
        default: "no",
        meaning: "A program also answers the paths below its own; PATH_INFO has the rest",
        reload: ReloadTime::Live,
        setter: Setter::Program(ValueKind::Own(
            "no or yes",
            |program, value| {
                let words = [("no", Subpaths::Refused), ("yes", Subpaths::Served)];
                program.subpaths = word(value.to_str()?, words)?;
                Some(())
            },
            |one, other| one.subpaths != other.subpaths,
        )),
    },
];

//! The keys of programs: where they are, and how they are run; the latter stands in the section of
//! the server for all of them, and in its own for one of them.

use crate::config::keys::{Key, Section, Setter};
use crate::config::program::{ProgramConfig, protocols, set_variable, variables};
use crate::config::value::{Kind, directory, word};
use crate::process::{OnChange, OnDeath, ReplaceWhen, Subpaths};
use crate::programs::Mode;

pub(super) static KEYS: &[Key] = &[
    Key {
        section: Section::Server,
        name: "document-root",
        default: "services",
        meaning: "Executables below this directory are services: docs/programs.md",
        setter: Setter::Server(Kind::Own("a directory that exists", |config, value| {
            config.document_root = directory(value)?;
            Some(())
        })),
    },
    Key {
        section: Section::Server,
        name: "mode",
        default: "shared",
        meaning: "A program has one process for all of its sockets, or one for each",
        setter: Setter::Service(Kind::Own("shared or per-socket", |service, value| {
            let words: [(_, fn(&mut _)); 2] =
                [("shared", ProgramConfig::share), ("per-socket", ProgramConfig::split)];
            word(value.to_str()?, words)?(&mut service.program);
            Some(())
        })),
    },
    Key {
        section: Section::Server,
        name: "framing",
        default: "lines",
        meaning: "A message in mode per-socket: a line, or a read as text or as bytes",
        setter: Setter::Service(Kind::Own("lines, text or bytes", |service, value| {
            let words = [("lines", Mode::Lines), ("text", Mode::Text), ("bytes", Mode::Bytes)];
            service.program.set_framing(word(value.to_str()?, words)?);
            Some(())
        })),
    },
    Key {
        section: Section::Server,
        name: "protocols",
        default: "none",
        meaning: "In mode per-socket: of the subprotocols offered, the first listed is agreed",
        setter: Setter::Service(Kind::Own(
            "none, or a list of tokens such as chat.v2, chat.v1",
            |service, value| {
                service.program.manner.protocols = protocols(value.to_str()?)?;
                Some(())
            },
        )),
    },
    Key {
        section: Section::Server,
        name: "pass-env",
        default: "none",
        meaning: "Variables of the environment that programs get besides PATH",
        setter: Setter::Service(Kind::Own(
            "none, or a list of names such as HOME, LANG, DATABASE_URL",
            |service, value| {
                service.program.manner.pass_env = variables(value.to_str()?)?;
                Some(())
            },
        )),
    },
    Key {
        section: Section::Server,
        name: "env",
        default: "none",
        meaning: "A variable that programs get; may be repeated; counts before pass-env",
        setter: Setter::Service(Kind::OwnEach(
            "none, or NAME=value or NAME=\"value\", where the name is of letters, digits and _ and \
             no variable that the server sets itself (docs/programs.md), and the value has no NUL",
            |service, value| set_variable(&mut service.program.manner.env, value.to_str()?),
        )),
    },
    Key {
        section: Section::Server,
        name: "stop-timeout",
        default: "5s",
        meaning: "Time for a program to end by itself; then come TERM and, 2 s later, KILL",
        setter: Setter::Service(Kind::TimeOrZero(|service, ms| {
            service.program.manner.stop_ms = ms;
        })),
    },
    Key {
        section: Section::Server,
        name: "max-processes",
        default: "256",
        meaning: "Most processes of open sockets of a program in mode per-socket; over it: 503",
        setter: Setter::Service(Kind::Count(|service, count| {
            service.program.manner.processes_max = count;
        })),
    },
    Key {
        section: Section::Server,
        name: "on-death",
        default: "close",
        meaning: "Sockets of a program that dies are closed with 1012, or kept for its next run",
        setter: Setter::Service(Kind::Own("close or keep", |service, value| {
            let words = [("close", OnDeath::Close), ("keep", OnDeath::Keep)];
            service.program.manner.on_death = word(value.to_str()?, words)?;
            Some(())
        })),
    },
    Key {
        section: Section::Server,
        name: "on-change",
        default: "next-start",
        meaning: "A changed file counts at the program's next start, or replaces the one that runs",
        setter: Setter::Service(Kind::Own("next-start or replace", |service, value| {
            let words = [("next-start", OnChange::NextStart), ("replace", OnChange::Replace)];
            service.program.manner.on_change = word(value.to_str()?, words)?;
            Some(())
        })),
    },
    Key {
        section: Section::Server,
        name: "replace-when",
        default: "after-ready",
        meaning: "A new version takes over once it is ready, or starts after the old one",
        setter: Setter::Service(Kind::Own("after-ready or after-exit", |service, value| {
            let words =
                [("after-ready", ReplaceWhen::AfterReady), ("after-exit", ReplaceWhen::AfterExit)];
            service.program.manner.replace_when = word(value.to_str()?, words)?;
            Some(())
        })),
    },
    Key {
        section: Section::Server,
        name: "subpaths",
        default: "no",
        meaning: "A program also answers the paths below its own; PATH_INFO has the rest",
        setter: Setter::Service(Kind::Own("no or yes", |service, value| {
            let words = [("no", Subpaths::Refused), ("yes", Subpaths::Served)];
            service.program.manner.subpaths = word(value.to_str()?, words)?;
            Some(())
        })),
    },
];

//! The keys of programs in the document root. For all of them they stand in the section of the
//! server, for one of them in its own.

use crate::config::keys::{Key, Section, Setter};
use crate::config::value::Kind;

pub(super) static KEYS: &[Key] = &[
    Key {
        section: Section::Server,
        name: "mode",
        default: "shared",
        meaning: "A program has one process for all of its sockets, or one for each",
        setter: Setter::Service(Kind::Processes(|service, processes| {
            service.program.processes = processes;
        })),
    },
    Key {
        section: Section::Server,
        name: "framing",
        default: "lines",
        meaning: "What a message is in mode per-socket: a line, or the bytes of a read",
        setter: Setter::Service(Kind::Framing(|service, framing| {
            service.program.framing = framing;
        })),
    },
    Key {
        section: Section::Server,
        name: "pass-env",
        default: "none",
        meaning: "Variables of the environment that programs get besides PATH",
        setter: Setter::Service(Kind::Variables(|service, names| {
            service.program.pass_env = names;
        })),
    },
    Key {
        section: Section::Server,
        name: "stop-timeout",
        default: "5s",
        meaning: "Time for a program to end by itself; then come TERM and, 2 s later, KILL",
        setter: Setter::Service(Kind::TimeOrZero(|service, ms| service.program.stop_ms = ms)),
    },
    Key {
        section: Section::Server,
        name: "max-processes",
        default: "256",
        meaning: "Most processes of a program in mode per-socket; over it: 503",
        setter: Setter::Service(Kind::Count(|service, count| {
            service.program.processes_max = count;
        })),
    },
    Key {
        section: Section::Server,
        name: "on-death",
        default: "close",
        meaning: "Sockets of a program that dies are closed with 1012, or kept for its next run",
        setter: Setter::Service(Kind::OnDeath(|service, on_death| {
            service.program.on_death = on_death;
        })),
    },
    Key {
        section: Section::Server,
        name: "on-change",
        default: "next-start",
        meaning: "A changed file counts at the program's next start, or replaces the one that runs",
        setter: Setter::Service(Kind::OnChange(|service, on_change| {
            service.program.on_change = on_change;
        })),
    },
    Key {
        section: Section::Server,
        name: "subpaths",
        default: "no",
        meaning: "A program also answers the paths below its own; PATH_INFO has the rest",
        setter: Setter::Service(Kind::Subpaths(|service, subpaths| {
            service.program.subpaths = subpaths;
        })),
    },
];

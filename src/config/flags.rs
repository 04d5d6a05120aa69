//! The lists of all flags; those of programs are in `trial_flags`. The help is made from them, and
//! so are manual pages and completions. There is no other list.

use std::fmt::Write;

use crate::config::command::Command;
use crate::config::exit::Exit;
use crate::config::flag::{Effect, Flag};
use crate::config::keys;
use crate::config::nearest::nearest;
#[cfg(feature = "admin")]
use crate::config::printed;
#[cfg(feature = "programs")]
use crate::config::trial_flags;

impl Flag {
    /// The flag with this letter.
    pub(super) fn of_letter(letter: char) -> Option<&'static Self> {
        all().find(|flag| flag.short == Some(letter))
    }

    /// The flag with this name, which has both dashes; or the nearest name.
    pub(super) fn of_name(name: &str) -> Result<&'static Self, Option<&'static str>> {
        let flag = all().find(|flag| flag.long == name);
        flag.ok_or_else(|| nearest(name, shown().map(|flag| flag.long)))
    }
}

/// The text for `--help`.
fn help() -> String {
    let mut text = format!("{PURPOSE}\n\nUsage: switchboard [FLAGS]\n\n");
    let mut push = |line: std::fmt::Arguments<'_>| {
        text.write_fmt(line).expect("a string takes every text");
    };
    for flag in shown() {
        let short = flag.short.map_or_else(|| "    ".to_owned(), |letter| format!("-{letter}, "));
        let names = format!("{short}{} {}", flag.long, flag.value().unwrap_or(""));
        push(format_args!("  {names:<27} {}\n", flag.meaning));
    }
    for note in NOTES {
        push(format_args!("\n{note}"));
    }
    push(format_args!("\nExit codes:\n"));
    for exit in Exit::ALL {
        push(format_args!("  {}  {}\n", exit.code(), exit.meaning()));
    }
    text
}

/// Whether a flag (a name or a letter) is one that this build does not have.
pub(super) fn is_unbuilt(flag: &str) -> bool {
    !cfg!(feature = "programs") && OF_PROGRAMS.contains(&flag)
}

/// All flags.
fn all() -> impl Iterator<Item = &'static Flag> {
    #[cfg(feature = "admin")]
    let all = shown().chain(HIDDEN);
    #[cfg(not(feature = "admin"))]
    let all = shown();
    all
}

/// The flags for users, in the order of the help.
pub(super) fn shown() -> impl Iterator<Item = &'static Flag> {
    LISTS.iter().copied().flatten()
}

static LISTS: &[&[Flag]] = &[
    SERVING,
    #[cfg(feature = "programs")]
    trial_flags::FLAGS,
    ASKING,
];

static SERVING: &[Flag] = &[
    Flag {
        short: Some('c'),
        long: "--config",
        meaning: "Read this file instead of server.conf",
        effect: Effect::File { value: "FILE", place: |parsed| &mut parsed.file },
    },
    Flag::of_key(Some('o'), "--host", "ADDR", keys::known("host")),
    Flag::of_key(Some('p'), "--port", "N", keys::known("port")),
    Flag::of_key(Some('s'), "--static-root", "DIR", keys::known("static-root")),
];

static ASKING: &[Flag] = &[
    Flag {
        short: Some('v'),
        long: "--verbose",
        meaning: "Log more; may be repeated",
        effect: Effect::Louder,
    },
    Flag {
        short: Some('q'),
        long: "--quiet",
        meaning: "Log less; may be repeated",
        effect: Effect::Quieter,
    },
    Flag {
        short: None,
        long: "--check-config",
        meaning: "Check the configuration, and report its faults",
        effect: Effect::Instead(Command::CheckConfig),
    },
    #[cfg(feature = "admin")]
    Flag {
        short: None,
        long: "--print-config",
        meaning: "Print what holds, and where each value comes from",
        effect: Effect::PrintConfig,
    },
    Flag {
        short: None,
        long: "--list-services",
        meaning: "List the services and their paths",
        effect: Effect::Instead(Command::ListServices),
    },
    Flag {
        short: Some('V'),
        long: "--version",
        meaning: "Print the version",
        effect: Effect::Print(|| Command::Version),
    },
    Flag {
        short: Some('h'),
        long: "--help",
        meaning: "Print this help",
        effect: Effect::Print(|| Command::Print(help())),
    },
];

/// The flags in `trial_flags`, also where those are not built.
pub(super) const OF_PROGRAMS: [&str; 7] =
    ["-d", "--document-root", "--mode", "--framing", "--try", "--record", "--replay"];

/// The flags for those who make packages.
#[cfg(feature = "admin")]
static HIDDEN: &[Flag] = &[Flag {
    short: None,
    long: "--print",
    meaning: "Print a manual page, or the completions for a shell",
    effect: Effect::OneOf {
        value: "WHAT",
        texts: &[
            ("man", || {
                Command::Print(printed::command_page(shown(), PURPOSE, NOTES.iter().copied()))
            }),
            ("man5", || Command::Print(printed::file_page())),
            ("bash", || Command::Print(printed::bash(shown()))),
            ("zsh", || Command::Print(printed::zsh(shown()))),
            ("fish", || Command::Print(printed::fish(shown()))),
        ],
        allowed: "man, man5, bash, zsh or fish",
    },
}];

const PURPOSE: &str =
    "Hosts WebSocket services on one port: the path of an address names a service.";

/// The paragraphs of the help.
const NOTES: &[&str] = &[
    "\
A flag overrides the file, and the file overrides the default. If a flag is repeated, the last
one counts. But each --host adds an address; together they replace those of the file.
Without --config, server.conf in the working directory is read if it is there, or else
server.config. The server.conf that comes with the server has every key, with its default,
its meaning, and the allowed values.
",
    #[cfg(feature = "programs")]
    trial_flags::HELP,
    "\
On SIGTERM or SIGINT the server stops cleanly, on a second one at once.
",
];

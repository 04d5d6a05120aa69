//! The list of all flags. The help is made from it, and nothing else lists flags.

use std::fmt::Write;

use crate::config::Config;
use crate::config::command::{Command, Exit};
use crate::config::keys::{self, Key};
use crate::config::nearest::nearest;

/// One flag.
pub(super) struct Flag {
    /// Its letter, after one dash.
    pub(super) short: Option<char>,
    /// Its name, with both dashes.
    pub(super) long: &'static str,
    /// What it does, for the help.
    pub(super) meaning: &'static str,
    /// What it does.
    pub(super) effect: Effect,
}

/// What a flag does.
#[derive(Clone, Copy)]
pub(super) enum Effect {
    /// Names the file to read; the help calls the name `value`.
    File { value: &'static str },
    /// Names the program to try.
    Try { value: &'static str },
    /// Names the file that a transcript of it is written to.
    Record { value: &'static str },
    /// Names the file with the transcript that it is held against.
    Replay { value: &'static str },
    /// Sets the key to what the help calls `value`.
    Key { key: &'static Key, value: &'static str },
    /// One level more of log.
    Louder,
    /// One level less of log.
    Quieter,
    /// Asks for something else than running, which needs the configuration to be right.
    Instead(fn(Config) -> Command),
    /// Asks for a text, whatever the configuration is.
    Print(fn() -> Command),
}

impl Flag {
    /// A flag that sets a key to what the help calls `value`, and means what the key means.
    const fn of_key(
        short: Option<char>,
        long: &'static str,
        value: &'static str,
        key: &'static Key,
    ) -> Self {
        let effect = Effect::Key { key, value };
        Self { short, long, meaning: key.meaning, effect }
    }

    /// The flag with this letter.
    pub(super) fn of_letter(letter: char) -> Option<&'static Self> {
        FLAGS.iter().find(|flag| flag.short == Some(letter))
    }

    /// The flag with this name, which has both dashes; or the nearest name.
    pub(super) fn of_name(name: &str) -> Result<&'static Self, Option<&'static str>> {
        let flag = FLAGS.iter().find(|flag| flag.long == name);
        flag.ok_or_else(|| nearest(name, FLAGS.iter().map(|flag| flag.long)))
    }

    /// What its value is called, if it takes one.
    pub(super) const fn value(&self) -> Option<&'static str> {
        match self.effect {
            Effect::File { value }
            | Effect::Try { value }
            | Effect::Record { value }
            | Effect::Replay { value }
            | Effect::Key { key: _, value } => Some(value),
            Effect::Louder | Effect::Quieter | Effect::Instead(_) | Effect::Print(_) => None,
        }
    }
}

/// The text for `--help`.
fn help() -> String {
    let mut text = String::from(HEAD);
    let mut push = |line: std::fmt::Arguments<'_>| {
        text.write_fmt(line).expect("a string takes every text");
    };
    for flag in FLAGS {
        let short = flag.short.map_or_else(|| "    ".to_owned(), |letter| format!("-{letter}, "));
        let names = format!("{short}{} {}", flag.long, flag.value().unwrap_or(""));
        push(format_args!("  {names:<27} {}\n", flag.meaning));
    }
    push(format_args!("{FILES}"));
    for exit in Exit::ALL {
        push(format_args!("  {}  {}\n", exit.code(), exit.meaning()));
    }
    text
}

static FLAGS: &[Flag] = &[
    Flag {
        short: Some('c'),
        long: "--config",
        meaning: "Read this file instead of server.conf",
        effect: Effect::File { value: "FILE" },
    },
    Flag::of_key(Some('o'), "--host", "ADDR", keys::known("host")),
    Flag::of_key(Some('p'), "--port", "N", keys::known("port")),
    Flag::of_key(Some('d'), "--document-root", "DIR", keys::known("document-root")),
    Flag::of_key(Some('s'), "--static-root", "DIR", keys::known("static-root")),
    Flag::of_key(None, "--mode", "MODE", keys::known("mode")),
    Flag::of_key(None, "--framing", "WHAT", keys::known("framing")),
    Flag {
        short: None,
        long: "--try",
        meaning: "Serve this program alone, at / on a free port of this machine",
        effect: Effect::Try { value: "PROGRAM" },
    },
    Flag {
        short: None,
        long: "--record",
        meaning: "With --try: write a transcript of its first run to this file",
        effect: Effect::Record { value: "FILE" },
    },
    Flag {
        short: None,
        long: "--replay",
        meaning: "With --try: hold the program against this transcript",
        effect: Effect::Replay { value: "FILE" },
    },
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
        meaning: "Tell what is wrong with the configuration",
        effect: Effect::Instead(Command::CheckConfig),
    },
    Flag {
        short: None,
        long: "--list-services",
        meaning: "List the services and their paths",
        effect: Effect::Instead(|_| Command::ListServices),
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
        effect: Effect::Print(|| Command::Help(help())),
    },
];

const HEAD: &str = "\
Hosts WebSocket services on one port: the path of an address names a service.

Usage: switchboard [FLAGS]

";

const FILES: &str = "
A flag counts before the file, the file before the default. The last of a repeated flag
counts, but each --host adds an address; together they replace those of the file.
Without --config, server.conf in the working directory is read if it is there, or else
server.config; with --try, neither is. Every key is in the server.conf that comes with the
server, with its default, its meaning, and what is allowed.

On SIGHUP the server reads its configuration again, and replaces the programs that have
changed. On SIGTERM or SIGINT it stops cleanly, on a second one at once.

Exit codes:
";

//! The list of all flags. The help is made from it, and nothing else lists flags.

use std::fmt::Write;

use crate::config::exit::Exit;
use crate::config::key::Key;
use crate::config::nearest::nearest;

/// One flag.
pub(super) struct Flag {
    /// Its letter, after one dash.
    pub(super) short: Option<char>,
    /// Its name, with both dashes.
    pub(super) long: &'static str,
    /// What it does.
    pub(super) effect: Effect,
}

/// What a flag does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Names the file to read; the help calls the name `value`.
    File { value: &'static str },
    /// Sets the key called `key` to what the help calls `value`.
    Key { key: &'static str, value: &'static str },
    /// One level more of log.
    Louder,
    /// One level less of log.
    Quieter,
    /// Asks for something else than running.
    Instead(Deed),
}

/// What is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Deed {
    #[default]
    Run,
    CheckConfig,
    ListServices,
    Version,
    Help,
}

impl Flag {
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
            Effect::File { value } | Effect::Key { key: _, value } => Some(value),
            Effect::Louder | Effect::Quieter | Effect::Instead(_) => None,
        }
    }

    /// What it does, for the help.
    fn meaning(&self) -> &'static str {
        match self.effect {
            Effect::File { .. } => "Read this file instead of server.conf",
            Effect::Key { key, .. } => Key::known(key).meaning,
            Effect::Louder => "Log more; may be repeated",
            Effect::Quieter => "Log less; may be repeated",
            Effect::Instead(Deed::Run) => "Run the server",
            Effect::Instead(Deed::CheckConfig) => "Tell what is wrong with the configuration",
            Effect::Instead(Deed::ListServices) => "List the services and their paths",
            Effect::Instead(Deed::Version) => "Print the version",
            Effect::Instead(Deed::Help) => "Print this help",
        }
    }
}

/// The text for `--help`.
pub(super) fn help() -> String {
    let mut text = String::from(HEAD);
    let mut push = |line: std::fmt::Arguments<'_>| {
        text.write_fmt(line).expect("a string takes every text");
    };
    for flag in FLAGS {
        let short = flag.short.map_or_else(|| "    ".to_owned(), |letter| format!("-{letter}, "));
        let names = format!("{short}{} {}", flag.long, flag.value().unwrap_or(""));
        push(format_args!("  {names:<27} {}\n", flag.meaning()));
    }
    push(format_args!("{FILES}"));
    for exit in Exit::ALL {
        push(format_args!("  {}  {}\n", exit.code(), exit.meaning()));
    }
    text
}

static FLAGS: &[Flag] = &[
    Flag { short: Some('c'), long: "--config", effect: Effect::File { value: "FILE" } },
    Flag { short: Some('o'), long: "--host", effect: Effect::Key { key: "host", value: "ADDR" } },
    Flag { short: Some('p'), long: "--port", effect: Effect::Key { key: "port", value: "N" } },
    Flag {
        short: Some('d'),
        long: "--document-root",
        effect: Effect::Key { key: "document-root", value: "DIR" },
    },
    Flag {
        short: Some('s'),
        long: "--static-root",
        effect: Effect::Key { key: "static-root", value: "DIR" },
    },
    Flag { short: Some('v'), long: "--verbose", effect: Effect::Louder },
    Flag { short: Some('q'), long: "--quiet", effect: Effect::Quieter },
    Flag { short: None, long: "--check-config", effect: Effect::Instead(Deed::CheckConfig) },
    Flag { short: None, long: "--list-services", effect: Effect::Instead(Deed::ListServices) },
    Flag { short: Some('V'), long: "--version", effect: Effect::Instead(Deed::Version) },
    Flag { short: Some('h'), long: "--help", effect: Effect::Instead(Deed::Help) },
];

const HEAD: &str = "\
Hosts WebSocket services on one port: the path of an address names a service.

Usage: switchboard [FLAGS]

";

const FILES: &str = "
A flag counts before the file, the file before the default. The last of a repeated flag
counts, but each --host adds an address; together they replace those of the file.
Without --config, server.conf in the working directory is read if it is there, or else
server.config. Every key is in the server.conf that comes with the server, with its
default, its meaning, and what is allowed.

Exit codes:
";

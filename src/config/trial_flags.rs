//! The flags of programs, and their help.

use crate::config::flag::{Effect, Flag};
use crate::config::keys;

/// The flags of programs, with and without a trial.
pub(super) static FLAGS: &[Flag] = &[
    Flag::of_key(Some('d'), "--document-root", "DIR", keys::known("document-root")),
    Flag::of_key(None, "--mode", "MODE", keys::known("mode")),
    Flag::of_key(None, "--framing", "WHAT", keys::known("framing")),
    Flag {
        short: None,
        long: "--try",
        meaning: "Serve this program, and its new versions, at / on a port of its own",
        effect: Effect::File { value: "PROGRAM", place: |parsed| &mut parsed.trial.program },
    },
    Flag {
        short: None,
        long: "--record",
        meaning: "With --try: write a transcript of its first run to this file",
        effect: Effect::File { value: "FILE", place: |parsed| &mut parsed.trial.record },
    },
    Flag {
        short: None,
        long: "--replay",
        meaning: "With --try: compare the program with this transcript",
        effect: Effect::File { value: "FILE", place: |parsed| &mut parsed.trial.replay },
    },
];

/// The part of the help about programs.
pub(super) const HELP: &str = "\
With --try, a file is read only if --config names it. On SIGHUP the server reads its
configuration again, and replaces the programs that have changed.
";

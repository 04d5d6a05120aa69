//! What several processes and hosts cost: processor time for a message with 1, 2 and 4 processes,
//! how evenly they share sockets, and what the way to another process or host adds to a message.
//!
//! `cargo bench --bench scale --features redis`; `--quick` shows in seconds that it works.
//! `benches/README.md` says how to read it. In reading order: `setting` (servers, and what they
//! used), `processes`, `hosts`.

#[cfg(feature = "redis")]
mod hosts;
#[path = "../loopback/load/mod.rs"]
mod load;
mod processes;
#[path = "../loopback/server.rs"]
mod server;
mod setting;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::env;
use std::process::ExitCode;

use server::LAUNCH;
use setting::Setting;

fn main() -> ExitCode {
    let words: Vec<_> = env::args().skip(1).collect();
    let outcome = match words.split_first() {
        Some((first, rest)) if first == LAUNCH => server::launch(rest),
        _ => measure(&words),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scale: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(words: &[String]) -> Result<(), String> {
    let has = |flag: &str| words.iter().any(|word| word == flag);
    // Tests run it as well, without this flag of cargo bench.
    let setting = Setting::new(has("--quick") || !has("--bench"))?;
    let wants = |part: &str| !PARTS.iter().any(|part| has(part)) || has(part);
    if wants("messages") {
        processes::messages(&setting)?;
    }
    if wants("shares") {
        processes::shares(&setting)?;
    }
    if wants("exchange") {
        processes::exchange(&setting)?;
    }
    #[cfg(feature = "redis")]
    if wants("redis") {
        hosts::redis(&setting)?;
    }
    Ok(())
}

/// Words of the command line that choose what is measured. Without one, all is.
const PARTS: [&str; 4] = ["messages", "shares", "exchange", "redis"];

//! The binary: the services of the folder `services/` behind one port. It reads the command
//! line and does what it is asked for: that is in `serving` and `check`, and in `trial`.

mod check;
mod compiled;
#[cfg(feature = "programs")]
mod document_root;
mod escape;
mod logger;
mod memory;
#[cfg(feature = "programs")]
mod reload;
mod serving;
#[cfg(feature = "programs")]
mod trial;

use std::env;
use std::process::ExitCode;

use switchboard::config::{self, Command, Exit};

/// The services that `build.rs` found.
mod services {
    use super::compiled::{Compiled, has_callbacks};

    include!(concat!(env!("OUT_DIR"), "/services.rs"));
}

fn main() -> ExitCode {
    #[cfg(feature = "programs")]
    let terminal = switchboard::host::hold_hangups();
    let command = match Command::parse(env::args_os().skip(1), config::read_file) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("switchboard: {error}");
            return error.exit().into();
        }
    };
    let said = match command {
        #[cfg(feature = "programs")]
        Command::Run(config) => return serving::run(&config, terminal).into(),
        #[cfg(not(feature = "programs"))]
        Command::Run(config) => return serving::run(&config).into(),
        #[cfg(feature = "programs")]
        Command::Try(trial) => return trial::run(&trial, terminal).into(),
        Command::CheckConfig(config) => {
            let (faults, good) = check::verdict(&config);
            faults.iter().for_each(|text| eprintln!("switchboard: {text}"));
            let Some(good) = good else { return Exit::Configuration.into() };
            serving::say(&good)
        }
        #[cfg(feature = "programs")]
        Command::ListServices(config) => {
            serving::say(&(compiled::list() + &document_root::list(&config)))
        }
        #[cfg(not(feature = "programs"))]
        Command::ListServices(_) => serving::say(&compiled::list()),
        Command::Help(text) => serving::say(&text),
        Command::Version => serving::say(concat!("switchboard ", env!("CARGO_PKG_VERSION"), "\n")),
    };
    if said.is_ok() { Exit::Clean.into() } else { Exit::Failure.into() }
}

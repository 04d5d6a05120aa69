//! The binary: the services of the folder `services/` on one port. It reads the command line and
//! runs its command. It uses only the public API of the library. In reading order:
//!
//! - `run`: a run of the server, from the configuration to the exit; `listen`: what it listens on;
//!   `greeting`: what it prints first; `messages`: what else is said outside of the log; `trial`:
//!   `--try`, one program
//! - `command`: the command line; `check`: `--check-config`, and the warnings of a start;
//!   `workers`: what several workers cannot be together with
//! - `reports`: reports to a service manager; `reload`: SIGHUP and other reloads; `tls`:
//!   certificates; `admin`: the listeners for operators
//! - `services`: the compiled-in services, each a `compiled` one; `builtin`: the list of them;
//!   `programs`: the programs of the document root
//! - `databases`, with the feature `sqlite` or `postgres`: the databases of the configuration
//! - `backplane`, with the feature `redis`: over which services share with other hosts
//! - `processes`, with the feature of that name: a run with several processes; `several`: what
//!   cannot be combined with them
//! - `memory`: the memory limit of the system; `logger`: the log, `log_line`, its lines, and
//!   `log_target`, where it is written, such as a `log_file`
//!
//! `trial` and `logger` have longer names than `--try` and the log: `try` is a keyword, and `log`
//! the crate that the others write to.

#[cfg(feature = "admin")]
mod admin;
#[cfg(feature = "redis")]
mod backplane;
mod builtin;
mod check;
mod command;
mod compiled;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod databases;
mod greeting;
mod listen;
#[cfg(feature = "admin")]
mod log_file;
mod log_line;
mod log_target;
mod logger;
mod memory;
mod messages;
#[cfg(feature = "processes")]
mod processes;
#[cfg(feature = "programs")]
mod programs;
mod reload;
#[cfg(feature = "unix")]
mod reports;
mod run;
mod services;
#[cfg(feature = "processes")]
mod several;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "programs")]
mod trial;
#[cfg(feature = "workers")]
mod workers;

use std::process::ExitCode;

use switchboard::config::{Command, Exit};

fn main() -> ExitCode {
    let terminal = switchboard::host::hold_hangups();
    let command = match command::read(None) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("switchboard: {error}");
            return error.exit().into();
        }
    };
    let said = match command {
        #[cfg(feature = "processes")]
        Command::Run(config) => return processes::run(&config, terminal).into(),
        #[cfg(not(feature = "processes"))]
        Command::Run(config) => return run::run(&config, terminal).into(),
        #[cfg(feature = "programs")]
        Command::Try(trial) => return trial::run(&trial, terminal).into(),
        Command::CheckConfig(config) => {
            let (faults, good) = check::verdict(&config);
            faults.iter().for_each(|text| eprintln!("switchboard: {text}"));
            let Some(good) = good else { return Exit::Configuration.into() };
            messages::say(&good)
        }
        #[cfg(feature = "programs")]
        Command::ListServices(config) => {
            let list = builtin::list(&config) + &programs::list(&config);
            #[cfg(feature = "processes")]
            let list = list + &several::note(&config);
            messages::say(&list)
        }
        #[cfg(not(feature = "programs"))]
        Command::ListServices(config) => messages::say(&builtin::list(&config)),
        Command::Print(text) => messages::say(&text),
        Command::Version => messages::say(concat!("switchboard ", env!("CARGO_PKG_VERSION"), "\n")),
    };
    if said.is_ok() { Exit::Clean.into() } else { Exit::Failure.into() }
}

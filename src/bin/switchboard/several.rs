//! What cannot be combined with several processes, and what each of them has alone.

use std::path::PathBuf;

use switchboard::Share;
use switchboard::config::Config;

#[cfg(feature = "programs")]
use super::programs;
use super::services::ALL;

/// The faults of a configuration with several processes.
pub(super) fn impossible(config: &Config) -> Vec<String> {
    // Each process reads it for itself.
    let given = config.file.iter().filter(|file| {
        let file = file.as_os_str().as_encoded_bytes();
        config.processes > 1 && (file.starts_with(b"/dev/stdin") || file.starts_with(b"/dev/fd/"))
    });
    let fault = |file: &PathBuf| {
        format!(
            "processes is {}, allowed is 1 with a configuration that is read once: {}",
            config.processes,
            file.display()
        )
    };
    given.map(fault).collect()
}

/// A line that names the services of which each process has one of its own; empty for one process.
pub(crate) fn note(config: &Config) -> String {
    if config.processes == 1 {
        return String::new();
    }
    let names = ALL.iter().map(|service| service.path.to_owned());
    #[cfg(feature = "programs")]
    let names = names.chain(programs::names(config));
    let share = |path: &String| config.service(path).map_or(&config.all, |own| &own.options).share;
    let names: Vec<_> = names.filter(|path| share(path) == Share::None).collect();
    if names.is_empty() {
        return format!("processes: {}\n", config.processes);
    }
    format!(
        "processes: {}; each has its own state, sockets and topics of {}\n",
        config.processes,
        names.join(", ")
    )
}

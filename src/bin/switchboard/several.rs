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

/// The warnings about services that share where nobody is there to share with.
pub(super) fn idle_shares(config: &Config) -> Vec<String> {
    if config.processes > 1 || has_backplane(config) {
        return Vec::new();
    }
    let text = |place: &str, share: Share| {
        format!(
            "{place} share is {:?}, without effect: the server is one process, and has no \
             [backplane]; set one of these, or leave share out",
            share.name()
        )
    };
    // Services get it from there.
    if config.all.share != Share::None {
        return vec![text("[server]:", config.all.share)];
    }
    let own = config.services.iter().filter(|own| own.options.share != Share::None);
    let place = |path: &str| format!("{}: [service {path}]", config.place_of(path));
    own.map(|own| text(&place(&own.path), own.options.share)).collect()
}

#[cfg(feature = "redis")]
const fn has_backplane(config: &Config) -> bool {
    config.backplane.is_some()
}

#[cfg(not(feature = "redis"))]
const fn has_backplane(_: &Config) -> bool {
    false
}

/// A line that names the services of which each process, or each host, has one of its own. It is
/// empty for one process without a backplane.
pub(crate) fn note(config: &Config) -> String {
    if config.processes == 1 && !has_backplane(config) {
        return String::new();
    }
    let names = ALL.iter().map(|service| service.path.to_owned());
    #[cfg(feature = "programs")]
    let names = names.chain(programs::names(config));
    let share = |path: &String| config.service(path).map_or(&config.all, |own| &own.options).share;
    let names: Vec<_> = names.filter(|path| share(path) == Share::None).collect();
    let (processes, names) = (config.processes, names.join(", "));
    match (processes, names.is_empty()) {
        (1, true) => String::new(),
        (1, false) => format!("each host has its own state, sockets and topics of {names}\n"),
        (_, true) => format!("processes: {processes}\n"),
        (_, false) => {
            format!(
                "processes: {processes}; each has its own state, sockets and topics of {names}\n"
            )
        }
    }
}

//! The document root of the binary: programs beside the compiled-in services.

use std::path;

use switchboard::config::{Config, ServiceConfig};
use switchboard::process::{DocumentRoot, Listing, LookupError};
use switchboard::programs::Mode;
use switchboard::{Server, Start};

use super::builtin::{is_compiled, workers_of};
use super::compiled::BuiltinService;

/// Gives a server the programs of a configuration.
pub(crate) fn add_to(server: &mut Server, config: &Config) {
    server.program_options(config.all_programs.clone());
    if !config.document_root.is_dir() {
        return;
    }
    server.document_root(&config.document_root);
    for own in config.services.iter().filter(|own| !is_compiled(&own.path)) {
        let program = server.program(&own.path).options(own.options.clone());
        program.program_options(own.program.clone());
    }
}

/// The list of programs that would be served, one on each line, or a line that there are none.
pub(crate) fn list(config: &Config) -> String {
    let folder = config.document_root.display();
    let Some(root) = root(config) else {
        // Most often, the server was started in another folder.
        let whole = path::absolute(&config.document_root);
        let whole = whole.unwrap_or_else(|_| config.document_root.clone());
        return format!(
            "no programs: document-root is {folder}, and there is no folder {}; make it, or name \
             another one by -d or document-root, and start the server again\n",
            whole.display()
        );
    };
    let Listing { programs, more_len, is_cut, .. } = root.list(PROGRAMS_LISTED_MAX);
    if programs.is_empty() && is_cut {
        return format!(
            "programs below {folder}: none found, and not all has been looked at, since it takes \
             too long\n"
        );
    }
    if programs.is_empty() {
        return format!("programs below {folder}: none yet; chmod +x makes a file there one\n");
    }
    let width = programs.keys().map(|path| path.chars().count()).max().unwrap_or(0);
    let mut text = format!("programs below {folder}:\n");
    for (path, found) in programs {
        let what = match found {
            Ok(file) if is_compiled(&path) => {
                format!("{}, hidden by the service that is compiled in", file.display())
            }
            Ok(file) => format!("{}{}", file.display(), workers_of(&path, config)),
            Err(error) => format!("cannot be served: {error}"),
        };
        text += &format!("  {path:width$}  {what}\n");
    }
    if more_len > 0 {
        text += &format!("  and {more_len} more\n");
    }
    if is_cut {
        text += "  and what has not been looked at, since it takes too long\n";
    }
    text
}

/// The document root, if there is one.
fn root(config: &Config) -> Option<DocumentRoot> {
    let root = DocumentRoot::new(&config.document_root).ok()?;
    Some(root.naming(config.services.iter().map(|own| own.path.clone())))
}

/// The canonical path of a program, if a path names one.
pub(crate) fn key_of(config: &Config, path: &str) -> Option<String> {
    let program = root(config)?.find(path).ok()?;
    Some(program.key().to_owned())
}

/// Why the file of a path cannot serve, if there is one.
pub(crate) fn why_not(config: &Config, path: &str) -> Option<String> {
    match root(config)?.find(path) {
        Ok(_) | Err(LookupError::Nothing | LookupError::Outside(_)) => None,
        Err(error) => Some(error.to_string()),
    }
}

/// The paths of the programs that are found.
pub(crate) fn names(config: &Config) -> Vec<String> {
    let listing = root(config).map(|root| root.list(usize::MAX)).unwrap_or_default();
    let found = listing.programs.into_iter().filter(|(_, found)| found.is_ok());
    found.map(|(path, _)| path).collect()
}

/// The warning for each section with keys of programs whose service is not a program.
pub(crate) fn idle_keys(all: &[BuiltinService], config: &Config) -> impl Iterator<Item = String> {
    let own = |service: &BuiltinService| config.service(service.path);
    let is_idle = move |own: &ServiceConfig| own.program != config.all_programs;
    let idle = all.iter().filter(move |service| own(service).is_some_and(is_idle));
    idle.map(|service| {
        format!(
            "{}: [service {}] has keys of programs, such as mode or on-death, without effect: \
             this service is compiled in; leave them out",
            config.place_of(service.path),
            service.path
        )
    })
}

/// The error for each program that is configured to start with the server and has no process
/// without a socket. What holds for all services means nothing to it.
pub(crate) fn never_eager(config: &Config) -> Vec<String> {
    let is_in_vain = |own: &&ServiceConfig| {
        let is_set = own.options.start == Start::Eager && config.all.start != Start::Eager;
        is_set && own.program.mode != Mode::Shared && !is_compiled(&own.path)
    };
    let text = |own: &ServiceConfig| {
        format!(
            "{}: [service {}] start is \"eager\", allowed is \"lazy\": its mode is per-socket, in \
             which a program has no process without a socket; use mode: shared, or leave start out",
            config.place_of(&own.path),
            own.path
        )
    };
    config.services.iter().filter(is_in_vain).map(text).collect()
}

/// The maximum of listed paths.
const PROGRAMS_LISTED_MAX: usize = 64;

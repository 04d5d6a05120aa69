//! The document root of the binary: its programs beside the services that are compiled in.

use switchboard::Server;
use switchboard::config::Config;
use switchboard::host::program::DocumentRoot;

use super::compiled::{Compiled, is_compiled};
use super::services::ALL;

/// Gives a server the programs of a configuration.
pub(crate) fn add_to(server: &mut Server, config: &Config) {
    server.manner(config.all.program.manner.clone());
    if !config.document_root.is_dir() {
        return;
    }
    server.document_root(&config.document_root);
    for (path, own) in config.services.iter().filter(|(path, _)| !is_compiled(path)) {
        let program = server.program(path).limits(own.limits).origin(own.origin.clone());
        program.compression(own.compression).manner(own.program.manner.clone());
    }
}

/// What to say of sections that configure nothing, or with keys that have no effect.
pub(crate) fn warnings(config: &Config) -> Vec<String> {
    unknown_services(config).chain(idle_keys(ALL, config)).collect()
}

/// The document root, if there is one.
fn root(config: &Config) -> Option<DocumentRoot> {
    let root = DocumentRoot::new(&config.document_root).ok()?;
    Some(root.naming(config.services.keys().cloned()))
}

/// What to say of each section for a service that is not there.
fn unknown_services(config: &Config) -> impl Iterator<Item = String> {
    let root = root(config);
    let is_program = move |path: &str| {
        let found = root.as_ref().and_then(|root| root.find(path).ok());
        found.is_some_and(|program| program.key() == path)
    };
    let unknown =
        config.services.keys().filter(move |path| !is_compiled(path) && !is_program(path));
    unknown.map(|path| {
        format!(
            "{}: [service {path}] configures no service: neither one of --list-services nor a \
             program of this path without its extension; correct its path, or leave it out",
            config.place_of(path)
        )
    })
}

/// What to say of each section that tells a service how to be run as a program, which it is not.
fn idle_keys(all: &[Compiled], config: &Config) -> impl Iterator<Item = String> {
    let own = |service: &Compiled| config.services.get(service.path).map(|own| &own.program);
    let idle =
        all.iter().filter(move |service| own(service).is_some_and(|p| *p != config.all.program));
    idle.map(|service| {
        format!(
            "{}: [service {}] has keys of programs, such as mode or on-death, without effect: \
             this service is compiled in; leave them out",
            config.place_of(service.path),
            service.path
        )
    })
}

//! What `workers` cannot be together with.

use switchboard::config::Config;
#[cfg(feature = "programs")]
use switchboard::programs::Mode;
use switchboard::{ServiceOptions, Thread};

#[cfg(feature = "programs")]
use super::builtin::is_compiled;
use super::compiled::BuiltinService;

/// The error for each service that is to have several workers and can have only one: one that says
/// so, one on the loop, or a program with a process for each socket.
pub(super) fn impossible(all: &[BuiltinService], config: &Config) -> Vec<String> {
    let own = |path| config.service(path).map_or(&config.all, |own| &own.options);
    let on_loop = all.iter().filter(|service| service.one_worker.is_none());
    let on_loop = on_loop.map(|service| (service.path, own(service.path)));
    let on_loop = on_loop.filter(|(_, options)| options.thread == Thread::Loop);
    let why = "thread: loop, where there is one thread";
    let on_loop = on_loop.filter_map(|(path, options)| fault(path, options, why, config));
    // What holds for all services is none of its business.
    let is_own = |path| own(path).workers != config.all.workers;
    let alone = all.iter().filter_map(|service| Some((service.path, service.one_worker?)));
    let alone = alone.filter(|(path, _)| is_own(path));
    let alone = alone.filter_map(|(path, why)| fault(path, own(path), why, config));
    let on_loop = alone.chain(on_loop);
    #[cfg(feature = "programs")]
    let on_loop = {
        let is_set = config.services.iter().filter(|own| {
            let is_program = own.program.mode != Mode::Shared && !is_compiled(&own.path);
            is_program && own.options.workers != config.all.workers
        });
        let why = "mode: per-socket, where each socket has a process";
        on_loop.chain(is_set.filter_map(|own| fault(&own.path, &own.options, why, config)))
    };
    on_loop.collect()
}

fn fault(path: &str, options: &ServiceOptions, why: &str, config: &Config) -> Option<String> {
    let (count, place) = (options.workers.count(), config.place_of(path));
    let text = || format!("{place}: [service {path}] workers is {count}, allowed is 1 with {why}");
    (count > 1).then(text)
}

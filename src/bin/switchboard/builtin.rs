//! The list of the compiled-in services.

use switchboard::config::Config;

use super::compiled::BuiltinService;
use super::services::ALL;

/// Whether the service at a path is compiled in.
pub(crate) fn is_compiled(path: &str) -> bool {
    ALL.iter().any(|service| service.path == path)
}

/// The services, one in each line.
#[cfg_attr(not(feature = "workers"), expect(unused_variables, reason = "each has one worker"))]
pub(crate) fn list(config: &Config) -> String {
    let width = ALL.iter().map(|service| service.path.len()).max().unwrap_or(0);
    let line = |service: &BuiltinService| {
        let BuiltinService { path, about, .. } = service;
        #[cfg(feature = "workers")]
        let about = match service.one_worker {
            Some(_) => (*about).to_owned(),
            None => format!("{about}{}", workers_of(path, config)),
        };
        format!("  {path:width$}  {about}\n")
    };
    ALL.iter().map(line).collect()
}

/// How many workers a service has, if it has several.
#[cfg(any(feature = "workers", feature = "programs"))]
pub(crate) fn workers_of(path: &str, config: &Config) -> String {
    #[cfg(feature = "workers")]
    {
        let options = config.service(path).map_or(&config.all, |own| &own.options);
        if let count @ 2.. = options.workers.count() {
            return format!(" ({count} workers)");
        }
    }
    let _ = (path, config);
    String::new()
}

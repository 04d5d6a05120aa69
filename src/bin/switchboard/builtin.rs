//! The list of the compiled-in services.

use switchboard::config::Config;

use super::compiled::BuiltinService;
use super::services::ALL;

/// Whether the service at a path is compiled in.
pub(crate) fn is_compiled(path: &str) -> bool {
    ALL.iter().any(|service| service.path == path)
}

/// The services, one in each line.
pub(crate) fn list(config: &Config) -> String {
    let width = ALL.iter().map(|service| service.path.len()).max().unwrap_or(0);
    let line = |service: &BuiltinService| {
        let BuiltinService { path, about, .. } = service;
        format!("  {path:width$}  {about}{}\n", workers_of(path, config))
    };
    ALL.iter().map(line).collect()
}

/// How many workers a service has, if it has several.
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

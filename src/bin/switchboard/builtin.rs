//! The list of the compiled-in services.

use super::compiled::BuiltinService;
use super::services::ALL;

/// Whether the service at a path is compiled in.
pub(crate) fn is_compiled(path: &str) -> bool {
    ALL.iter().any(|service| service.path == path)
}

/// The services, one in each line.
pub(crate) fn list() -> String {
    let width = ALL.iter().map(|service| service.path.len()).max().unwrap_or(0);
    let line = |service: &BuiltinService| format!("  {:width$}  {}\n", service.path, service.about);
    ALL.iter().map(line).collect()
}

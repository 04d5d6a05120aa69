//! What is said outside of the log: on the standard output, and why nothing is served.

use std::io::{self, Write};

use switchboard::config::{Config, LogFormat};

use super::logger;

/// Reports why nothing is served: in the log if that has a file, and on standard error in any case.
/// There it has the format of the log if the log is there as well.
pub(crate) fn complain(config: &Config, text: &str) {
    #[cfg(feature = "admin")]
    let has_file = config.log_file.is_some();
    #[cfg(not(feature = "admin"))]
    let has_file = false;
    let is_plain = has_file || config.log_format == LogFormat::Text;
    if is_plain {
        eprintln!("switchboard: {text}");
    }
    if has_file || !is_plain {
        log::error!(target: TARGET, "{text}");
        logger::finish();
    }
}

/// Writes to the standard output.
pub(crate) fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

const TARGET: &str = "switchboard::server";

//! The backplane of the configuration: it is started for a run, and closed after it.

use std::time::Duration;

use switchboard::backplane::RedisBackplane;
use switchboard::config::Config;
use switchboard::{Host, Share};

/// The backplane of a run, if there is one.
pub(crate) struct RunningBackplane(Option<RedisBackplane>);

impl RunningBackplane {
    /// Starts it. Nothing waits for its connections. Of several processes, each has one of its own,
    /// over which these share as well, in the place of the link to their parent.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(config: &Config, host: &Host) -> std::io::Result<Self> {
        let options = config.backplane.clone();
        options.map(|options| RedisBackplane::start(options, host)).transpose().map(Self)
    }

    /// Sends what waits, within this time.
    pub(crate) fn close(self, within: Duration) {
        if self.0.is_some_and(|backplane| !backplane.close(within.min(CLOSE_MAX))) {
            log::warn!(
                target: TARGET,
                "the backplane has not ended in time: messages that waited are lost to other hosts"
            );
        }
    }
}

/// The fault of a configuration whose backplane names a file that cannot be used.
pub(crate) fn fault(config: &Config) -> Option<String> {
    let checked = config.backplane.as_ref()?.check_files();
    checked.err().map(|text| format!("[backplane] {text}"))
}

/// What an operator should know of it.
pub(crate) fn warnings(config: &Config) -> Vec<String> {
    let Some(options) = &config.backplane else { return Vec::new() };
    let mut warnings = Vec::new();
    let own = config.services.iter().map(|own| own.options.share);
    if own.chain([config.all.share]).all(|share| share == Share::None) {
        warnings.push(
            "[backplane] is used by no service, since none shares: set share in the section of a \
             service, or leave [backplane] out"
                .to_owned(),
        );
    }
    warnings.extend(options.warning().map(|text| format!("[backplane] {text}")));
    warnings
}

/// How long a stop waits for Redis at most.
const CLOSE_MAX: Duration = Duration::from_secs(5);
const TARGET: &str = "switchboard::backplane";

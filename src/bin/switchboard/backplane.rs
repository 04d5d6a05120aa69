//! The backplane of the configuration: it is started for a run, and closed after it.

use std::net::IpAddr;
use std::time::Duration;

use switchboard::backplane::{RedisBackplane, RedisOptions};
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
    warnings.extend(remote_host(&options.url).map(|host| {
        format!(
            "[backplane] the connections to {host} have no TLS: others on the way read and forge \
             what services share; let url begin with rediss, and set ca-file for an authority of \
             your own"
        )
    }));
    warnings
}

/// The host of a URL, if it is another machine and its connections have no TLS.
fn remote_host(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://").filter(|_| !RedisOptions::has_tls(url))?;
    let place = rest.split(['/', '?', '#']).next()?;
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let host = match place.strip_prefix('[') {
        Some(ipv6) => ipv6.split(']').next()?,
        None => place.split(':').next()?,
    };
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let is_local = scheme.ends_with("unix") || host == "localhost" || is_loopback;
    (!is_local).then(|| host.to_owned())
}

/// How long a stop waits for Redis at most.
const CLOSE_MAX: Duration = Duration::from_secs(5);
const TARGET: &str = "switchboard::backplane";

//! From settings in any order to a consistent [`Config`]: the file overrides the defaults, flags
//! override the file, and values for one service override those for all.

#[cfg(any(feature = "admin", feature = "unix"))]
use std::path::Path;

use crate::config::Config;
#[cfg(feature = "redis")]
use crate::config::backplane::backplane;
#[cfg(feature = "database")]
use crate::config::databases::databases;
use crate::config::error::{ConfigError, ConfigFault, Problem};
#[cfg(feature = "programs")]
use crate::config::program::{check_mode, settle_framing};
use crate::config::raw_config::{NamedSection, RawConfig};
use crate::config::service_config::ServiceConfig;
#[cfg(feature = "proxy")]
use crate::config::setting::contradiction;
use crate::config::setting::{Setting, given};
#[cfg(feature = "tls")]
use crate::config::tls::check_tls;
#[cfg(feature = "admin")]
use crate::config::{AdminAddress, admin::check_admin};
#[cfg(feature = "proxy")]
use crate::hub::ProxyProtocol;
use crate::limits::{Limits, LimitsError};

/// The configuration from the defaults, the file and the flags, or all its faults.
pub(super) fn resolve(
    sheet: RawConfig,
    flags: &[Setting],
    defaults: Config,
) -> Result<Config, ConfigError> {
    let RawConfig { names, all, services, mut faults, .. } = sheet;
    let mut config = defaults;
    for layer in [&all, flags] {
        // Addresses add up within a source, and together replace those of the source with lower
        // priority.
        if layer.iter().any(|setting| setting.is_of("host")) {
            config.hosts.clear();
        }
        lay(layer, &mut faults, &mut config);
    }
    #[cfg(feature = "programs")]
    settle_framing(&mut config, all.iter().chain(flags));
    follow(&mut config.all.limits, &all);
    settle_rate(&mut config, &all);
    check_roots(&config, flags.iter().rev().chain(&all), &mut faults);
    check_limits(&config.all.limits, &all, &[], &mut faults);
    #[cfg(feature = "proxy")]
    check_proxies(&config, flags.iter().rev().chain(&all), &mut faults);
    #[cfg(feature = "admin")]
    check_admin(&config, flags.iter().rev().chain(&all), &mut faults);
    #[cfg(feature = "tls")]
    check_tls(&config, flags.iter().rev().chain(&all), &mut faults);
    for NamedSection { path, line, settings: own } in services {
        // Keys of the server cannot stand in such a section.
        let mut one = Config {
            all: config.all.clone(),
            #[cfg(feature = "programs")]
            all_programs: config.all_programs.clone(),
            ..Config::default()
        };
        lay(&own, &mut faults, &mut one);
        if !all.iter().any(is_outbox_max) {
            follow(&mut one.all.limits, &own);
        }
        check_limits(&one.all.limits, &own, &all, &mut faults);
        #[cfg(feature = "programs")]
        {
            settle_framing(&mut one, all.iter().chain(flags).chain(&own));
            check_mode(&one.all_programs, &own, flags.iter().rev().chain(&all), &mut faults);
        }
        config.services.push(ServiceConfig {
            path,
            line: line.line,
            #[cfg(feature = "admin")]
            file: (line.file > 0).then(|| names.of(line).to_owned()),
            options: one.all,
            #[cfg(feature = "programs")]
            program: one.all_programs,
        });
    }
    #[cfg(feature = "database")]
    config.databases.extend(databases(&sheet.databases, &mut faults));
    #[cfg(feature = "redis")]
    config.backplane.clone_from(&backplane(&sheet.backplane, &mut faults));
    if !faults.is_empty() {
        return Err(ConfigError::new(names, faults));
    }
    #[cfg(feature = "admin")]
    {
        config.included = names.included;
    }
    config.file = names.file;
    Ok(config)
}

/// Without `max-per-ip`, a `new-per-ip` that is not given is off.
fn settle_rate(config: &mut Config, all: &[Setting]) {
    let is_given = |setting: &Setting| setting.is_of("new-per-ip");
    if config.all.limits.sockets_per_ip_max == Limits::OFF_COUNT && !all.iter().any(is_given) {
        config.all.limits.connection_rate = None;
    }
}

/// Applies the settings in their order. Values that are not allowed are faults.
fn lay(settings: &[Setting], faults: &mut Vec<ConfigFault>, config: &mut Config) {
    let is_refused = |setting: &&Setting| setting.key.set(config, &setting.value).is_none();
    faults.extend(settings.iter().filter(is_refused).map(Setting::refusal));
}

/// An `outbox-max` that is not given follows a longer `max-message`, so that raising only
/// `max-message` is no contradiction.
fn follow(limits: &mut Limits, own: &[Setting]) {
    if !own.iter().any(is_outbox_max) {
        let twice = limits.message_bytes_max.saturating_mul(2);
        limits.outbox_bytes_max = limits.outbox_bytes_max.max(twice);
    }
}

fn is_outbox_max(setting: &Setting) -> bool {
    setting.is_of("outbox-max")
}

/// A configured directory has to exist, and so do those of Unix sockets and of the log file; the
/// default of `document-root` may be missing. Of `settings`, the first of a key counts.
fn check_roots<'a>(
    config: &Config,
    settings: impl Iterator<Item = &'a Setting> + Clone,
    faults: &mut Vec<ConfigFault>,
) {
    // A path without a slash lies in the working directory.
    #[cfg(feature = "unix")]
    let is_lost =
        |path: &String| path.rfind('/').is_some_and(|at| !Path::new(&path[..=at]).is_dir());
    let roots: &[(&str, bool)] = &[
        ("static-root", config.static_root.as_ref().is_some_and(|root| !root.is_dir())),
        #[cfg(feature = "admin")]
        ("log-file", config.log_file.as_ref().is_some_and(|file| !may_be_file(file))),
        #[cfg(feature = "admin")]
        ("admin", config.admin.addresses.iter().any(is_lost_admin)),
        #[cfg(feature = "unix")]
        ("unix-socket", config.unix_sockets.iter().any(is_lost)),
        #[cfg(feature = "programs")]
        ("document-root", !config.document_root.is_dir()),
    ];
    for &(name, missing) in roots {
        let setting = settings.clone().find(|setting| setting.is_of(name));
        // A value that is not allowed has been refused already.
        let refused = setting.filter(|setting| missing && setting.is_allowed());
        faults.extend(refused.map(Setting::refusal));
    }
}

/// Whether it is a Unix socket in a folder that does not exist.
#[cfg(feature = "admin")]
fn is_lost_admin(address: &AdminAddress) -> bool {
    matches!(address, AdminAddress::Unix(path) if !may_be_file(path))
}

/// Whether a file can have this path: its folder exists, and it is no folder itself.
#[cfg(feature = "admin")]
fn may_be_file(path: &Path) -> bool {
    // A path without a slash lies in the working directory.
    let is_folder = |folder: &Path| folder.as_os_str().is_empty() || folder.is_dir();
    path.parent().is_some_and(is_folder) && !path.is_dir()
}

/// With `proxy-protocol`, and no proxy that is trusted, each connection would be dropped.
#[cfg(feature = "proxy")]
fn check_proxies<'a>(
    config: &Config,
    settings: impl Iterator<Item = &'a Setting> + Clone,
    faults: &mut Vec<ConfigFault>,
) {
    if config.proxy_protocol == ProxyProtocol::On && config.trusted_proxies.is_none() {
        let cure = "name the proxies, or no connection is accepted";
        faults.extend(contradiction(["proxy-protocol", "trusted-proxy"], cure, settings));
    }
}

/// The first violated relation between `limits` is a fault if `own` settings take part in it.
/// Otherwise it is a fault of `below` and is found there.
fn check_limits(
    limits: &Limits,
    own: &[Setting],
    below: &[Setting],
    faults: &mut Vec<ConfigFault>,
) {
    let Err(error) = limits.check() else { return };
    let find = |name: &str| own.iter().chain(below).find(|setting| setting.is_of(name));
    let Some((names, cure)) = relation(error) else { return };
    let mut settings = names.iter().filter_map(|name| find(name));
    let Some(first) = own.iter().find(|setting| names.contains(&setting.key.name)) else { return };
    // A value that could not be read contradicts nothing.
    if settings.any(|setting| faults.iter().any(|fault| fault.place == setting.place)) {
        return;
    }
    let given = names.iter().map(|name| given(name, find(name))).collect();
    faults
        .push(ConfigFault { place: first.place, problem: Problem::Contradiction { given, cure } });
}

/// The keys of a relation, and the cure; `None` for a relation that no key can violate.
const fn relation(error: LimitsError) -> Option<(&'static [&'static str], &'static str)> {
    match error {
        LimitsError::OutboxBelowMessage => Some((
            &["max-message", "outbox-max"],
            "outbox-max must hold one max-message: raise the one or lower the other",
        )),
        LimitsError::LowAboveHigh => {
            Some((&["outbox-low", "outbox-high"], "outbox-low must be below outbox-high"))
        }
        LimitsError::HighAboveMax => {
            Some((&["outbox-high", "outbox-max"], "outbox-high must not be above outbox-max"))
        }
        LimitsError::LineAboveHead => {
            Some((&["max-request-line", "max-head"], "max-request-line must not be above max-head"))
        }
        LimitsError::TooManySockets | LimitsError::Zero => None,
    }
}

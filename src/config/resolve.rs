//! From settings in any order to a [`Config`] that agrees with itself: the file lies over the
//! defaults, flags lie over the file, and what is for one service lies over what is for all.

use std::ffi::OsStr;
use std::path::Path;

use crate::config::fault::{Fault, Given, Problem};
use crate::config::key::Key;
use crate::config::sheet::{Setting, Sheet};
use crate::config::{Config, ServiceConfig};
use crate::limits::{Limits, LimitsError};

/// The configuration that the settings make. Every fault found is added to `faults`; with
/// one among them the configuration is good for nothing.
pub(super) fn resolve(sheet: &Sheet, flags: &[Setting], faults: &mut Vec<Fault>) -> Config {
    let mut config = Config::default();
    for layer in [&sheet.all, flags] {
        // Addresses add up within a layer, and together replace those of the layer below.
        if layer.iter().any(|setting| setting.key.repeats()) {
            config.hosts.clear();
        }
        lay(layer, faults, |key, value| key.set(&mut config, value));
    }
    check_roots(&config, flags.iter().rev().chain(&sheet.all), faults);
    check_limits(&config.limits, &sheet.all, &[], faults);
    for (path, own) in &sheet.services {
        let mut service = ServiceConfig { limits: config.limits, origin: None };
        lay(own, faults, |key, value| key.set_for(&mut service, value));
        check_limits(&service.limits, own, &sheet.all, faults);
        config.services.insert(path.clone(), service);
    }
    config
}

/// Sets one setting after the other. Those for which `set` gives `None` are faults.
fn lay(
    settings: &[Setting],
    faults: &mut Vec<Fault>,
    mut set: impl FnMut(&Key, &OsStr) -> Option<()>,
) {
    let refused = settings.iter().filter(|setting| set(setting.key, &setting.value).is_none());
    faults.extend(refused.map(Setting::refusal));
}

/// A directory that is given has to be there; the default may be missing, because a server
/// needs no executables. Of `settings`, the first of a key is the one that counts.
fn check_roots<'a>(
    config: &Config,
    settings: impl Iterator<Item = &'a Setting> + Clone,
    faults: &mut Vec<Fault>,
) {
    let roots: [(&str, Option<&Path>); 2] = [
        ("document-root", Some(&config.document_root)),
        ("static-root", config.static_root.as_deref()),
    ];
    for (name, root) in roots {
        let setting = settings.clone().find(|setting| setting.key.name == name);
        let missing = root.is_some_and(|root| !root.is_dir());
        let refusal = setting.filter(|_| missing).map(Setting::refusal);
        // What could not be read has been refused already.
        faults.extend(refusal.filter(|refusal| !faults.contains(refusal)));
    }
}

/// The first relation between `limits` that does not hold is a fault, if `own` settings take
/// part in it; otherwise it is one of `below` and found there.
fn check_limits(limits: &Limits, own: &[Setting], below: &[Setting], faults: &mut Vec<Fault>) {
    let Err(error) = limits.check() else { return };
    let find = |name: &str| own.iter().chain(below).find(|setting| setting.key.name == name);
    let names = parties(error);
    let mut settings = names.iter().filter_map(|name| find(name));
    let Some(first) = own.iter().find(|setting| names.contains(&setting.key.name)) else { return };
    // What could not be read contradicts nothing.
    if settings.any(|setting| faults.iter().any(|fault| fault.place == setting.place)) {
        return;
    }
    let given = |name: &&'static str| match find(name) {
        Some(setting) => Given {
            name,
            value: setting.value.to_string_lossy().into(),
            place: Some(setting.place),
        },
        None => Given { name, value: Key::known(name).default.to_owned(), place: None },
    };
    let given = names.iter().map(given).collect();
    faults.push(Fault { place: first.place, problem: Problem::Limits { given, error } });
}

/// The keys that a relation is about.
const fn parties(error: LimitsError) -> &'static [&'static str] {
    match error {
        LimitsError::OutboxBelowMessage => &["max-message", "outbox-max"],
        LimitsError::LowAboveHigh => &["outbox-low", "outbox-high"],
        LimitsError::HighAboveMax => &["outbox-high", "outbox-max"],
        LimitsError::LineAboveHead => &["max-request-line", "max-head"],
        LimitsError::TooManySockets => &["max-connections"],
        // No key allows a zero.
        LimitsError::Zero => &[],
    }
}

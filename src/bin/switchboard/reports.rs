//! Reports to a service manager, or to the parent of several processes.

#[cfg(feature = "processes")]
use std::time::Duration;

use switchboard::Host;
#[cfg(feature = "processes")]
use switchboard::admin::Admin;
use switchboard::host::Notifier;
#[cfg(feature = "processes")]
use switchboard::prefork::ChildPlace;

/// Reports to a service manager, if there is one.
pub(crate) fn report_to_manager(host: &mut Host) {
    if let Some(notifier) = notifier() {
        host.report_by(notifier);
    }
}

/// What reports to a service manager, if there is one.
pub(crate) fn notifier() -> Option<Notifier> {
    Notifier::from_environment().unwrap_or_else(|error| {
        log::warn!(
            target: TARGET,
            "the service manager gets no reports (NOTIFY_SOCKET): {error}"
        );
        None
    })
}

/// Reports to the parent process, answers it, and stops with it, for which there is the time
/// `drain`.
#[cfg(feature = "processes")]
pub(crate) fn report_to_parent(
    host: &mut Host,
    mut place: ChildPlace,
    admin: &Admin,
    drain: Duration,
) {
    if let Some(reports) = place.take_reports() {
        host.report_by(reports);
    }
    let followed = place.follow_parent(host, admin, drain);
    if let Err(error) = followed {
        log::warn!(
            target: TARGET,
            "this process does not stop when its parent has gone, and answers no operator: {error}"
        );
    }
}

const TARGET: &str = "switchboard::server";

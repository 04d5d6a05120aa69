//! Reports to a service manager, or to the parent of several processes.

use switchboard::Host;
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

/// Reports to the parent process, and stops with it.
#[cfg(feature = "processes")]
pub(crate) fn report_to_parent(host: &mut Host, mut place: ChildPlace) {
    if let Some(reports) = place.take_reports() {
        host.report_by(reports);
    }
    if let Err(error) = place.follow_parent(host.stopper()) {
        log::warn!(
            target: TARGET,
            "this process does not stop when its parent has gone, since there is no thread: {error}"
        );
    }
}

const TARGET: &str = "switchboard::server";

//! The reload of programs while the host runs. Compiled-in services, addresses and the bounds of
//! the host stay until the next start.

use crate::host::resolver::Mounts;
use crate::hub::{ServiceId, Subject};
use crate::process::program_service::Renewal;
use crate::process::reload::ReloadOrder;
use crate::process::resolver::Programs;
use crate::time::Time;

impl Programs {
    /// Carries out a reload.
    pub(super) fn apply_reload(&mut self, reload: ReloadOrder, mounts: &mut Mounts<'_>, now: Time) {
        if matches!(reload, ReloadOrder::Begin) {
            return self.mount_eager(mounts, now);
        }
        mounts.resolve_static_root();
        match (reload, &mut self.lookups) {
            (ReloadOrder::Begin | ReloadOrder::Files, _) | (ReloadOrder::Programs(None), None) => {}
            (ReloadOrder::Programs(Some(plan)), Some(lookups)) => {
                mounts.hub.name_programs(plan.named());
                lookups.renew(*plan);
            }
            (ReloadOrder::Programs(_), _) => {
                log::warn!(
                    target: "switchboard::config",
                    "to add or remove a document root needs another start of the server"
                );
            }
        }
        for index in 0..self.served.len() {
            self.renew_program(ServiceId::new(index), mounts, now);
        }
        self.mount_eager(mounts, now);
    }

    /// The options of a program may have changed, and its file.
    fn renew_program(&mut self, id: ServiceId, mounts: &mut Mounts<'_>, now: Time) {
        let Some(lookups) = &self.lookups else { return };
        let Some(served) = &self.served[id.index()] else { return };
        let (service, options) = lookups.options(mounts.hub.path(id)).clone();
        if service.compression != mounts.hub.compression(id) {
            let path = mounts.hub.path(id);
            let text =
                format_args!("its compression has changed, and needs another start of the server");
            Subject::service(path).warn(text);
        }
        let limits = service.limits;
        mounts.hub.remount(id, service, now);
        let renewed = if mounts.is_running(id) {
            let renewed = served.renew_running(Renewal { options, limits });
            mounts.wake(id);
            renewed
        } else {
            served.renewed(options)
        };
        self.set_served(id, renewed, mounts);
    }
}

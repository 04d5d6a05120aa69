//! The reload of programs while the host runs. Compiled-in services, addresses and the bounds of
//! the host stay until the next start.

use crate::host::resolver::Mounts;
use crate::hub::{ServiceId, Subject};
use crate::process::plan::PlanChange;
use crate::process::program_service::Renewal;
use crate::process::resolver::Programs;
use crate::time::Time;

impl Programs {
    /// Carries out a reload: the files may have changed, and with a change the options, too.
    pub(super) fn apply_reload(
        &mut self,
        change: Option<PlanChange>,
        mounts: &mut Mounts<'_>,
        now: Time,
    ) {
        match (change, &mut self.lookups) {
            (None, _) | (Some(PlanChange(None)), None) => {}
            (Some(PlanChange(Some(plan))), Some(lookups)) => {
                mounts.hub.name_programs(plan.named());
                lookups.renew(plan);
            }
            (Some(PlanChange(_)), _) => {
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
            let workers_len = mounts.hub.workers_of(id).len();
            let renewed = served.renew_running(&Renewal { options, limits }, workers_len);
            mounts.wake(id);
            renewed
        } else {
            served.renewed(options)
        };
        self.set_served(id, renewed, mounts);
    }
}

//! Reading the configuration again while the host runs: who may ask for it, and what becomes of
//! the programs. What is compiled in, the addresses and the bounds of the host itself stay as they
//! are until the next start.

use crate::host::resolver::{Mounts, NoticeSender};
use crate::hub::{About, StationId};
use crate::process::resolver::{Programs, ProgramsPlan};
use crate::process::root::Root;
use crate::process::served::Renewal;
use crate::time::Time;

/// Has the programs of a host's document root replaced from any thread, without a socket of theirs
/// being closed if they are [kept](crate::process::OnDeath::Keep).
/// [`Server::reload`](crate::Server::reload) does so with other settings.
#[derive(Clone, Debug)]
pub struct Reloader {
    notices: NoticeSender,
    /// The document root, if there is one.
    root: Option<Root>,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Reload {
    /// The files may have changed.
    Files,
    /// What holds for programs may have changed, too. `None` if there is no document root.
    Programs(Option<Box<ProgramsPlan>>),
}

impl Reloader {
    pub(super) const fn new(notices: NoticeSender, root: Option<Root>) -> Self {
        Self { notices, root }
    }

    /// Replaces the programs that run and whose files have changed, and tells the others RELOAD.
    /// Of a program with a process for each socket, the next socket gets a process of the new file
    /// anyway. Links on the way to the document root and to the static root are followed once more,
    /// for which this looks at the disk.
    pub fn reload(&self) {
        if let Some(root) = &self.root {
            root.resolve();
        }
        self.notices.send(Reload::Files);
    }

    /// The same, with all that holds for programs from here on.
    pub(crate) fn reload_programs(&self, plan: Option<ProgramsPlan>) {
        self.notices.send(Reload::Programs(plan.map(Box::new)));
    }
}

impl Programs {
    /// Does what was asked for.
    pub(super) fn apply_reload(&mut self, reload: Reload, mounts: &mut Mounts<'_>, now: Time) {
        mounts.resolve_static_root();
        match (reload, &mut self.lookups) {
            (Reload::Files, _) | (Reload::Programs(None), None) => {}
            (Reload::Programs(Some(plan)), Some(lookups)) => {
                mounts.hub.name_programs(plan.named());
                lookups.renew(*plan);
            }
            (Reload::Programs(_), _) => {
                log::warn!(
                    target: "switchboard::config",
                    "to add or remove a document root needs another start of the server"
                );
            }
        }
        for index in 0..self.served.len() {
            self.renew_program(StationId::new(index), mounts, now);
        }
    }

    /// What holds for a program may have changed, and its file.
    fn renew_program(&mut self, station: StationId, mounts: &mut Mounts<'_>, now: Time) {
        let Some(lookups) = &self.lookups else { return };
        let Some(served) = &self.served[station.index()] else { return };
        let (service, manner) = lookups.options(mounts.hub.path(station)).clone();
        if service.compression != mounts.hub.compression(station) {
            let path = mounts.hub.path(station);
            let text =
                format_args!("its compression has changed, and needs another start of the server");
            About::service(path).warn(text);
        }
        let limits = service.limits;
        mounts.hub.remount(station, service, now);
        let renewed = if mounts.is_running(station) {
            let renewed = served.renew_running(Renewal { manner, limits });
            mounts.wake(station);
            renewed
        } else {
            served.renewed(manner)
        };
        self.set_served(station, renewed, mounts);
    }
}

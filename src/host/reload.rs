//! Reading the configuration again while the host runs: who may ask for it, and what becomes of
//! the programs. What is compiled in, the addresses and the bounds of the host itself stay as they
//! are until the next start.

use crate::host::bell::Alarm;
use crate::host::files::Order;
use crate::host::program::{Renewal, Root};
use crate::host::programs::{ProgramsPlan, Terms};
use crate::host::turn::Host;
use crate::host::worker::Factory;
use crate::hub::{About, StationId};
use crate::time::Time;
use crossbeam_channel::{Receiver, Sender};

/// Has the programs of a host's document root replaced from any thread, without a socket of theirs
/// being closed if they are [kept](crate::host::program::OnDeath::Keep).
/// [`Server::reload`](crate::Server::reload) does so with other settings.
#[derive(Clone, Debug)]
pub struct Reloader {
    orders: Sender<Reload>,
    alarm: Alarm,
    /// The document root, if there is one.
    root: Option<Root>,
}

/// What is to be done.
#[derive(Debug)]
enum Reload {
    /// The files may have changed.
    Files,
    /// What holds for programs may have changed, too. `None` if there is no document root.
    Programs(Option<Box<ProgramsPlan>>),
}

/// The host's side of it.
#[derive(Debug)]
pub(super) struct Reloads {
    orders: Receiver<Reload>,
    reloader: Reloader,
}

impl Reloader {
    /// Replaces the programs that run and whose files have changed, and tells the others RELOAD.
    /// Of a program with a process for each socket, the next socket gets a process of the new file
    /// anyway. Links on the way to the document root and to the static root are followed once more,
    /// for which this looks at the disk.
    pub fn reload(&self) {
        if let Some(root) = &self.root {
            root.resolve();
        }
        self.order(Reload::Files);
    }

    /// The same, with all that holds for programs from here on.
    pub(crate) fn reload_programs(&self, plan: Option<ProgramsPlan>) {
        self.order(Reload::Programs(plan.map(Box::new)));
    }

    fn order(&self, reload: Reload) {
        // A host that has gone reloads nothing.
        if self.orders.try_send(reload).is_ok() {
            self.alarm.wake();
        }
    }
}

impl Reloads {
    pub(super) fn new(alarm: Alarm, root: Option<Root>) -> Self {
        let (sender, orders) = crossbeam_channel::unbounded();
        Self { orders, reloader: Reloader { orders: sender, alarm, root } }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }
}

impl Host {
    /// What replaces its programs from any thread.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        self.programs.reloads.reloader.clone()
    }

    /// Does what was asked for.
    pub(super) fn apply_reloads(&mut self, now: Time) {
        while let Ok(reload) = self.programs.reloads.orders.try_recv() {
            self.order(Order::Resolve);
            match (reload, &mut self.programs.lookups) {
                (Reload::Files, _) | (Reload::Programs(None), None) => {}
                (Reload::Programs(Some(plan)), Some(lookups)) => {
                    self.hub.name_programs(plan.named());
                    lookups.renew(*plan);
                }
                (Reload::Programs(_), _) => {
                    log::warn!(
                        target: "switchboard::config",
                        "to add or remove a document root needs another start of the server"
                    );
                }
            }
            for index in 0..self.factories.len() {
                self.renew_program(StationId::new(index), now);
            }
        }
    }

    /// What holds for a program may have changed, and its file.
    fn renew_program(&mut self, station: StationId, now: Time) {
        let Some(lookups) = &self.programs.lookups else { return };
        let Factory::Program(served) = &self.factories[station.index()] else { return };
        let Terms { mount, manner } = lookups.terms(self.hub.path(station)).clone();
        if mount.compression != self.hub.compression(station) {
            let path = self.hub.path(station);
            let text =
                format_args!("its compression has changed, and needs another start of the server");
            About::service(path).warn(text);
        }
        let limits = mount.limits;
        self.hub.remount(station, mount, now);
        let renewed = match &self.workers[station.index()] {
            None => served.renewed(manner),
            Some(worker) => {
                let renewed = served.renew_running(Renewal { manner, limits });
                worker.wake();
                renewed
            }
        };
        self.factories[station.index()] = Factory::Program(renewed.into());
    }
}

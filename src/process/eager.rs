//! Programs that start without a socket. Only those with options of their own do, since others are
//! unknown until a socket asks for them.

use crate::host::resolver::Mounts;
use crate::process::resolver::{LookupThread, Programs};
use crate::service::Start;
use crate::time::Time;

impl LookupThread {
    /// Whether there is any.
    pub(super) fn has_eager(&self) -> bool {
        self.eager().next().is_some()
    }

    /// Their paths.
    fn eager(&self) -> impl Iterator<Item = &String> {
        let eager = self.own.iter().filter(|(_, (service, _))| service.start == Start::Eager);
        eager.map(|(path, _)| path)
    }
}

impl Programs {
    /// Gives those a service that have none, so that the hub starts them. Each is looked up when it
    /// starts, on the thread of its service.
    pub(super) fn mount_eager(&mut self, mounts: &mut Mounts<'_>, now: Time) {
        let paths = self.lookups.iter().flat_map(LookupThread::eager);
        for path in paths.cloned().collect::<Vec<_>>() {
            // A compiled-in service hides a program.
            if mounts.hub.find(&path).is_none() {
                self.service_of(&path, mounts, now);
            }
        }
    }
}

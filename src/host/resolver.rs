//! `Resolver`: answers paths without a service, and gives them services while the host runs.
//! Programs are one; the host does not depend on them.

use std::any::Any;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::engine::HostEvent;
use crate::host::events::EventSender;
use crate::host::factory::{Factory, RunService};
use crate::host::worker::Worker;
use crate::hub::{Hub, LookupJob, ServiceId};
use crate::time::Time;

pub use crate::engine::ProgramFacts;
pub use crate::host::events::Notice;

/// Answers paths without a service. It works on threads of its own, and sends their results as
/// notices; the loop never waits for it.
pub trait Resolver: Any + Send {
    /// Looks a path up. The answer comes as a notice.
    fn look_up(&mut self, lookup: LookupJob);

    /// Applies a notice that this resolver has sent.
    fn apply(&mut self, notice: Notice, mounts: &mut Mounts<'_>, now: Time);

    /// Applies a reload: `plan` has other settings, of the type that belongs to this resolver.
    /// Without it only files may have changed.
    fn reload(&mut self, plan: Option<Notice>, mounts: &mut Mounts<'_>, now: Time);

    /// What a reload does before that, on the thread that reloads.
    fn refresh(&self) -> Option<Arc<Refresh>>;

    /// Has the system give this process what its services leave behind, instead of process 1, and
    /// waits for each such process.
    ///
    /// # Errors
    /// The error of the system.
    fn adopt_orphans(&self) -> io::Result<()>;

    /// Waits for each process that the system gives this one after this.
    ///
    /// # Errors
    /// The error of the system.
    fn reap_orphans(&self) -> io::Result<()>;

    /// The processes of its services, by the index of the service.
    fn programs(&self) -> Vec<ProgramFacts>;

    /// The host has gone: no process that was started outlives this call.
    fn end(&mut self);
}

/// Looks at files again, which may block.
pub type Refresh = dyn Fn() + Send + Sync;

/// Makes a resolver, once the host listens.
pub trait ResolverPlan {
    /// Starts the resolver of a host whose first address of TCP is this one, if it has any.
    ///
    /// # Errors
    /// The system gives no thread.
    fn start(
        self: Box<Self>,
        address: Option<SocketAddr>,
        notices: NoticeSender,
    ) -> io::Result<Box<dyn Resolver>>;
}

/// Sends notices to the loop.
#[derive(Clone, Debug)]
pub struct NoticeSender(pub(super) EventSender);

/// The parts of a host that a resolver may change.
pub struct Mounts<'a> {
    /// The hub.
    pub hub: &'a mut Hub,
    pub(super) factories: &'a mut Vec<Factory>,
    pub(super) workers: &'a [Option<Worker>],
}

impl NoticeSender {
    /// Sends any event. A host that has gone takes none.
    pub fn send_event(&self, event: HostEvent<Notice>) {
        self.0.send(event);
    }

    /// Sends a notice. A host that has gone takes none.
    pub fn send(&self, notice: impl Any + Send) {
        self.0.send(HostEvent::Notice(Box::new(notice)));
    }
}

impl Mounts<'_> {
    /// Sets what runs for a service of the hub, from its next run on.
    pub fn set_service(&mut self, id: ServiceId, service: Arc<dyn RunService>) {
        let factory = Factory::Thread(service);
        match self.factories.get_mut(id.index()) {
            Some(place) => *place = factory,
            // It has an entry for each service, in the order of the hub.
            None => self.factories.push(factory),
        }
    }

    /// Whether any worker of a service runs.
    #[must_use]
    pub fn is_running(&self, id: ServiceId) -> bool {
        self.running(id).next().is_some()
    }

    /// Wakes the workers of a service for an event other than mail; they then look for it.
    pub fn wake(&self, id: ServiceId) {
        self.running(id).for_each(Worker::wake);
    }

    /// The workers of a service that run.
    fn running(&self, id: ServiceId) -> impl Iterator<Item = &Worker> {
        let workers = self.hub.workers_of(id).iter();
        workers.filter_map(|worker| self.workers.get(worker.index())?.as_ref())
    }
}

impl fmt::Debug for Mounts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mounts").finish_non_exhaustive()
    }
}

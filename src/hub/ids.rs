//! Ids of services, their workers and their runs, between the hub and its host. Sockets have a
//! `SocketId`, which services see.

use std::num::NonZeroU32;

/// The index of a service in the hub's table. Services are never removed. A program that was found
/// and does not run may be replaced by another one ([`Hub::mount_program`]).
///
/// [`Hub::mount_program`]: crate::hub::Hub::mount_program
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServiceId(NonZeroU32);

impl ServiceId {
    /// The id of the service at `index`.
    ///
    /// # Panics
    /// There are more than four thousand million services.
    #[must_use]
    pub fn new(index: usize) -> Self {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        Self(number.expect("services are fewer than 2^32"))
    }

    /// The place in the table.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// A worker, which runs a service. Each service has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WorkerId(ServiceId);

impl WorkerId {
    /// The worker of a service.
    #[must_use]
    pub const fn of(service: ServiceId) -> Self {
        Self(service)
    }

    /// The worker at `index`, as [`WorkerId::index`] returns it.
    #[must_use]
    pub fn new(index: usize) -> Self {
        Self(ServiceId::new(index))
    }

    /// The service that it runs.
    #[must_use]
    pub const fn service(self) -> ServiceId {
        self.0
    }

    /// The place among all workers.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0.index()
    }
}

/// One run of a worker, from its start to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunId {
    /// Which worker.
    pub worker: WorkerId,
    /// The number of the run, counted from 1.
    pub number: u32,
}

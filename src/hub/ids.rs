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
        Self(number_of(index))
    }

    /// The place in the table.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// A worker, which runs a service: the index in the hub's table of all workers. A service has one
/// or several of them ([`Hub::workers_of`]), and each worker belongs to one service
/// ([`Hub::service_of`]).
///
/// [`Hub::workers_of`]: crate::hub::Hub::workers_of
/// [`Hub::service_of`]: crate::hub::Hub::service_of
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WorkerId(NonZeroU32);

impl WorkerId {
    /// The worker at `index`, as [`WorkerId::index`] returns it.
    ///
    /// # Panics
    /// There are more than four thousand million workers.
    #[must_use]
    pub fn new(index: usize) -> Self {
        Self(number_of(index))
    }

    /// The place among all workers.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0.get() as usize - 1
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

fn number_of(index: usize) -> NonZeroU32 {
    let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
    number.expect("services and workers are fewer than 2^32")
}

//! What services are called between the hub and its host. Sockets have a `SocketId`, which
//! services see.

use std::num::NonZeroU32;

/// The place of a service in the hub's table. Services are never removed from it, but a program
/// that was found and does not run gives its place to another one ([`Hub::mount_program`]).
///
/// [`Hub::mount_program`]: crate::hub::Hub::mount_program
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StationId(NonZeroU32);

impl StationId {
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

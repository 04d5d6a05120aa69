//! What stands in the place of programs in a build without them: no host has any, and what asks
//! for them finds nothing.

use std::io;
use std::net::SocketAddr;

use crate::host::bell::Tower;
use crate::host::turn::Host;
use crate::hub::Lookup;
use crate::time::Time;

/// What the programs of a host would be made from.
#[derive(Debug)]
pub(crate) enum ProgramsPlan {}

/// The loop's side of no programs.
pub(super) struct Programs;

impl Programs {
    pub(super) const fn start(
        _: Option<ProgramsPlan>,
        _: SocketAddr,
        _: &Tower,
    ) -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) const fn has_work(&self) -> bool {
        false
    }

    pub(super) const fn end_all(&self) {}
}

impl Host {
    /// The hub has been told that nothing is looked up, and asks for nothing.
    pub(super) fn look_up(&mut self, _: Lookup, _: Time) {}

    pub(super) const fn apply_programs(&mut self, _: Time) {}
}

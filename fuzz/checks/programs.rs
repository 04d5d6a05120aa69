//! The world of the simulation where services are programs, its choices made by the input: they are
//! looked for while it lives, pause sockets, stall, and die in the middle of their mail.

use super::world::Simulation;
use super::world::choice::Listed;

/// Each byte is a choice.
pub fn check(data: &[u8]) {
    Simulation::new(Listed::new(data)).with_programs().live();
}

//! The world of the simulation, with its choices made by the input: whatever peers, services and
//! time do, the promises of the README hold.

use super::world::Simulation;
use super::world::choice::Listed;

/// Each byte is a choice.
pub fn check(data: &[u8]) {
    Simulation::new(Listed::new(data)).live();
}

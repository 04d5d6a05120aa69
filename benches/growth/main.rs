//! What things cost as there is more of them: sockets, bytes of a message, fragments, services,
//! topics. A cost per event that does not grow is the aim, and the plots show whether it does.

#[path = "../measure/mod.rs"]
mod measure;
mod messages;
mod sockets;
mod tables;
#[path = "../world/mod.rs"]
mod world;

use std::env;

use measure::{Bench, Rate};

fn main() {
    // Memory is looked at in a process of its own, which has not used any before.
    if let Some(population) = env::var_os(sockets::POPULATION) {
        return sockets::tell_memory(&population.to_string_lossy());
    }
    let mut bench = Bench::new("growth", Rate::Events);
    messages::measure(&mut bench);
    tables::measure(&mut bench);
    sockets::measure(&mut bench);
    bench.finish();
}

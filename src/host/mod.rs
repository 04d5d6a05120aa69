//! The poll loop and its threads. One thread polls every socket; it blocks nowhere else. What is
//! said over the sockets is decided in the hub, and in which order in the engine.
//!
//! In reading order:
//!
//! - `poll`: [`Host`], the poll loop; `io`: what the engine of a host works with
//! - `events`: what helper threads tell the loop
//! - `wake`: how other threads wake the loop; `sync`: what bells are made of
//! - `factory`: what makes a service; `panic`: panics in its code
//! - `worker`: services on threads of their own; `loop_service`: services on the loop
//! - `resolver`: what answers paths without a service
//! - `files`: files on a thread of its own, since disks block
//! - `nofollow`: opens what a path leads to without following a link
//! - `stopper`: who asks for the clean stop; `stop`: what is left to do when a host goes
//! - `hangup`: the signal that asks for a reload; `orphans`: what child processes leave behind
//! - `trim`: memory that is returned to the system; `clock`: the time of day

mod clock;
mod events;
mod factory;
mod files;
mod hangup;
mod io;
mod loop_service;
pub(crate) mod nofollow;
mod orphans;
pub(crate) mod panic;
mod poll;
#[doc(hidden)]
pub mod resolver;
mod stop;
mod stopper;
mod sync;
mod trim;
mod wake;
mod worker;

pub use crate::engine::Turn;
pub use crate::sys::heap::keep_heap_small;
pub use crate::sys::process::hide_memory;
pub use crate::sys::{raise_descriptor_limit, seal_descriptors};
pub(crate) use factory::{Factory, Make};
pub(crate) use files::StaticRoot;
pub use poll::Host;
pub(crate) use poll::HostPlan;
pub use stopper::Stopper;
// For the binary and the modules that plug into a host.
#[doc(hidden)]
pub use {
    crate::sys::signals::outlive_user_signals,
    factory::RunService,
    hangup::{Hangups, Terminal, hold_hangups, on_hangup},
};

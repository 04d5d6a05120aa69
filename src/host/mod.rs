//! The poll loop and its threads. One thread polls every socket; it blocks nowhere else. The hub
//! decides what is sent over the sockets, and the engine in which order.
//!
//! In reading order:
//!
//! - `poll`: [`Host`], the poll loop; `wait`: between two turns; `outer_loop`: the same within a
//!   loop of the program's own
//! - `io`: what the engine of a host works with
//! - `events`: events of helper threads for the loop
//! - `wake`: how other threads wake the loop; `sync`: the parts that it uses
//! - `factory`: makes a service for each run; `panic`: panics in its code
//! - `worker`: services on threads of their own; `loop_service`: services on the loop; `budget`:
//!   how long they may take
//! - `resolver`: answers paths without a service; `plug`: other parts from above
//! - `files`: files on a thread of its own, since disks block; `thread`: starts each thread
//! - `nofollow`: opens what a path leads to without following a link
//! - `senders`: how senders wake the loop
//! - `waker`: ends the wait of a host
//! - `stopper`: requests for a stop; `stop`: what is left to do when a host goes
//! - `reload`: [`Reloader`], other settings for a host that runs; `reloading`: how to get one
//! - `hangup`: SIGHUP, which reloads; `orphans`: processes that child processes leave behind
//! - `status_signal`: SIGUSR1, which asks for the status
//! - `notify`: reports to a service manager, such as systemd
//! - `trim`: memory that is returned to the system; `clock`: the clock of a loop and the time of
//!   day

pub(crate) mod budget;
pub(crate) mod clock;
mod events;
mod factory;
mod files;
mod hangup;
mod io;
pub(crate) mod loop_service;
pub(crate) mod nofollow;
mod notify;
mod orphans;
mod outer_loop;
pub(crate) mod panic;
mod plug;
mod poll;
mod reload;
mod reloading;
#[doc(hidden)]
pub mod resolver;
mod senders;
mod status_signal;
mod stop;
mod stopper;
mod sync;
pub(crate) mod thread;
mod trim;
mod wait;
mod wake;
mod waker;
mod worker;

pub use crate::engine::Turn;
pub use crate::net::address::ListenAddress;
pub use crate::net::inherited::inherited_listeners;
pub(crate) use crate::net::listener::{MakeListener, own_listener, unix_socket};
pub use crate::net::source::ListenerSource;
pub use crate::sys::heap::keep_heap_small;
pub(crate) use crate::sys::listeners::PortUse;
pub use crate::sys::own_process::hide_memory;
pub use crate::sys::{raise_descriptor_limit, seal_descriptors};
pub(crate) use factory::{Factory, Make};
pub(crate) use files::{FileBounds, StaticRoot};
pub use notify::{Notifier, ReloadReporter, Reloading};
pub use poll::Host;
pub(crate) use poll::HostPlan;
pub use reload::Reloader;
pub(crate) use reload::{FileChange, HostReload};
pub use stopper::Stopper;
pub use waker::HostWaker;
// For the binary, and for modules that a host calls, such as a resolver.
#[doc(hidden)]
pub use {
    crate::sys::signals::outlive_user_signals,
    factory::RunService,
    hangup::{Hangups, Terminal, hold_hangups, on_hangup},
};

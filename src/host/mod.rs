//! The only room with system calls, the clock and threads. One thread polls every socket; it
//! blocks nowhere else. What is said over the sockets is decided in the hub.
//!
//! In reading order:
//!
//! - `turn`: [`Host`], one turn of whose loop is a function; `duties`: its parts
//! - `listener`, `stream`: connections
//! - `bell`: how other threads wake the loop; `sync`: what bells are made of
//! - `worker`: services on threads of their own
//! - `calls`: services on the loop; `local`: one of them; `kept`: how its thread keeps it;
//!   `watch`: how long it takes
//! - `program`: executables as child processes, and a poll over their pipes
//! - `programs`: the document root, in which paths are looked up while the host runs;
//!   `no_programs`: what stands there without the feature `programs`
//! - `files`: files on a thread of its own, since disks block
//! - `nofollow`: opens what a path leads to without following a link
//! - `stop`: the clean stop and its signals; `reload`: reading the configuration again; `hangup`:
//!   the signal that asks for it; `orphans`: what programs leave behind
//! - `trim`: memory that is returned to the system
//! - `sys`: the system calls that the standard library and mio lack

mod bell;
mod calls;
mod duties;
mod files;
#[cfg(feature = "programs")]
mod hangup;
mod kept;
mod listener;
mod local;
mod nofollow;
mod orphans;
#[cfg(feature = "programs")]
pub mod program;
#[cfg_attr(not(feature = "programs"), path = "no_programs.rs")]
mod programs;
#[cfg(feature = "programs")]
mod reload;
mod stop;
mod stream;
mod sync;
mod sys;
mod trim;
mod turn;
mod watch;
mod worker;

pub(crate) use files::StaticRoot;
#[cfg(feature = "programs")]
pub use hangup::{Hangups, Terminal, hold_hangups, on_hangup};
#[cfg(feature = "programs")]
pub(crate) use programs::{ProgramsPlan, Terms};
#[cfg(feature = "programs")]
pub use reload::Reloader;
pub use stop::Stopper;
pub use sys::heap::keep_heap_small;
pub use sys::process::hide_memory;
pub use sys::signals::outlive_user_signals;
pub use sys::{raise_descriptor_limit, seal_descriptors};
pub(crate) use turn::HostPlan;
pub use turn::{Host, Turn};
pub(crate) use worker::{Factory, Make};

//! What operators of a server see of a host while it runs, and what they change.
//!
//! In reading order:
//!
//! - `handle`: [`MetricsHandle`], which asks the loop from any thread; `own_process`: what the
//!   system says of this process
//! - `settings`: [`Admin`], listeners for operators; `token`: the secret of requests over TCP
//! - `exchange`: one request, from its bytes to what it asks for; `access`: who may ask for what;
//!   `command`: what can be asked for; `form`: the parameters of that
//! - `running`: how a host has them; `thread`: the thread that serves them; `connection`: one
//!   connection; `places`: who gets a place; `reserve`: descriptors that are kept for them
//! - `target`: who does what is asked for; `actions`: what that is; `reply`: replies of the loop;
//!   `line`: log lines
//! - with the feature `processes`: `processes`, the listeners of several processes; `queue`, what
//!   is asked these; `desk`, how each answers

mod access;
mod actions;
mod command;
mod connection;
#[cfg(feature = "processes")]
mod desk;
mod exchange;
mod form;
mod handle;
mod line;
mod own_process;
mod places;
#[cfg(feature = "processes")]
mod processes;
#[cfg(feature = "processes")]
mod queue;
mod reply;
mod reserve;
mod running;
mod settings;
mod target;
#[cfg(test)]
mod tests;
mod thread;
mod token;

#[cfg(feature = "processes")]
pub(crate) use {
    actions::RELOAD_TIME_MAX, desk::AdminDesk, processes::ParentAdmin, queue::AdminRequest,
};

pub use handle::{MetricsError, MetricsHandle};
pub use settings::Admin;
pub use token::{AdminToken, TokenError, TokenSlot};
// For the tests and fuzz targets of this package.
#[doc(hidden)]
pub use {
    access::{AdminAccess, AdminWay},
    command::AdminCommand,
    exchange::{AdminExchange, ExchangeStep},
};

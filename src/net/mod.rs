//! Connections without blocking. In reading order: `address`: where a listener can be reached;
//! `source`: listeners that somebody else has made, `inherited`: those of a service manager;
//! `unix`: a Unix socket and its file; `listener`: accepts connections; with the feature
//! `processes`, `listener_set`: those of several processes; `streams`: reads and writes them;
//! `prelude`: takes the header of the PROXY protocol first; `tls`: then TLS, with `no_tls` in its
//! place in builds without it; `retry`: repeats what a signal has interrupted.

pub(crate) mod address;
pub(crate) mod inherited;
pub(crate) mod listener;
#[cfg(feature = "processes")]
pub(crate) mod listener_set;
mod prelude;
mod retry;
pub(crate) mod source;
pub(crate) mod streams;
#[cfg(feature = "tls")]
pub(crate) mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
pub(crate) mod tls;
mod unix;

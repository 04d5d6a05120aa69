//! Connections without blocking. In reading order: `listener`: accepts them; `streams`: reads and
//! writes them; `prelude`: takes the header of the PROXY protocol first;
//! `retry`: repeats what a signal has interrupted.

pub(crate) mod listener;
mod prelude;
mod retry;
pub(crate) mod streams;

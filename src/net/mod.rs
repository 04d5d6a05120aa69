//! Connections without blocking. In reading order: `listener`: accepts them; `streams`: reads and
//! writes them.

pub(crate) mod listener;
pub(crate) mod streams;

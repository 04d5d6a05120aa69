//! Connections without blocking. In reading order: `listener`: accepts them; `streams`: those that
//! are there.

pub(crate) mod listener;
pub(crate) mod streams;

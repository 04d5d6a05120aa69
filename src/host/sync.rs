//! What bells are made of, under names that a model can give to parts of its own:
//! `tests/model.rs` compiles `bell.rs` over parts that try every order of events.

pub(super) use std::sync::atomic::{AtomicBool, Ordering};
pub(super) use std::sync::{Arc, OnceLock};

pub(super) use crossbeam_channel::{Receiver, Sender, unbounded};
pub(super) use mio::Waker;

//! The parts that `wake.rs` uses, under names that a model can replace: `tests/model.rs` compiles
//! `wake.rs` with parts that try every order of events.

pub(super) use std::sync::atomic::{AtomicBool, Ordering};
pub(super) use std::sync::{Arc, OnceLock};

// Unbounded channels are sent to with `try_send`, here and elsewhere. It never fails for lack of
// capacity, and `send` has 1.5 kB of code for each type, for a wait that never happens.
pub(super) use crossbeam_channel::{Receiver, Sender, unbounded};
pub(super) use mio::Waker;

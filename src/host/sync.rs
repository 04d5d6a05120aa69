//! What bells are made of, under names that a model can give to parts of its own:
//! `tests/model.rs` compiles `wake.rs` over parts that try every order of events.

pub(super) use std::sync::atomic::{AtomicBool, Ordering};
pub(super) use std::sync::{Arc, OnceLock};

// A channel without a bound is sent to by `try_send`, here and elsewhere: it takes all at once, and
// `send` has 1.5 kB of code for each type, which would wait for room.
pub(super) use crossbeam_channel::{Receiver, Sender, unbounded};
pub(super) use mio::Waker;

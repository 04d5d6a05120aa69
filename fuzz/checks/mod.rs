//! What has to hold for any input, as one function for each fuzz target: it returns, or it
//! panics with what does not hold. The fuzzers call these bodies, and so does a test on the
//! stable toolchain (`tests/corpora.rs`), with every input that a fuzzer has kept.
#![allow(dead_code, reason = "each target uses one of them")]

pub mod utf8;

/// The check of one fuzz target.
pub type Check = fn(&[u8]);

/// Every target by its name, which is that of its file and of its corpus.
pub const ALL: [(&str, Check); 1] = [("utf8", utf8::check)];

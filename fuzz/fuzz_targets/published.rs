//! What hosts publish over Redis, and the names of its channels.
#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::published::check(data));

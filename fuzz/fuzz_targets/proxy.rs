//! Headers of the PROXY protocol against a reading of their specification.
#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::proxy::check(data));

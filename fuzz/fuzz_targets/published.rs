//! What hosts publish over Redis, and the names of its channels.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::published::check(data));

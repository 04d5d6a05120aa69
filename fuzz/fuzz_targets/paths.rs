//! Which program a request target names, against a list of all files.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::paths::check(data));

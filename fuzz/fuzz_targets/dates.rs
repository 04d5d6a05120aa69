//! The moments of HTTP against a calendar that counts on from 1970.
#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::dates::check(data));

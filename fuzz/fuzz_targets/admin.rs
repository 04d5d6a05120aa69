//! Requests of operators in any cutting, and who may ask for what.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::admin::check(data));

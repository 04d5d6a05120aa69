//! Values of queries, cookies, and what an `Authorization` says.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::credentials::check(data));

//! The moments of HTTP against a calendar that counts on from 1970.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::dates::check(data));

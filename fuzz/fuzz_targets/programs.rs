//! A hub between peers, programs and time that do as they please.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::programs::check(data));

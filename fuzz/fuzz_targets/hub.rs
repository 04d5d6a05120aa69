//! A hub between peers, services and time that do as they please.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::hub::check(data));

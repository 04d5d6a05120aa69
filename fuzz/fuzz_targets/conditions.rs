//! What a request demands of the state of a file, against RFC 9110, 13.2.2.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::conditions::check(data));

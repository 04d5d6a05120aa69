//! Request heads beside httparse.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::head::check(data));

//! Headers of the PROXY protocol against a reading of their specification.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::proxy::check(data));

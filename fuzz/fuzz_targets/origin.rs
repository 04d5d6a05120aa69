//! Rules about origins in any words against a model of texts.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::origin::check(data));

//! Which requests are refused for their host, against a model of texts.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::hosts::check(data));

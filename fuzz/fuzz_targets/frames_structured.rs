//! Frames of a client against a model of RFC 6455.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::frames_structured::check(data));

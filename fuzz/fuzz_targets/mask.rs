//! Masking against XOR byte by byte.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::mask::check(data));

//! Ranges of bytes against their grammar, read byte by byte.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::ranges::check(data));

//! Tokens and lists against RFC 9110, read byte by byte.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::tokens::check(data));

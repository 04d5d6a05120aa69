//! Request heads in pieces, and what is made of them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::head_chunks::check(data));

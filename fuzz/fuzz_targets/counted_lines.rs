//! What a program writes in counted lines, in any cutting, and transcripts of it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::counted_lines::check(data));

//! One conversation in any cutting of its bytes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::frames_chunks::check(data));

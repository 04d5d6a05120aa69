//! Lines between processes, in any cutting, and what they share.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::link_lines::check(data));

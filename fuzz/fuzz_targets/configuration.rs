//! Any text as the configuration file.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::configuration::check(data));

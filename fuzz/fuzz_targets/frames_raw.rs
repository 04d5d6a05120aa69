//! Any bytes of a client beside tungstenite's server.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::frames_raw::check(data));

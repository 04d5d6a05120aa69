//! What a session sends, read by tungstenite's client.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::encode::check(data));

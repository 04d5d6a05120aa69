//! One conversation whose peer, hub, service and clock do whatever they please.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::session::check(data));

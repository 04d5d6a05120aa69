//! One conversation whose peer, hub, service and clock do whatever they please.
#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::session::check(data));

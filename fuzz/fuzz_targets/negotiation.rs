//! Offers of compression in any words against a model of their grammar.
#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::negotiation::check(data));

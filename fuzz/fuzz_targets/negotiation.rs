//! Offers of compression in any words against a model of their grammar.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::negotiation::check(data));

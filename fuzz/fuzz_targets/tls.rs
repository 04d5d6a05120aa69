//! TLS: a client of rustls against the channel of the server, with bytes that the fuzzer changes.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::tls::check(data));

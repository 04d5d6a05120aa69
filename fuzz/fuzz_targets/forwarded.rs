//! What trusted proxies say about their clients, behind anything that clients write.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::forwarded::check(data));

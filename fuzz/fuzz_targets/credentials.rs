//! Values of queries, cookies, and what an `Authorization` says.
#![no_main]

#[path = "../checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::credentials::check(data));

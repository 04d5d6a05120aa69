//! What has to hold for any input, as one function for each fuzz target: it returns, or it
//! panics with what does not hold. The fuzzers call these bodies, and so does a test on the
//! stable toolchain (`tests/corpora.rs`), with every input that a fuzzer has kept.
#![allow(dead_code, reason = "builds may lack features, and the simulation has more worlds")]

#[cfg(feature = "admin")]
pub mod admin;
#[cfg(feature = "deflate")]
pub mod compressed;
pub mod conditions;
pub mod configuration;
#[cfg(feature = "programs")]
pub mod counted_lines;
pub mod credentials;
pub mod dates;
pub mod encode;
#[cfg(feature = "proxy")]
pub mod forwarded;
pub mod frames_chunks;
pub mod frames_raw;
pub mod frames_structured;
pub mod head;
pub mod head_chunks;
pub mod hosts;
pub mod hub;
#[cfg(feature = "deflate")]
pub mod inflate;
#[cfg(feature = "processes")]
pub mod link_lines;
pub mod mask;
#[cfg(feature = "deflate")]
pub mod negotiation;
pub mod origin;
#[cfg(feature = "programs")]
pub mod paths;
pub mod programs;
pub mod proxy;
#[cfg(feature = "redis")]
pub mod published;
pub mod ranges;
pub mod session;
#[cfg(feature = "tls")]
pub mod tls;
pub mod tokens;
pub mod utf8;

// What several of them share.
mod cutting;
mod frames;
mod model;
mod talk;
mod theirs;
#[path = "../../tests/simulation/world/mod.rs"]
mod world;

/// The check of one fuzz target.
pub type Check = fn(&[u8]);

/// Every target by its name, which is that of its file and of its corpus.
pub const ALL: &[(&str, Check)] = &[
    #[cfg(feature = "admin")]
    ("admin", admin::check),
    #[cfg(feature = "deflate")]
    ("compressed", compressed::check),
    ("conditions", conditions::check),
    ("configuration", configuration::check),
    #[cfg(feature = "programs")]
    ("counted_lines", counted_lines::check),
    ("credentials", credentials::check),
    ("dates", dates::check),
    ("encode", encode::check),
    #[cfg(feature = "proxy")]
    ("forwarded", forwarded::check),
    ("frames_chunks", frames_chunks::check),
    ("frames_raw", frames_raw::check),
    ("frames_structured", frames_structured::check),
    ("head", head::check),
    ("head_chunks", head_chunks::check),
    ("hosts", hosts::check),
    ("hub", hub::check),
    #[cfg(feature = "deflate")]
    ("inflate", inflate::check),
    #[cfg(feature = "processes")]
    ("link_lines", link_lines::check),
    ("mask", mask::check),
    #[cfg(feature = "deflate")]
    ("negotiation", negotiation::check),
    ("origin", origin::check),
    #[cfg(feature = "programs")]
    ("paths", paths::check),
    ("programs", programs::check),
    ("proxy", proxy::check),
    #[cfg(feature = "redis")]
    ("published", published::check),
    ("ranges", ranges::check),
    ("session", session::check),
    #[cfg(feature = "tls")]
    ("tls", tls::check),
    ("tokens", tokens::check),
    ("utf8", utf8::check),
];

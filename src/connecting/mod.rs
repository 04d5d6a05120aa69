//! What connections to databases and to Redis have in common.
//!
//! In reading order:
//!
//! - `url_error`: [`UrlError`], why a URL cannot be used
//! - `nearness`: whether a server is on this machine
//! - `files`: the files of a password and of authorities
//! - `trust`: TLS to a server
//! - `pauses`: [`Pauses`], the times between attempts to connect

#[cfg(any(feature = "postgres", feature = "redis"))]
mod files;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod nearness;
mod pauses;
#[cfg(any(feature = "postgres", feature = "redis"))]
mod trust;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod url_error;

#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) use files::{read_authorities, read_password};
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) use nearness::is_here;
pub(crate) use pauses::Pauses;
#[cfg(feature = "redis")]
pub(crate) use pauses::random;
#[cfg(any(feature = "postgres", feature = "redis"))]
pub(crate) use trust::client_tls;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
pub use url_error::UrlError;

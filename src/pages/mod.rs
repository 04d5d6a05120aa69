//! Answers to plain HTTP requests. Values only; files are read elsewhere.
//!
//! In reading order:
//!
//! - `page`: the page of a service; `talk.html`: a page to try a service with
//! - `file`: the answer with a file, but for its bytes; `media`: the media type of a
//!   file by its name
//! - `facts`, with the feature `admin`: what a host has counted, as values

#[cfg(feature = "admin")]
mod facts;
#[doc(hidden)]
pub mod file;
#[doc(hidden)]
pub mod media;
mod page;

#[cfg(feature = "admin")]
pub use facts::{
    Histogram, ListenerMetrics, MemoryMetrics, Metrics, ProcessMetrics, ServiceKind,
    ServiceMetrics, ServiceState,
};
pub use page::Page;

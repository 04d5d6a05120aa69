//! Answers to plain HTTP: what a browser is shown that asks without an upgrade. Values only;
//! files are read elsewhere.
//!
//! In reading order:
//!
//! - [`page`]: the page of a service; `talk.html`: one to try a service with
//! - [`file`](mod@file): the answer with a file, but for its bytes; [`media`]: the media type of a
//!   file by its name

pub mod file;
pub mod media;
pub mod page;

pub use page::Page;

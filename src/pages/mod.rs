//! Answers to plain HTTP requests. Values only; files are read elsewhere.
//!
//! In reading order:
//!
//! - `page`: the page of a service; `talk.html`: a page to try a service with
//! - `file`: the answer with a file, but for its bytes; `media`: the media type of a
//!   file by its name

#[doc(hidden)]
pub mod file;
#[doc(hidden)]
pub mod media;
mod page;

pub use page::Page;

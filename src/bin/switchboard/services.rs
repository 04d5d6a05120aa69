//! The services that `build.rs` found.

use super::compiled::{Compiled, has_callbacks};

include!(concat!(env!("OUT_DIR"), "/services.rs"));

//! The services that `build.rs` found.

use super::compiled::{BuiltinService, has_callbacks};

include!(concat!(env!("OUT_DIR"), "/services.rs"));

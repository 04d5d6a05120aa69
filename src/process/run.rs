//! A run of a program as a service, on a thread of its own.

use crate::host::RunService;
use crate::host::panic::catch_panic;
use crate::limits::Limits;
use crate::process::served::Served;
use crate::process::{per_socket, shared};
use crate::programs::Mode;
use crate::service::Line;

impl RunService for Served {
    /// Serves until the host stops or the program has gone.
    fn run(&self, line: Line<'static>, limits: &Limits) -> String {
        // A panic would be ours. It ends this service and no other.
        let lived = catch_panic(|| match self.options.mode {
            Mode::Shared => shared::serve(self, line, limits),
            Mode::Lines | Mode::Text | Mode::Bytes => per_socket::serve(self, line, limits),
        });
        match lived {
            Ok(Ok(how) | Err(how)) | Err(how) => how,
        }
    }
}

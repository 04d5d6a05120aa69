//! A run of a program as a service, on a thread of its own.

use crate::host::RunService;
use crate::host::panic::catch_panic;
use crate::hub::RunEnd;
use crate::limits::Limits;
use crate::process::program_service::ProgramService;
use crate::process::{per_socket, shared};
use crate::programs::Mode;
use crate::service::Context;

impl RunService for ProgramService {
    /// Serves until the host stops or the program has gone.
    fn run(&self, line: Context<'static>, limits: &Limits) -> RunEnd {
        // A panic would be a bug of the host. It ends this service only.
        let served = catch_panic(|| match self.options.mode {
            Mode::Shared => shared::serve(self, line, limits),
            Mode::Lines | Mode::Text | Mode::Bytes => per_socket::serve(self, line, limits),
        });
        served.unwrap_or_else(|panicked| panicked)
    }
}

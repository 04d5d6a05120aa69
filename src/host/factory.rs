//! `Factory`: makes a service for each run.

use std::sync::Arc;

use crate::host::panic::catch_panic;
use crate::hub::RunEnd;
use crate::limits::Limits;
use crate::service::{Callbacks, Context, Outbound, Service};

/// Makes a fresh service for each run, on the thread of that run.
#[derive(Clone)]
pub(crate) enum Factory {
    /// A service on a thread of its own.
    Thread(Arc<dyn RunService>),
    /// A service on the loop.
    Loop(Make<dyn Callbacks>),
}

/// Makes a fresh value.
pub(crate) type Make<T> = Arc<dyn Fn() -> Box<T> + Send + Sync>;

/// The code of a service on a thread of its own.
pub trait RunService: Send + Sync {
    /// Serves until the run ends. Returns how it ended.
    fn run(&self, line: Context<'static>, limits: &Limits) -> RunEnd;
}

impl Factory {
    /// Makes a compiled-in service, for a thread of its own.
    pub(crate) fn thread(make: Make<dyn Service>) -> Self {
        Self::Thread(Arc::new(Compiled(make)))
    }
}

/// A compiled-in service.
struct Compiled(Make<dyn Service>);

impl RunService for Compiled {
    /// Makes the service, runs it to its end and drops it.
    fn run(&self, mut line: Context<'static>, _: &Limits) -> RunEnd {
        let mut service = None;
        let lived = catch_panic(|| {
            let service = service.insert((self.0)());
            line.apply(Outbound::Ready(service.admission()));
            line.flush();
            service.run(&mut line);
        });
        // It is not dropped while its own panic unwinds: a second panic would end the process.
        let dropped = catch_panic(|| drop(service));
        lived.and(dropped).err().unwrap_or(RunEnd::Returned)
    }
}

//! `Factory`: what makes a service for each run of it.

use std::sync::Arc;

use crate::host::panic::catch_panic;
use crate::limits::Limits;
use crate::service::{Callbacks, Context, Outbound, Service};

/// Makes a fresh service for each run of it, on the thread of that run.
#[derive(Clone)]
pub(crate) enum Factory {
    /// One for a thread of its own.
    Thread(Arc<dyn RunService>),
    /// One for the loop.
    Loop(Make<dyn Callbacks>),
}

/// Makes a fresh value.
pub(crate) type Make<T> = Arc<dyn Fn() -> Box<T> + Send + Sync>;

/// What a service on a thread of its own does there.
pub trait RunService: Send + Sync {
    /// Serves from here on, up to the end of the run. Returns how it ended.
    fn run(&self, line: Context<'static>, limits: &Limits) -> String;
}

impl Factory {
    /// What makes a service that is compiled in, for a thread of its own.
    pub(crate) fn thread(make: Make<dyn Service>) -> Self {
        Self::Thread(Arc::new(Compiled(make)))
    }
}

/// A service that is compiled in.
struct Compiled(Make<dyn Service>);

impl RunService for Compiled {
    /// Makes the service, runs it to its end and drops it.
    fn run(&self, mut line: Context<'static>, _: &Limits) -> String {
        let mut service = None;
        let lived = catch_panic(|| {
            let service = service.insert((self.0)());
            line.apply(Outbound::Ready(service.admission()));
            line.flush();
            service.run(&mut line);
        });
        // Not while a panic of its own unwinds: a second one would end the process.
        let dropped = catch_panic(|| drop(service));
        lived.and(dropped).err().unwrap_or_else(|| "it returned".to_owned())
    }
}

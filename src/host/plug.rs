//! What plugs into a host from above: events of other threads, what the loop reads besides, and
//! what ends with the host.

use std::any::Any;
use std::io;
use std::os::fd::RawFd;

use mio::unix::SourceFd;
use mio::{Interest, Token};

use crate::engine::{LoopSource, PLUGGED};
use crate::host::poll::Host;
use crate::host::resolver::NoticeSender;

impl Host {
    /// Sends it events, from any thread.
    #[doc(hidden)]
    #[must_use]
    pub fn notice_sender(&self) -> NoticeSender {
        NoticeSender(self.io.event_sender.clone())
    }

    /// Has the loop read a source by its descriptor, which stays open as long as the source. To be
    /// called once.
    ///
    /// # Errors
    /// The error of the system.
    #[doc(hidden)]
    pub fn watch(&mut self, descriptor: RawFd, source: Box<dyn LoopSource>) -> io::Result<()> {
        let registry = self.io.poll.registry();
        registry.register(&mut SourceFd(&descriptor), Token(PLUGGED), Interest::READABLE)?;
        self.engine.plug(source);
        Ok(())
    }

    /// Drops a value with the host, behind all else: operators see a host until its end.
    #[doc(hidden)]
    pub fn attach(&mut self, value: Box<dyn Any + Send>) {
        self.attached = Some(value);
    }

    /// The value that ends with the host, if it is of this type.
    #[doc(hidden)]
    #[must_use]
    pub fn attached<T: Any>(&self) -> Option<&T> {
        self.attached.as_ref()?.downcast_ref()
    }
}

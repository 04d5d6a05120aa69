//! `Work`: what another thread does for a service, and how the service gets the value.

use std::fmt;

use crate::service::context::{Context, Task};
use crate::service::socket_handler::SocketHandler;
use crate::service::socket_service::SocketService;
use crate::service::{Handler, Peer};

/// Work of another thread that makes a `T`, such as a job of a database. It begins with
/// [`Peer::later`], [`Peer::later_with_state`] or [`Context::later`], which say what is done with
/// the value.
#[must_use = "it begins with `later`"]
pub struct Work<T>(Box<dyn FnOnce(Done<T>) + Send>);

/// What is called with the value.
pub(crate) type Done<T> = Box<dyn FnOnce(T) + Send>;

impl<T: Send + 'static> Work<T> {
    /// Work that this begins, on the thread of the service. It has to call what it gets in any
    /// case.
    pub(crate) fn new(begin: impl FnOnce(Done<T>) + Send + 'static) -> Self {
        Self(Box::new(begin))
    }

    fn begin(self, done: impl FnOnce(T) + Send + 'static) {
        (self.0)(Box::new(done));
    }
}

impl<T> fmt::Debug for Work<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").finish_non_exhaustive()
    }
}

/// With the feature `database`.
impl<S: 'static> Peer<'_, '_, S> {
    /// Answers this socket later: has the work done by another thread, and calls `then` with its
    /// value, as a callback of this [`Handler`]. The type of the first argument of `then` has to be
    /// written, since it names the handler.
    ///
    /// Until `then` has returned, nothing else of this socket comes: neither its next message nor
    /// its close. The mail of the service counts what waits, and the socket is not read. Other
    /// sockets are served meanwhile, unless what waits fills that mail, or the queue of the
    /// database is full: a service on a thread of its own waits then. A second call for the same
    /// socket begins its work after the first `then`.
    ///
    /// If the peer goes meanwhile, `then` is called nevertheless, and what it sends to the socket
    /// is ignored. If the service ends, the work is done, and `then` is dropped.
    ///
    /// # Panics
    /// `then` is called with a handler of another type than the service has.
    pub fn later<H: Handler, T: Send + 'static>(
        &mut self,
        work: Work<T>,
        then: impl FnOnce(&mut H, &mut Peer<'_, '_>, T) + Send + 'static,
    ) {
        let id = self.id();
        self.begin(work, move |value| {
            Box::new(move |target, context| {
                let handler = target.handler().downcast_mut::<H>().expect(OTHER_HANDLER);
                then(handler, &mut Peer::new(id, context), value);
                context.end_later(id);
            })
        });
    }

    /// Answers this socket later, as [`Peer::later`] does, within a [`SocketHandler`]: `then` also
    /// gets the state of the socket, and its error closes the socket. It is not called if an error
    /// of an earlier callback closes the socket, nor after its `close` callback: the state has gone
    /// then. For work of a `close` callback there is [`Context::later`].
    ///
    /// # Panics
    /// As for [`Peer::later`].
    pub fn later_with_state<H: SocketHandler<Socket = S>, T: Send + 'static>(
        &mut self,
        work: Work<T>,
        then: impl FnOnce(&mut H, &mut Peer<'_, '_, S>, &mut S, T) -> Result<(), H::Error>
        + Send
        + 'static,
    ) {
        let id = self.id();
        self.begin(work, move |value| {
            Box::new(move |target, context| {
                let service = target.service().downcast_mut::<SocketService<H>>();
                let service = service.expect(OTHER_HANDLER);
                service.call(context, id, |handler, peer, state| then(handler, peer, state, value));
                context.end_later(id);
            })
        });
    }

    fn begin<T: Send + 'static>(
        &mut self,
        work: Work<T>,
        task: impl FnOnce(T) -> Task + Send + 'static,
    ) {
        let (id, context) = (self.id(), self.context());
        let tasks = context.later_sender();
        let job = Box::new(move || work.begin(move |value| tasks.send(task(value))));
        context.begin_later(id, job);
    }
}

/// With the feature `database`.
impl Context<'_> {
    /// Has work done by another thread, and calls `then` with its value, as a callback of this
    /// handler: a [`Handler`] or a [`SocketHandler`]. No socket waits for it. The type
    /// of the first argument of `then` has to be written.
    ///
    /// # Panics
    /// As for [`Peer::later`].
    pub fn later<H: 'static, T: Send + 'static>(
        &mut self,
        work: Work<T>,
        then: impl FnOnce(&mut H, &mut Context<'_>, T) + Send + 'static,
    ) {
        let tasks = self.later_sender();
        work.begin(move |value| {
            tasks.send(Box::new(move |target, context| {
                let handler = target.handler().downcast_mut::<H>().expect(OTHER_HANDLER);
                then(handler, context, value);
            }));
        });
    }
}

const OTHER_HANDLER: &str = "the first argument of `then` is the handler of the service itself";

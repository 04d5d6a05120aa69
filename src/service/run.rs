//! `Service`: a loop over transactions.

use crate::service::{Admission, Callbacks, Context};

/// A service with a loop of its own. It runs on a thread of its own, from the first socket that
/// asks for it until the host stops, and its state lasts as long. It may also start with the host:
/// [`Start`](crate::Start). Most services are simpler as a
/// [`Handler`](crate::service::Handler).
///
/// ```
/// use switchboard::service::{Context, Inbound, Service};
///
/// struct Echo;
///
/// impl Service for Echo {
///     fn run(&mut self, context: &mut Context) {
///         while let Some(transaction) = context.receive() {
///             if let Inbound::Data { id, message } = transaction {
///                 context.send(id, message);
///             }
///         }
///     }
/// }
/// ```
///
/// # Sending from other threads
///
/// A [`Context`] cannot leave the thread of its service. Another thread, such as a timer, a reader
/// of a database or a client of HTTP, sends with a `ServiceSender`. `Context::sender` makes one, as
/// does `Host::sender` before the host runs. Such a thread may keep the
/// [`SocketId`](crate::service::SocketId) of a socket: what is sent to one that has gone is
/// ignored. This needs the feature `senders`, which is on by default. `examples/lobby.rs` does it.
///
/// What another thread wants from the service itself, and not from its sockets, goes through a
/// channel of the program. The channel needs a bound of its own: while the service has no socket
/// yet, nothing is taken from it. There are two ways to receive from it:
///
/// - A service with a loop of its own waits in the channel, and [`Context::wake_by`] puts a word
///   there when [`Context::try_receive`] has something. Nothing waits for a clock.
/// - A handler looks into the channel in [`Handler::tick`](crate::service::Handler::tick), which is
///   simpler, and on the loop the only way. What was sent waits for up to one interval.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a service",
    note = "`handler(...)` makes a service of a `Handler`, and `gated(...)` of a `Gate`, as in \
            `server.mount(\"/path\", || handler(MyHandler))`",
    note = "a type with a loop of its own implements `Service`"
)]
pub trait Service: 'static {
    /// Runs until [`Context::receive`] returns `None`, and then returns soon: a clean stop waits
    /// until [`Limits::drain_ms_max`](crate::Limits::drain_ms_max) is over, and a second in any
    /// case.
    ///
    /// To return earlier, like a panic, ends the service: its sockets are closed with 1012, and the
    /// next socket starts it again. If it keeps failing, sockets get a 503 with `Retry-After`.
    fn run(&mut self, context: &mut Context<'_>);

    /// How sockets are admitted: by default all, without a subprotocol. Called once, before
    /// [`Service::run`].
    fn admission(&self) -> Admission {
        Admission::default()
    }

    /// The function that makes [`Callbacks`] of the service, which the loop calls instead of
    /// [`Service::run`]. `None`, which is the default: the service needs a thread of its own. The
    /// services of [`handler`](crate::service::handler) and [`gated`](crate::service::gated) have
    /// callbacks.
    fn callbacks() -> Option<fn(Self) -> Box<dyn Callbacks>>
    where
        Self: Sized,
    {
        None
    }
}

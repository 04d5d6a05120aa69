//! `Service`: a loop over transactions.

use crate::service::{Admission, Callbacks, Context};

/// A service with a loop of its own. It runs on a thread of its own, from the first socket that
/// asks for it until the host stops, and its state lasts as long. Most services are simpler as a
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

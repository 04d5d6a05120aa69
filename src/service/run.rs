//! `Service`: a loop over transactions.

use crate::service::{Admission, Callbacks, Context};

/// A service with a loop of its own. It runs on a thread of its own from the first socket
/// that asks for it until the host stops, and its state lasts as long.
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
pub trait Service: 'static {
    /// Runs until [`Context::receive`] gives `None`. Returning earlier, like a panic, ends the
    /// service: its sockets are closed with 1012, and the next socket starts it anew.
    fn run(&mut self, context: &mut Context<'_>);

    /// How sockets are let in; asked once, before [`Service::run`].
    fn admission(&self) -> Admission {
        Admission::default()
    }

    /// What makes callbacks of the service, for the loop to call instead of [`Service::run`].
    /// `None`, which is the default, for a service that cannot do without a thread of its own.
    /// What [`handler`](crate::service::handler) and [`gated`](crate::service::gated) give has
    /// callbacks.
    fn callbacks() -> Option<fn(Self) -> Box<dyn Callbacks>>
    where
        Self: Sized,
    {
        None
    }
}

//! `SocketGate`: a handler that decides about each request, at once or later, and makes the state
//! of the socket.

#[cfg(doc)]
use crate::limits::Limits;
#[cfg(doc)]
use crate::service::gated_socket_handler;
use crate::service::{Ask, SocketHandler};

/// A [`SocketHandler`] that decides about each request before its 101, and makes the state of the
/// socket of what it finds out. [`gated_socket_handler`] makes it a service.
///
/// ```
/// use std::convert::Infallible;
///
/// use switchboard::{
///     Ask, Limits, Message, Peer, Response, Server, SocketGate, SocketHandler, Status,
///     gated_socket_handler,
/// };
///
/// struct Members;
///
/// impl SocketHandler for Members {
///     /// The name of the member.
///     type Socket = String;
///     type Error = Infallible;
///
///     fn message(
///         &mut self,
///         peer: &mut Peer<String>,
///         name: &mut String,
///         message: Message,
///     ) -> Result<(), Infallible> {
///         peer.send(format!("{name}: {}", message.as_text().unwrap_or_default()));
///         Ok(())
///     }
/// }
///
/// impl SocketGate for Members {
///     fn admit(&mut self, ask: Ask<String>) {
///         match ask.request().header("X-Member").map(str::to_owned) {
///             Some(name) => ask.accept(name),
///             None => ask.refuse(Response::text(Status::FORBIDDEN, "members only")),
///         }
///     }
/// }
///
/// let mut server = Server::new(Limits::SERVER);
/// server.mount("/members", || gated_socket_handler(Members));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a gate with states of sockets",
    note = "`gated_socket_handler(...)` needs `impl SocketGate`, and states that are `Send`",
    note = "a socket handler that admits every socket becomes a service by `socket_handler(...)`"
)]
pub trait SocketGate: SocketHandler<Socket: Send> {
    /// A request asks for a socket. The answer may be given here or later, on this thread or on
    /// another one, within [`Limits::admission_ms_max`]. After that the request gets a 503.
    /// [`SocketHandler::open`] follows if it is accepted and the peer is still there.
    ///
    /// While this callback runs, the service waits. What takes long belongs to another thread, to
    /// which the whole `ask` goes.
    fn admit(&mut self, ask: Ask<Self::Socket>);
}

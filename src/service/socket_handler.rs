//! `SocketHandler`: callbacks that get the state of their socket, and that may fail.

use std::error::Error;
use std::time::Duration;

#[cfg(doc)]
use crate::service::{CloseError, Handler, SocketGate, socket_handler};
use crate::service::{Context, Peer, Request, SocketStates};
use crate::ws::{Close, Message};

/// A [`Handler`] with a state for each socket, whose callbacks may fail. They are called as those
/// of a [`Handler`] are.
///
/// An error that a callback about a socket returns closes that socket, and no other one: with 1011
/// (RFC 6455, 7.4.1) and without a reason, or as the [`CloseError`] says that is in its chain of
/// sources. The chain is in the log, once. Until its [`SocketHandler::close`], no callback follows
/// for the socket.
///
/// [`socket_handler`] makes a service of it, in which each socket begins with the default state.
/// With a [`SocketGate`], the state is made before the 101, of what the gate has found out.
///
/// ```
/// use std::num::ParseIntError;
///
/// use switchboard::{Limits, Message, Peer, Server, SocketHandler, socket_handler};
///
/// struct Sums;
///
/// impl SocketHandler for Sums {
///     type Socket = u32;
///     type Error = ParseIntError;
///
///     fn message(
///         &mut self,
///         peer: &mut Peer<u32>,
///         sum: &mut u32,
///         message: Message,
///     ) -> Result<(), ParseIntError> {
///         // What is no number closes the socket with 1011.
///         *sum = sum.wrapping_add(message.as_text().unwrap_or_default().parse()?);
///         peer.send(sum.to_string());
///         Ok(())
///     }
/// }
///
/// let mut server = Server::new(Limits::SERVER);
/// server.mount("/sums", || socket_handler(Sums));
/// ```
///
/// A callback that panics ends the service, as that of a [`Handler`] does. The states of all
/// sockets are dropped then, without a [`SocketHandler::close`], and so are requests that wait for
/// a gate.
#[expect(unused_variables, reason = "the names of the arguments are documentation")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a socket handler",
    note = "it needs `type Socket`, the state of each socket, and `type Error`; `()` and \
            `std::convert::Infallible` stand for none"
)]
pub trait SocketHandler: 'static {
    /// The state of one socket. It is there from [`SocketHandler::open`] to
    /// [`SocketHandler::close`]. A state without a size, such as `()`, costs no memory without a
    /// gate; another one costs its size, 8 bytes for the id, and 4 bytes for each socket that the
    /// host has had at one time.
    type Socket: 'static;

    /// What a callback may fail with: an error of your own or of the standard library, a
    /// [`CloseError`], `String`, `Box<dyn Error>`, `anyhow::Error`; for callbacks that never fail,
    /// [`Infallible`](std::convert::Infallible). The standard library does not convert
    /// `Box<dyn Error + Send + Sync>`, so that one will not do.
    type Error: Into<Box<dyn Error>>;

    /// The service starts, as in [`Handler::start`].
    fn start(&mut self, context: &mut Context<'_>) {}

    /// A socket is open: the first callback about it. If it fails, [`SocketHandler::close`]
    /// follows nevertheless.
    ///
    /// # Errors
    /// Whatever has to close the socket.
    fn open(
        &mut self,
        peer: &mut Peer<'_, '_, Self::Socket>,
        socket: &mut Self::Socket,
        request: &Request,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    /// A whole message came, as in [`Handler::message`].
    ///
    /// # Errors
    /// Whatever has to close the socket.
    fn message(
        &mut self,
        peer: &mut Peer<'_, '_, Self::Socket>,
        socket: &mut Self::Socket,
        message: Message,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Much waits for the peer, as in [`Handler::full`].
    ///
    /// # Errors
    /// Whatever has to close the socket.
    fn full(
        &mut self,
        peer: &mut Peer<'_, '_, Self::Socket>,
        socket: &mut Self::Socket,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Messages that other processes have sent may be missing, as in [`Handler::gap`].
    #[cfg(feature = "processes")]
    fn gap(&mut self, context: &mut Context<'_>, topic: Option<&str>) {}

    /// Another process has sent a message to a topic, as in [`Handler::heard`].
    #[cfg(feature = "processes")]
    fn heard(&mut self, context: &mut Context<'_>, topic: &str, message: Message) {}

    /// Little waits for the peer, as in [`Handler::drained`].
    ///
    /// # Errors
    /// Whatever has to close the socket.
    fn drained(
        &mut self,
        peer: &mut Peer<'_, '_, Self::Socket>,
        socket: &mut Self::Socket,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    /// The socket has gone, as in [`Handler::close`]: the last callback about it, and exactly one
    /// for each [`SocketHandler::open`]. What is sent to this peer is ignored; its context and the
    /// others are still there. The state is dropped with the end of the callback, unless that keeps
    /// it.
    ///
    /// # Errors
    /// They are only logged.
    fn close(
        &mut self,
        peer: &mut Peer<'_, '_, Self::Socket>,
        socket: Self::Socket,
        close: &Close,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    /// The interval of [`SocketHandler::tick_interval`] has passed, as in [`Handler::tick`].
    fn tick(&mut self, context: &mut Context<'_>, sockets: &mut SocketStates<'_, Self::Socket>) {}

    /// The host stops, as in [`Handler::stop`].
    fn stop(&mut self, context: &mut Context<'_>) {}

    /// The subprotocols that the service speaks, as in [`Handler::protocols`]. A [`SocketGate`]
    /// chooses for each socket instead.
    fn protocols(&self) -> Vec<String> {
        Vec::new()
    }

    /// How often [`SocketHandler::tick`] is called, as in [`Handler::tick_interval`].
    fn tick_interval(&self) -> Option<Duration> {
        None
    }
}

//! `Handler`: callbacks laid over a context, for services that only react.

#[cfg(feature = "state")]
use std::any::Any;
use std::time::Duration;

#[cfg(feature = "state")]
use crate::service::context::{Task, TaskTarget};
use crate::service::run_callbacks::run_callbacks;
use crate::service::{
    Admission, Callbacks, Context, Inbound, Peer, Request, Service, SocketId, Verdict,
};
#[cfg(doc)]
use crate::ws::CloseCode;
use crate::ws::{Close, Message};

/// A service as callbacks, each of which has a default that does nothing. They are called one at a
/// time, on one thread, so a handler needs no locks. [`Thread`](crate::service::Thread) says which
/// thread that is.
///
/// [`handler`] makes a service of it. With a state for each socket, or with callbacks that fail, it
/// is a `SocketHandler` (feature `state`). A callback that panics ends the service: its sockets are
/// closed with 1012, and the next socket starts it again. Other services go on.
///
/// ```
/// use switchboard::service::{Handler, Peer};
/// use switchboard::ws::Message;
///
/// struct Echo;
///
/// impl Handler for Echo {
///     fn message(&mut self, peer: &mut Peer, message: Message) {
///         peer.send(message);
///     }
/// }
/// ```
#[expect(unused_variables, reason = "the names of the arguments are documentation")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    note = "each callback has a default, so `impl Handler for ... {{}}` is enough to begin",
    note = "what is a service already is mounted without `handler(...)`"
)]
pub trait Handler: 'static {
    /// The service starts: the first callback. On a thread of its own it may take its time; what
    /// sockets send meanwhile waits.
    fn start(&mut self, context: &mut Context<'_>) {}

    /// A socket is open: the first callback about it.
    fn open(&mut self, peer: &mut Peer<'_, '_>, request: &Request) {}

    /// A whole message came, with its fragments joined and its text checked. It has up to
    /// [`Limits::message_bytes_max`](crate::Limits::message_bytes_max) bytes.
    fn message(&mut self, peer: &mut Peer<'_, '_>, message: Message) {}

    /// More than [`Limits::outbox_high_bytes`](crate::Limits::outbox_high_bytes) wait for the peer,
    /// which reads more slowly than the service sends. Send it nothing until [`Handler::drained`],
    /// or it is closed with 1013 above `outbox_bytes_max`.
    fn full(&mut self, peer: &mut Peer<'_, '_>) {}

    /// After [`Handler::full`]: no more than
    /// [`Limits::outbox_low_bytes`](crate::Limits::outbox_low_bytes) wait for the peer.
    fn drained(&mut self, peer: &mut Peer<'_, '_>) {}

    /// Messages of other processes, of this host or of others, may be missing: those to a topic, or
    /// without one those to any topic and to all sockets. It is called only for a service that
    /// shares ([`Share`](crate::service::Share)).
    #[cfg(feature = "processes")]
    fn gap(&mut self, context: &mut Context<'_>, topic: Option<&str>) {}

    /// The same service in another process has sent a message to a topic to which this one listens
    /// ([`Context::listen`]). Sockets that are subscribed to the topic have got it.
    #[cfg(feature = "processes")]
    fn heard(&mut self, context: &mut Context<'_>, topic: &str, message: Message) {}

    /// The socket has gone: the last callback about it, and exactly one for each [`Handler::open`].
    /// Code and reason are those of the side that closed first; [`CloseCode::LOST`] if the
    /// connection was lost before both sides had closed.
    fn close(&mut self, context: &mut Context<'_>, id: SocketId, close: &Close) {}

    /// The interval of [`Handler::tick_interval`] has passed. Ticks do not drift, and those that a
    /// slow callback has missed are skipped.
    ///
    /// A tick is for what comes by the clock. What other threads have for sockets needs none: they
    /// send it themselves, with a `ServiceSender` (feature `senders`, on by default):
    ///
    /// ```
    /// # #[cfg(feature = "senders")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::thread;
    /// use std::time::Duration;
    ///
    /// use switchboard::{Audience, Context, Handler, Limits, Server, handler};
    ///
    /// struct Prices;
    ///
    /// impl Handler for Prices {
    ///     fn tick(&mut self, context: &mut Context) {
    ///         context.send(Audience::all(), "the market is open");
    ///     }
    ///
    ///     fn tick_interval(&self) -> Option<Duration> {
    ///         Some(Duration::from_secs(60))
    ///     }
    /// }
    ///
    /// let mut server = Server::new(Limits::SERVER);
    /// server.mount("/prices", || handler(Prices));
    /// let host = server.bind("127.0.0.1:0")?;
    /// let prices = host.sender("/prices")?;
    /// thread::spawn(move || {
    ///     // A price that finds the queue full is left out: the next one is better.
    ///     let _ = prices.try_send(Audience::all(), "42");
    /// });
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "senders"))]
    /// # fn main() {}
    /// ```
    fn tick(&mut self, context: &mut Context<'_>) {}

    /// The host stops: the last callback. All sockets have been closed. A clean stop waits for it
    /// until [`Limits::drain_ms_max`](crate::Limits::drain_ms_max) is over, and a second in any
    /// case.
    fn stop(&mut self, context: &mut Context<'_>) {}

    /// The subprotocols that the service speaks, the best first; none by default. Called once, when
    /// the handler is made a service. The first one that the peer offers is agreed on. A [`Gate`]
    /// chooses for each socket instead, and this is ignored.
    fn protocols(&self) -> Vec<String> {
        Vec::new()
    }

    /// How often [`Handler::tick`] is called; `None`, which is the default, or zero: never.
    ///
    /// It is called at the start and after each callback (on the loop, after those of a turn), so a
    /// handler may have ticks only while there is something to do. An interval that has changed
    /// begins at that moment.
    fn tick_interval(&self) -> Option<Duration> {
        None
    }
}

/// A handler that decides about each request before its 101. [`gated`] makes it a service.
///
/// ```
/// use switchboard::{Gate, Handler, Request, Response, Status, Verdict};
///
/// struct Members;
///
/// impl Handler for Members {}
///
/// impl Gate for Members {
///     fn admit(&mut self, request: &Request) -> Verdict {
///         match request.cookie("member") {
///             Some("yes") => Verdict::Accept,
///             _ => Verdict::Refuse(Response::text(Status::FORBIDDEN, "members only")),
///         }
///     }
/// }
/// ```
///
/// Only [`gated`] asks it: [`handler`] would admit every socket. A gate blocks its service while it
/// decides. A `SocketGate` may decide later. A service that decides with the id of the socket gets
/// [`Inbound::Ask`] in a [`Service`](crate::service::Service) of its own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a gate",
    note = "`gated(...)` needs `impl Gate`, which decides about each request",
    note = "a handler that admits every socket becomes a service by `handler(...)`"
)]
pub trait Gate: Handler {
    /// A request asks for a socket. Its answer waits for the verdict, up to
    /// [`Limits::admission_ms_max`](crate::Limits::admission_ms_max), then it is a 503.
    /// [`Handler::open`] follows if it is accepted and the peer is still there.
    fn admit(&mut self, request: &Request) -> Verdict;
}

/// Makes a handler a service that admits every socket. A [`Gate`] is asked by [`gated`] only.
///
/// A handler alone is not a service, so this does not compile:
///
/// ```compile_fail
/// use switchboard::{Handler, Limits, Server};
///
/// struct Quiet;
/// impl Handler for Quiet {}
///
/// let mut server = Server::new(Limits::SERVER);
/// server.mount("/quiet", || Quiet); // instead of: || handler(Quiet)
/// ```
#[must_use]
pub fn handler<H: Handler>(handler: H) -> impl Service {
    let admission = Admission::Everyone { protocols: handler.protocols() };
    Handled { handler, admission, admit: |_, _| Verdict::Accept }
}

/// Makes a handler a service that admits the sockets that its [`Gate`] accepts.
#[must_use]
pub fn gated<G: Gate>(handler: G) -> impl Service {
    Handled { handler, admission: Admission::Asked, admit: G::admit }
}

struct Handled<H> {
    handler: H,
    admission: Admission,
    admit: fn(&mut H, &Request) -> Verdict,
}

impl<H: Handler> Service for Handled<H> {
    fn run(&mut self, context: &mut Context<'_>) {
        run_callbacks(self, context);
    }

    fn admission(&self) -> Admission {
        self.admission.clone()
    }

    fn callbacks() -> Option<fn(Self) -> Box<dyn Callbacks>> {
        Some(|handled| Box::new(handled))
    }
}

impl<H: Handler> Callbacks for Handled<H> {
    fn admission(&self) -> Admission {
        self.admission.clone()
    }

    fn start(&mut self, context: &mut Context<'_>) {
        self.handler.start(context);
    }

    fn receive(&mut self, context: &mut Context<'_>, transaction: Inbound) {
        let id = transaction.id();
        match transaction {
            Inbound::Ask { request, .. } => {
                let verdict = (self.admit)(&mut self.handler, &request);
                context.admit(id, verdict);
            }
            Inbound::Open { request, .. } => {
                self.handler.open(&mut Peer::new(id, context), &request);
            }
            Inbound::Data { message, .. } => {
                self.handler.message(&mut Peer::new(id, context), message);
            }
            #[cfg(feature = "state")]
            Inbound::Full { bytes, .. } => {
                let mut peer = Peer::new(id, context);
                peer.note_waited(bytes);
                self.handler.full(&mut peer);
            }
            #[cfg(not(feature = "state"))]
            Inbound::Full { .. } => self.handler.full(&mut Peer::new(id, context)),
            Inbound::Drained { .. } => self.handler.drained(&mut Peer::new(id, context)),
            #[cfg(feature = "processes")]
            Inbound::Gap { topic } => self.handler.gap(context, topic.as_deref()),
            #[cfg(feature = "processes")]
            Inbound::Heard { topic, message } => self.handler.heard(context, &topic, message),
            Inbound::Close { close, .. } => self.handler.close(context, id, &close),
        }
    }

    fn tick(&mut self, context: &mut Context<'_>) {
        self.handler.tick(context);
    }

    fn tick_interval(&self) -> Option<Duration> {
        self.handler.tick_interval().filter(|interval| !interval.is_zero())
    }

    fn stop(&mut self, context: &mut Context<'_>) {
        self.handler.stop(context);
    }

    #[cfg(feature = "state")]
    fn run_task(&mut self, context: &mut Context<'_>, task: Task) {
        task(self, context);
    }
}

#[cfg(feature = "state")]
impl<H: Handler> TaskTarget for Handled<H> {
    fn service(&mut self) -> &mut dyn Any {
        &mut self.handler
    }

    fn handler(&mut self) -> &mut dyn Any {
        &mut self.handler
    }
}

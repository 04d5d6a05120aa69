//! `Handler`: callbacks laid over a context, for services that only react.

use std::time::{Duration, Instant};

use crate::service::callbacks::next_tick;
use crate::service::{
    Admission, Audience, Callbacks, Context, Inbound, Received, Request, Service, SocketId, Verdict,
};
use crate::ws::{Close, CloseCode, Message};

/// A service as callbacks, each of which has a default that does nothing. They are called
/// one at a time, on one thread, so that a handler needs no locks: on the service's own, or on
/// that of the loop, as [`Thread`](crate::service::Thread) says.
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
pub trait Handler: 'static {
    /// The service starts; no socket is there yet.
    fn start(&mut self, context: &mut Context<'_>) {}

    /// A socket is open.
    fn open(&mut self, peer: &mut Peer<'_, '_>, request: &Request) {}

    /// A whole message came.
    fn message(&mut self, peer: &mut Peer<'_, '_>, message: Message) {}

    /// The socket's outbox has passed its high mark: better send it nothing until
    /// [`Handler::drained`].
    fn full(&mut self, peer: &mut Peer<'_, '_>) {}

    /// The outbox has fallen to its low mark after [`Handler::full`].
    fn drained(&mut self, peer: &mut Peer<'_, '_>) {}

    /// The socket is gone: exactly once for each [`Handler::open`], and nothing of this
    /// socket comes after it. Code and reason are those of the side that closed first;
    /// [`CloseCode::LOST`] if the connection was lost before both had.
    fn close(&mut self, context: &mut Context<'_>, id: SocketId, close: &Close) {}

    /// The interval of [`Handler::tick`] has passed.
    fn tick(&mut self, context: &mut Context<'_>) {}

    /// The host stops; all sockets have been closed.
    fn stop(&mut self, context: &mut Context<'_>) {}

    /// The subprotocols that the service speaks, the best first; none by default. Asked once,
    /// at the start. A [`Gate`] chooses for each socket instead.
    fn protocols(&self) -> Vec<String> {
        Vec::new()
    }

    /// How often [`Handler::tick`] is called; never by default. Asked at the start and after each
    /// call, or after several at once on the loop: a handler may have ticks only while there is
    /// something to do. An interval that has changed begins then. One of zero counts as none.
    fn tick_interval(&self) -> Option<Duration> {
        None
    }
}

/// A handler that decides which sockets may open. [`gated`] makes it a service.
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
///         match request.header("Cookie") {
///             Some("member=yes") => Verdict::Accept,
///             _ => Verdict::Refuse(Response::text(Status::FORBIDDEN, "members only")),
///         }
///     }
/// }
/// ```
pub trait Gate: Handler {
    /// A socket asks to open. It waits for its 101 until the verdict; no other socket waits.
    fn admit(&mut self, request: &Request) -> Verdict;
}

/// One socket during a callback, and through it the context of all others.
#[derive(Debug)]
pub struct Peer<'a, 'host> {
    id: SocketId,
    context: &'a mut Context<'host>,
}

impl<'host> Peer<'_, 'host> {
    /// Sends the socket a message.
    pub fn send(&mut self, message: impl Into<Message>) {
        self.context.send_one(self.id, message.into());
    }

    /// Sends a message to others: several, all, or a topic.
    pub fn send_to(&mut self, to: impl Into<Audience>, message: impl Into<Message>) {
        self.context.send(to, message);
    }

    /// Closes the socket; [`Handler::close`] follows.
    pub fn close(&mut self, code: CloseCode, reason: &str) {
        self.context.close(self.id, code, reason);
    }

    /// Subscribes the socket to a topic.
    pub fn subscribe(&mut self, topic: impl Into<String>) {
        self.context.subscribe(self.id, topic);
    }

    /// Removes a subscription.
    pub fn unsubscribe(&mut self, topic: impl Into<String>) {
        self.context.unsubscribe(self.id, topic);
    }

    /// The socket's id.
    #[must_use]
    pub const fn id(&self) -> SocketId {
        self.id
    }

    /// The context, for what concerns other sockets.
    pub const fn context(&mut self) -> &mut Context<'host> {
        self.context
    }
}

/// Makes a handler a service that accepts all sockets.
#[must_use]
pub fn handler<H: Handler>(handler: H) -> impl Service {
    let admission = Admission::Everyone { protocols: handler.protocols() };
    Handled { handler, admission, admit: |_, _| Verdict::Accept }
}

/// Makes a handler a service that accepts the sockets that its gate admits.
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
        self.start(context);
        let mut interval = None;
        let mut tick = None;
        loop {
            let wanted = self.tick_interval();
            if wanted != interval {
                interval = wanted;
                tick = interval.and_then(|interval| Instant::now().checked_add(interval));
            }
            let received = match tick {
                Some(tick) => context.receive_until(tick),
                None => context.receive().map_or(Received::End, Received::Transaction),
            };
            match received {
                Received::Transaction(transaction) => self.receive(context, transaction),
                Received::Time => {
                    self.tick(context);
                    let now = Instant::now();
                    tick = tick.zip(interval).and_then(|(last, every)| next_tick(last, every, now));
                }
                Received::End => break,
            }
        }
        self.stop(context);
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
                self.handler.open(&mut Peer { id, context }, &request);
            }
            Inbound::Data { message, .. } => {
                self.handler.message(&mut Peer { id, context }, message);
            }
            Inbound::Full { .. } => self.handler.full(&mut Peer { id, context }),
            Inbound::Drained { .. } => self.handler.drained(&mut Peer { id, context }),
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
}

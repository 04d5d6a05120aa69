//! `Handler`: callbacks laid over a line, for services that only react.

use std::time::{Duration, Instant};

use crate::service::{
    Admission, Audience, Inbound, Line, Received, Request, Service, SocketId, Verdict,
};
use crate::ws::{Close, CloseCode, Message};

/// A service as callbacks, each of which has a default that does nothing. They are called
/// one at a time, on the service's own thread, so that a handler needs no locks.
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
    fn start(&mut self, line: &mut Line) {}

    /// A socket is open.
    fn open(&mut self, peer: &mut Peer, request: &Request) {}

    /// A whole message came.
    fn message(&mut self, peer: &mut Peer, message: Message) {}

    /// The socket's outbox has passed its high mark: better send it nothing until
    /// [`Handler::drained`].
    fn full(&mut self, peer: &mut Peer) {}

    /// The outbox has fallen to its low mark after [`Handler::full`].
    fn drained(&mut self, peer: &mut Peer) {}

    /// The socket is gone: exactly once for each [`Handler::open`], and nothing of this
    /// socket comes after it.
    fn close(&mut self, line: &mut Line, id: SocketId, close: &Close) {}

    /// The interval of [`Handler::tick`] has passed.
    fn tick(&mut self, line: &mut Line) {}

    /// The host stops; all sockets have been closed.
    fn stop(&mut self, line: &mut Line) {}

    /// The subprotocols that the service speaks, the best first; none by default. Asked once,
    /// at the start. A [`Gate`] chooses for each socket instead.
    fn protocols(&self) -> Vec<String> {
        Vec::new()
    }

    /// How often [`Handler::tick`] is called; never by default. Asked once, at the start.
    fn tick_interval(&self) -> Option<Duration> {
        None
    }
}

/// A handler that decides who may come in, to be made a service by [`gated`].
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
    /// A socket asks to come in. It waits before its 101, and nobody else does.
    fn admit(&mut self, request: &Request) -> Verdict;
}

/// One socket during a callback, and through it the line to all others.
pub struct Peer<'a> {
    id: SocketId,
    line: &'a mut Line,
}

impl Peer<'_> {
    /// Sends the socket a message.
    pub fn send(&mut self, message: impl Into<Message>) {
        self.line.send(self.id, message);
    }

    /// Sends a message to others: several, all, or a topic.
    pub fn send_to(&mut self, to: impl Into<Audience>, message: impl Into<Message>) {
        self.line.send(to, message);
    }

    /// Closes the socket; [`Handler::close`] follows.
    pub fn close(&mut self, code: CloseCode, reason: &str) {
        self.line.close(self.id, code, reason);
    }

    /// Subscribes the socket to a topic.
    pub fn subscribe(&mut self, topic: impl Into<String>) {
        self.line.subscribe(self.id, topic);
    }

    /// Takes a subscription back.
    pub fn unsubscribe(&mut self, topic: impl Into<String>) {
        self.line.unsubscribe(self.id, topic);
    }

    /// The socket's id.
    #[must_use]
    pub const fn id(&self) -> SocketId {
        self.id
    }

    /// The line, for what concerns other sockets.
    pub const fn line(&mut self) -> &mut Line {
        self.line
    }
}

/// Makes a handler a service that lets everyone in.
#[must_use]
pub fn handler<H: Handler>(handler: H) -> impl Service {
    let admission = Admission::Everyone { protocols: handler.protocols() };
    Handled { handler, admission, admit: |_, _| Verdict::Accept }
}

/// Makes a handler a service that lets in whom its gate admits.
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
    fn run(&mut self, line: &mut Line) {
        self.handler.start(line);
        let interval = self.handler.tick_interval().filter(|interval| !interval.is_zero());
        let mut tick = interval.map(|interval| Instant::now() + interval);
        loop {
            let received = match tick {
                Some(tick) => line.receive_until(tick),
                None => line.receive().map_or(Received::End, Received::Transaction),
            };
            match received {
                Received::Transaction(transaction) => self.call(line, transaction),
                Received::Time => {
                    self.handler.tick(line);
                    // Counted from the last one, so that ticks do not drift. Those that a slow
                    // callback has missed are skipped: sockets have their turn in between.
                    tick = tick.zip(interval).map(|(tick, interval)| {
                        let (next, now) = (tick + interval, Instant::now());
                        if next > now { next } else { now + interval }
                    });
                }
                Received::End => break,
            }
        }
        self.handler.stop(line);
    }

    fn admission(&self) -> Admission {
        self.admission.clone()
    }
}

impl<H: Handler> Handled<H> {
    fn call(&mut self, line: &mut Line, transaction: Inbound) {
        let id = transaction.id();
        match transaction {
            Inbound::Ask { request, .. } => {
                let verdict = (self.admit)(&mut self.handler, &request);
                line.admit(id, verdict);
            }
            Inbound::Open { request, .. } => self.handler.open(&mut Peer { id, line }, &request),
            Inbound::Data { message, .. } => self.handler.message(&mut Peer { id, line }, message),
            Inbound::Full { .. } => self.handler.full(&mut Peer { id, line }),
            Inbound::Drained { .. } => self.handler.drained(&mut Peer { id, line }),
            Inbound::Close { close, .. } => self.handler.close(line, id, &close),
        }
    }
}

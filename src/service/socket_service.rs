//! `SocketService`: a `SocketHandler` as a service.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use crate::service::ask::{Answer, Ask};
use crate::service::close_error::{CloseError, chain_text};
use crate::service::context::{Task, TaskTarget};
use crate::service::failure::{Failure, FailureLog};
use crate::service::run_callbacks::run_callbacks;
use crate::service::state_table::StateTable;
use crate::service::task_queue::TaskSender;
use crate::service::{
    Admission, Callbacks, Context, Inbound, Peer, Request, Service, SocketGate, SocketHandler,
    SocketId, Verdict,
};
use crate::ws::{Close, CloseCode, Response, Status};

/// Makes a handler a service that admits every socket, with the default state. A [`SocketGate`] is
/// asked by [`gated_socket_handler`] only.
#[must_use]
pub fn socket_handler<H>(handler: H) -> impl Service
where
    H: SocketHandler<Socket: Default>,
{
    SocketService::new(handler, Entrance::Everyone(H::Socket::default))
}

/// Makes a handler a service that admits the sockets that its [`SocketGate`] accepts.
#[must_use]
pub fn gated_socket_handler<G: SocketGate>(handler: G) -> impl Service {
    SocketService::new(
        handler,
        Entrance::Gate(|handler, id, request, answers| {
            handler.admit(Ask::new(id, request, answers, SocketService::<G>::settle));
        }),
    )
}

/// A handler with the states of its sockets.
pub(super) struct SocketService<H: SocketHandler> {
    handler: H,
    entrance: Entrance<H>,
    states: StateTable<H::Socket>,
    /// The requests that wait for the gate, or for the host after the gate has accepted them: these
    /// have a state.
    asked: HashMap<SocketId, Option<H::Socket>>,
    /// The sockets that are being closed because a callback has failed.
    failed: HashSet<SocketId>,
    log: FailureLog,
}

/// Which sockets are admitted, and with which state.
enum Entrance<H: SocketHandler> {
    /// All.
    Everyone(fn() -> H::Socket),
    /// Those that the gate accepts.
    Gate(fn(&mut H, SocketId, Arc<Request>, Option<TaskSender<Task>>)),
}

impl<H: SocketHandler> SocketService<H> {
    fn new(handler: H, entrance: Entrance<H>) -> Self {
        let states = match entrance {
            Entrance::Everyone(_) => StateTable::new(),
            // A socket that was refused has a close if that and the host's own refusal cross.
            Entrance::Gate(_) => StateTable::kept(),
        };
        Self {
            handler,
            entrance,
            states,
            asked: HashMap::new(),
            failed: HashSet::new(),
            log: FailureLog::default(),
        }
    }

    /// An answer of the gate has come.
    fn settle(
        target: &mut dyn TaskTarget,
        context: &mut Context<'_>,
        id: SocketId,
        answer: Answer<H::Socket>,
    ) {
        let service = target.service().downcast_mut::<Self>().expect("a run has one service");
        // The socket may have gone, and another one may be in its place.
        let Some(asked) = service.asked.get_mut(&id) else { return };
        let verdict = match answer {
            Answer::Accept(protocol, state) => {
                *asked = Some(state);
                protocol.map_or(Verdict::Accept, Verdict::AcceptProtocol)
            }
            Answer::Refuse(response) => {
                service.asked.remove(&id);
                Verdict::Refuse(response)
            }
            Answer::Dropped => {
                service.asked.remove(&id);
                service.log.write(context.service(), Failure::Dropped(id));
                Verdict::Refuse(Response::empty(Status::INTERNAL_ERROR))
            }
        };
        context.admit(id, verdict);
    }

    fn open(&mut self, context: &mut Context<'_>, id: SocketId, request: &Request) {
        let state = match self.entrance {
            Entrance::Everyone(make) => Some(make()),
            Entrance::Gate(_) => self.asked.remove(&id).flatten(),
        };
        let Some(state) = state else { return };
        self.states.insert(id, state);
        self.call(context, id, |handler, peer, state| handler.open(peer, state, request));
    }

    /// Calls a callback about a socket. Its error closes that socket.
    pub(super) fn call(
        &mut self,
        context: &mut Context<'_>,
        id: SocketId,
        callback: impl FnOnce(
            &mut H,
            &mut Peer<'_, '_, H::Socket>,
            &mut H::Socket,
        ) -> Result<(), H::Error>,
    ) {
        if !self.failed.is_empty() && self.failed.contains(&id) {
            return;
        }
        let Some((state, others)) = self.states.split(id) else { return };
        let mut peer = Peer::among(id, context, others);
        if let Err(error) = callback(&mut self.handler, &mut peer, state) {
            let close = self.log_error(context, id, error);
            context.close(id, close.code, &close.reason);
            self.failed.insert(id);
        }
    }

    fn close(&mut self, context: &mut Context<'_>, id: SocketId, close: &Close) {
        // It has gone before it was open.
        if self.asked.remove(&id).is_some() {
            return;
        }
        let Some(state) = self.states.remove(id) else { return };
        self.failed.remove(&id);
        let mut peer = Peer::among(id, context, self.states.all());
        if let Err(error) = self.handler.close(&mut peer, state, close) {
            self.log_error(context, id, error);
        }
    }

    /// Logs an error. Returns how its socket is to be closed.
    #[cold]
    fn log_error(&mut self, context: &Context<'_>, id: SocketId, error: H::Error) -> Close {
        let error: Box<dyn Error> = error.into();
        let text = chain_text(error.as_ref());
        let Some(close) = CloseError::in_chain(error.as_ref()) else {
            self.log.write(context.service(), Failure::Callback(id, &text));
            // RFC 6455, 7.4.1: the server cannot go on because of an unexpected condition. What
            // that is concerns nobody else.
            return Close::new(CloseCode::INTERNAL, "");
        };
        self.log.write(context.service(), Failure::Close(id, &text));
        Close::new(close.code(), close.reason())
    }
}

impl<H: SocketHandler> Service for SocketService<H> {
    fn run(&mut self, context: &mut Context<'_>) {
        run_callbacks(self, context);
    }

    fn admission(&self) -> Admission {
        Callbacks::admission(self)
    }

    fn callbacks() -> Option<fn(Self) -> Box<dyn Callbacks>> {
        Some(|service| Box::new(service))
    }
}

impl<H: SocketHandler> Callbacks for SocketService<H> {
    fn admission(&self) -> Admission {
        match self.entrance {
            Entrance::Everyone(_) => Admission::Everyone { protocols: self.handler.protocols() },
            Entrance::Gate(_) => Admission::AskedAndClosed,
        }
    }

    fn start(&mut self, context: &mut Context<'_>) {
        self.handler.start(context);
    }

    fn receive(&mut self, context: &mut Context<'_>, transaction: Inbound) {
        match transaction {
            Inbound::Ask { id, request } => {
                if let Entrance::Gate(admit) = self.entrance {
                    self.asked.insert(id, None);
                    admit(&mut self.handler, id, request, context.task_sender());
                }
            }
            Inbound::Open { id, request } => self.open(context, id, &request),
            Inbound::Data { id, message } => {
                self.call(context, id, |handler, peer, state| {
                    handler.message(peer, state, message)
                });
            }
            Inbound::Full { id, bytes } => {
                self.call(context, id, |handler, peer, state| {
                    peer.note_waited(bytes);
                    handler.full(peer, state)
                });
            }
            Inbound::Drained { id } => {
                self.call(context, id, |handler, peer, state| handler.drained(peer, state));
            }
            #[cfg(feature = "processes")]
            Inbound::Gap { topic } => self.handler.gap(context, topic.as_deref()),
            #[cfg(feature = "processes")]
            Inbound::Heard { topic, message } => self.handler.heard(context, &topic, message),
            Inbound::Close { id, close } => self.close(context, id, &close),
        }
    }

    fn tick(&mut self, context: &mut Context<'_>) {
        self.handler.tick(context, &mut self.states.all());
    }

    fn tick_interval(&self) -> Option<Duration> {
        self.handler.tick_interval().filter(|interval| !interval.is_zero())
    }

    fn stop(&mut self, context: &mut Context<'_>) {
        self.handler.stop(context);
        self.log.end(context.service());
    }

    fn run_task(&mut self, context: &mut Context<'_>, task: Task) {
        task(self, context);
    }
}

impl<H: SocketHandler> TaskTarget for SocketService<H> {
    fn service(&mut self) -> &mut dyn Any {
        self
    }

    fn handler(&mut self) -> &mut dyn Any {
        &mut self.handler
    }
}

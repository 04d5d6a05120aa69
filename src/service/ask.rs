//! `Ask`: a request that waits for the answer of a gate.

use std::fmt;
use std::sync::Arc;

#[cfg(doc)]
use crate::service::SocketGate;
use crate::service::context::{Task, TaskTarget};
use crate::service::task_queue::TaskSender;
use crate::service::{Context, Request, SocketId};
use crate::ws::Response;

/// A request that waits for the answer of a [`SocketGate`]. It can be sent to another thread, and
/// answered there.
///
/// One that is dropped without an answer is refused with a 500, and the log has a warning. An
/// answer that comes too late has no effect, and its state is dropped: the peer has gone, the
/// request had its 503, or the service has ended.
///
/// ```
/// use std::sync::mpsc::Sender;
///
/// use switchboard::{Ask, Response, SocketGate, SocketHandler, Status};
///
/// struct Account;
///
/// /// Sends requests to a thread that knows all users.
/// struct Accounts(Sender<Ask<Account>>);
///
/// impl SocketHandler for Accounts {
///     type Socket = Account;
///     type Error = std::convert::Infallible;
/// }
///
/// impl SocketGate for Accounts {
///     fn admit(&mut self, ask: Ask<Account>) {
///         if let Err(failed) = self.0.send(ask) {
///             failed.0.refuse(Response::empty(Status::UNAVAILABLE));
///         }
///     }
/// }
/// ```
pub struct Ask<S: Send + 'static> {
    id: SocketId,
    request: Arc<Request>,
    /// `None` once it is answered.
    answers: Option<TaskSender<Task>>,
    settle: Settle<S>,
}

impl<S: Send + 'static> Ask<S> {
    pub(super) const fn new(
        id: SocketId,
        request: Arc<Request>,
        answers: Option<TaskSender<Task>>,
        settle: Settle<S>,
    ) -> Self {
        Self { id, request, answers, settle }
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Opens the socket with this state, without a subprotocol.
    pub fn accept(mut self, socket: S) {
        self.settle(Answer::Accept(None, socket));
    }

    /// Opens the socket with this subprotocol and state. A subprotocol that the peer did not offer
    /// is left out.
    pub fn accept_protocol(mut self, name: impl Into<String>, socket: S) {
        self.settle(Answer::Accept(Some(name.into()), socket));
    }

    /// Refuses the socket. This is the answer instead of the 101, with any status.
    pub fn refuse(mut self, response: Response) {
        self.settle(Answer::Refuse(response));
    }

    /// Opens the socket with the state of an `Ok`, without a subprotocol, or refuses it with the
    /// answer of an `Err`.
    pub fn answer(self, answer: Result<S, Response>) {
        match answer {
            Ok(socket) => self.accept(socket),
            Err(response) => self.refuse(response),
        }
    }

    fn settle(&mut self, answer: Answer<S>) {
        let (id, settle) = (self.id, self.settle);
        if let Some(answers) = self.answers.take() {
            answers.send(Box::new(move |service, context| settle(service, context, id, answer)));
        }
    }
}

impl<S: Send + 'static> Drop for Ask<S> {
    fn drop(&mut self) {
        self.settle(Answer::Dropped);
    }
}

impl<S: Send + 'static> fmt::Debug for Ask<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The answer of a gate.
pub(super) enum Answer<S> {
    /// The socket opens with this subprotocol and state.
    Accept(Option<String>, S),
    /// It is refused.
    Refuse(Response),
    /// There is none.
    Dropped,
}

/// Brings an answer to the service that has asked.
pub(super) type Settle<S> = fn(&mut dyn TaskTarget, &mut Context<'_>, SocketId, Answer<S>);

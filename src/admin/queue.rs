//! `AdminQueue`: what operators ask several processes, on its way to the parent of these.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use mio::Waker;

use crate::admin::actions::Actions;
use crate::admin::command::AdminCommand;
use crate::admin::form::bad;
#[cfg(test)]
use crate::admin::reply::{AdminNotice, Ticket};
use crate::admin::reply::{Reply, ReplySlot};
use crate::ws::{Response, form};

/// What operators ask several processes.
pub(crate) struct AdminRequest {
    pub(crate) command: AdminCommand,
    /// The request for a process.
    pub(crate) bytes: Vec<u8>,
    reply: ReplySlot,
}

impl AdminRequest {
    /// How long the processes may take.
    pub(crate) const fn time_max(&self) -> Duration {
        Actions::time_max(&self.command)
    }

    /// Answers it.
    pub(crate) fn answer(self, answer: Response) {
        self.reply.send(Reply::Answer(answer));
    }
}

#[cfg(test)]
impl AdminRequest {
    /// A request, and what returns its answer once there is one.
    pub(crate) fn with_answer(command: AdminCommand) -> (Self, impl Fn() -> Option<Response>) {
        let poll = mio::Poll::new().expect("it is made");
        let waker = Arc::new(Waker::new(poll.registry(), mio::Token(0)).expect("it is made"));
        let (sender, notices) = crossbeam_channel::unbounded();
        let reply = ReplySlot::new(Ticket { place: 0, number: 0 }, sender, waker);
        let answer = move || match notices.try_recv() {
            Ok(AdminNotice::Reply(_, Reply::Answer(answer))) => Some(answer),
            _ => None,
        };
        (Self { command, bytes: Vec::new(), reply }, answer)
    }
}

/// Where requests wait for the parent.
pub(super) struct AdminQueue {
    /// The longest message that any service takes, in bytes.
    pub(super) message_bytes_max: usize,
    pub(super) requests: Sender<AdminRequest>,
    /// Tells the parent that there are requests.
    pub(super) waker: Arc<Waker>,
}

impl AdminQueue {
    pub(super) fn push(&self, command: AdminCommand, line: &str, reply: ReplySlot) {
        if command.is_for_ids() && command.one_process().is_none() {
            return reply.send(Reply::Answer(bad(IDS)));
        }
        let bytes = request(line, &command);
        if self.requests.send(AdminRequest { command, bytes, reply }).is_ok() {
            // If that fails, the parent finds the request at its next event.
            let _ = self.waker.wake();
        }
    }
}

/// A request with this method and target, without the parameter `process`. Operators get the head
/// alone from the parent.
fn request(line: &str, command: &AdminCommand) -> Vec<u8> {
    let content = match command {
        AdminCommand::Send { message, .. } => message.as_bytes(),
        _ => &[],
    };
    let line = line.strip_prefix("HEAD ").map_or_else(|| line.to_owned(), |at| format!("GET {at}"));
    let line = if command.one_process().is_some() { without_process(&line) } else { line };
    let len = content.len();
    let mut bytes =
        format!("{line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(content);
    bytes
}

/// A line without the parameter `process`.
fn without_process(line: &str) -> String {
    let Some((path, query)) = line.split_once('?') else { return line.to_owned() };
    let others = form::pairs(query).filter(|(name, _)| form::decode(name).bytes != PROCESS);
    let others: Vec<_> = others.map(|(name, value)| format!("{name}={value}")).collect();
    format!("{path}?{}", others.join("&"))
}

const PROCESS: &[u8] = b"process";
const IDS: &str = "an id is of one process, and this server has several: add process, as in \
                   process=1, or let to be * or a topic";

//! `Operators`: the listeners for operators of all processes. Each request goes to each process.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::Waker;

use crate::admin::{Admin, AdminCommand, ParentAdmin};
use crate::host::ListenAddress;
use crate::prefork::answers::ProcessAnswer;
use crate::prefork::child::ServerProcess;
use crate::prefork::exchange::Exchange;
use crate::prefork::gather::Gatherings;
use crate::prefork::line::{ANSWER, ASK, LinkLine, RELOAD};
use crate::ws::{Response, Status};

/// What operators ask, and who has answered.
pub(super) struct Operators {
    admin: ParentAdmin,
    gatherings: Gatherings,
    /// When the metrics of all processes are taken next. So those of one that is killed are known.
    collect: Instant,
}

impl Operators {
    /// Opens the listeners.
    ///
    /// # Errors
    /// One cannot be opened, or needs a token.
    pub(super) fn open(
        admin: Admin,
        message_bytes_max: usize,
        waker: Arc<Waker>,
    ) -> io::Result<Self> {
        Ok(Self {
            admin: admin.serve_processes(message_bytes_max, waker)?,
            gatherings: Gatherings::default(),
            collect: Instant::now(),
        })
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = &ListenAddress> {
        self.admin.addresses()
    }

    /// Passes what has been asked on to the processes. Returns what the parent has to do itself.
    pub(super) fn ask(
        &mut self,
        all: &mut [ServerProcess],
        exchange: &Exchange,
        now: Instant,
    ) -> Vec<AdminCommand> {
        let mut own = Vec::new();
        while let Ok(request) = self.admin.requests.try_recv() {
            own.push(request.command.clone());
            if request.command == AdminCommand::Drain {
                let text = "the server closes its sockets, and ends";
                request.answer(Response::text(Status::ACCEPTED, text));
                continue;
            }
            // The thread of the listeners answers itself when the whole time is over.
            let deadline = now + request.time_max() * 4 / 5;
            let bytes = request.bytes.clone();
            let mut asked = ready(all);
            if let Some(process) = request.command.one_process() {
                asked.retain(|one| *one == process);
                if asked.is_empty() {
                    request.answer(not_there(process, all.len()));
                    continue;
                }
            }
            let verb = if request.command == AdminCommand::Reload { RELOAD } else { ASK };
            let (number, asked) = self.gatherings.begin(Some(request), asked, deadline);
            self.send(all, number, &asked, (verb, &bytes));
        }
        self.gatherings.finish(all, exchange, now);
        own
    }

    /// Whether a line of a process is an answer.
    pub(super) fn is_answer(line: &LinkLine) -> bool {
        line.words.first().is_some_and(|verb| verb == ANSWER)
    }

    /// A process has answered.
    pub(super) fn answered(&mut self, process: usize, line: LinkLine) {
        let Some([ANSWER, number, status]) = line.words::<3>() else { return };
        if let (Ok(number), Ok(status)) = (number.parse(), status.parse()) {
            let answer = ProcessAnswer { status, content: line.content };
            self.gatherings.answered(number, process, answer);
        }
    }

    /// A process has ended.
    pub(super) fn ended(&mut self, process: usize) {
        self.gatherings.ended(process);
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, all: &mut [ServerProcess], exchange: &Exchange, now: Instant) {
        if now >= self.collect {
            self.collect = now + COLLECT_TIME;
            let (number, asked) = self.gatherings.begin(None, ready(all), now + 5 * COLLECT_TIME);
            self.send(all, number, &asked, (ASK, COLLECT));
        }
        self.gatherings.finish(all, exchange, now);
    }

    pub(super) fn deadline(&self) -> Instant {
        self.gatherings.deadline().map_or(self.collect, |at| at.min(self.collect))
    }

    fn send(
        &mut self,
        all: &mut [ServerProcess],
        number: u64,
        asked: &[usize],
        (verb, bytes): (&str, &[u8]),
    ) {
        let line = LinkLine::encode(&[verb, &number.to_string()], bytes);
        for &process in asked {
            // One that answers gets what operators send, also while much waits for it: that is no
            // more than their connections may send in the time that a process has to answer.
            let has_sent = match all[process].link() {
                Some(link) if !self.gatherings.is_silent(process) => {
                    link.push(&line);
                    true
                }
                Some(link) => link.send(&line),
                None => false,
            };
            if !has_sent {
                self.gatherings.refused(number, process);
            }
        }
    }
}

/// The numbers of the processes that can answer.
fn ready(all: &[ServerProcess]) -> Vec<usize> {
    all.iter().filter(|of| of.is_ready()).map(|of| of.number).collect()
}

/// The answer about a process that does not run, of so many.
fn not_there(process: usize, len: usize) -> Response {
    if process < len {
        let text = format!("process {process} does not run");
        return Response::text(Status::UNAVAILABLE, &text);
    }
    let text = format!("process is {process}, and this server has 0 to {}", len - 1);
    Response::text(Status::BAD_REQUEST, &text)
}

const COLLECT: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
const COLLECT_TIME: Duration = Duration::from_secs(1);

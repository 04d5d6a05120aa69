//! A program with a process for each socket, without a protocol: its output is messages, and
//! messages of the peer are its input. One thread serves all processes.
//!
//! If a process reads slowly, its socket is paused. If a peer reads slowly, its process has to
//! wait. So neither exceeds a limit, and no other socket is affected.
//!
//! `max-processes` counts processes with sockets: a process whose socket has gone does not count
//! while it ends. There may be as many of those again; beyond that, one is killed (`leaving`).

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::hub::{Holder, Pool, RunEnd, holder};
use crate::limits::Limits;
use crate::process::executable::LookupError;
use crate::process::framing::Framing;
use crate::process::groups::ProcessExit;
use crate::process::leaving::Leaving;
use crate::process::output_pipe::PipeRead;
use crate::process::program_service::{EXITING, OTHER_MODE, ProgramService, Renewal};
use crate::process::pump::{ProcessId, Pump, PumpEvent};
use crate::process::start::StartError;
use crate::programs::{
    Lines, Mode, PlainLineError, ProgramOptions, ProgramPlace, Texts, encode_line,
    request_variables,
};
use crate::service::{Admission, Context, Inbound, Outbound, Received, Request, SocketId, Verdict};
use crate::time::Time;
use crate::ws::syntax::cut;
use crate::ws::{Close, CloseCode, Message, Response, Status};

/// Serves until the host stops, or the program has another mode.
pub(super) fn serve(
    served: &ProgramService,
    mut line: Context<'static>,
    limits: &Limits,
) -> RunEnd {
    // How many there may be changes with what is read again: `PerSocketRun::ask`.
    let pump = match served.pump(usize::MAX, None) {
        Ok(pump) => pump,
        Err(end) => return end,
    };
    line.wake_by(pump.waker());
    // A process is started before its 101, so that one that cannot be is an answer.
    line.apply(Outbound::Ready(Admission::AskedAndClosed));
    let mut run = PerSocketRun {
        served,
        line,
        limits: *limits,
        options: served.options.clone(),
        place: served.place(),
        pump,
        talks: HashMap::new(),
        sockets: HashMap::new(),
        leaving: Leaving::default(),
        asked: BTreeSet::new(),
        buffer: vec![0; READ_BYTES],
    };
    run.run()
}

struct PerSocketRun<'a> {
    served: &'a ProgramService,
    line: Context<'static>,
    limits: Limits,
    options: ProgramOptions,
    place: ProgramPlace,
    pump: Pump,
    /// By the process, until it has gone.
    talks: HashMap<ProcessId, SocketProcess>,
    /// The processes of sockets that have not gone, and the address that each counts for.
    sockets: HashMap<SocketId, (ProcessId, Holder)>,
    /// The processes whose sockets have gone. Those that were killed for others are not among them.
    leaving: Leaving,
    /// Sockets that have been admitted, and the time limit for their open.
    asked: BTreeSet<(Time, SocketId)>,
    buffer: Vec<u8>,
}

/// A socket and its process.
struct SocketProcess {
    id: SocketId,
    /// The output of the process, as messages.
    cut: Framing,
    /// Whether the socket is paused because the process is behind.
    paused: bool,
    /// Whether the output of the process is dropped.
    over: bool,
}

impl PerSocketRun<'_> {
    fn run(&mut self) -> RunEnd {
        let mut events = Vec::new();
        let mut stopping = false;
        loop {
            stopping = stopping || self.take_mail();
            if stopping && self.pump.is_empty() {
                return RunEnd::Finished;
            }
            // The thread that renews it wakes services that sleep.
            if let ControlFlow::Break(end) = self.apply_renewals() {
                return end;
            }
            self.line.flush();
            let timeout = self.asked.first().map(|(at, _)| self.pump.until(*at));
            if let Err(error) = self.pump.poll(timeout, &mut events) {
                return RunEnd::Failed(format!("its poll fails: {error}"));
            }
            for event in events.drain(..) {
                match event {
                    PumpEvent::Output(process) => {
                        self.read_output(process);
                        self.line.flush();
                    }
                    PumpEvent::Drained(process) => self.resume(process),
                    // It may go on writing; messages of the peer are dropped.
                    PumpEvent::InputClosed(process) => self.resume(process),
                    PumpEvent::Exit { id, exit, .. } => {
                        self.exit(id, exit);
                    }
                }
            }
            self.forget_asked();
        }
    }

    /// Does all that has come. Returns whether the host stops.
    fn take_mail(&mut self) -> bool {
        loop {
            match self.line.try_receive() {
                Received::Transaction(inbound) => self.take(inbound),
                Received::Time => return false,
                Received::End => return true,
            }
        }
    }

    /// Goes on as the host has ordered: new sockets have it like that. The file is looked up for
    /// each of them anyway. The run ends if the mode is not this one any more.
    fn apply_renewals(&mut self) -> ControlFlow<RunEnd> {
        self.renew();
        match self.options.mode {
            Mode::Shared => ControlFlow::Break(RunEnd::Replaced(OTHER_MODE.to_owned())),
            Mode::Lines | Mode::Text | Mode::Bytes => ControlFlow::Continue(()),
        }
    }

    fn renew(&mut self) {
        if let Some(Renewal { options, limits }) = self.served.last_renewal(0) {
            self.line.keep_to(&limits);
            (self.options, self.limits) = (options, limits);
        }
    }

    fn take(&mut self, inbound: Inbound) {
        let id = inbound.id();
        let process = self.sockets.get(&id).map(|(process, _)| *process);
        match (inbound, process) {
            (Inbound::Ask { request, .. }, _) => self.ask(id, &request),
            (Inbound::Open { .. }, Some(process)) => {
                self.asked.retain(|(_, asked)| *asked != id);
                self.pump.resume_output(process);
            }
            (Inbound::Data { message, .. }, Some(process)) => self.tell(process, &message),
            // No program of this mode sends to others than its socket.
            #[cfg(feature = "processes")]
            (Inbound::Gap { .. } | Inbound::Heard { .. }, _) => {}
            (Inbound::Full { .. }, Some(process)) => self.pump.pause_output(process),
            (Inbound::Drained { .. }, Some(process)) => self.pump.resume_output(process),
            (Inbound::Close { .. }, Some(process)) => {
                self.asked.retain(|(_, asked)| *asked != id);
                self.part(id, process);
            }
            // The process has gone, and the close of its socket is on its way.
            (_, None) => {}
        }
    }

    /// Starts a process for a socket that asks.
    fn ask(&mut self, id: SocketId, request: &Arc<Request>) {
        // An order that came before the socket holds for it.
        self.renew();
        if self.options.mode == Mode::Shared {
            // This run ends next.
            return;
        }
        let variables = request_variables(request, &self.place);
        let holder = holder(request.peer_address(), self.limits.sockets_per_ip_max);
        if let Err(refusal) = self.admit(holder) {
            return self.line.admit(id, Verdict::Refuse(refusal));
        }
        let refusal = match self.served.find() {
            // As when it is looked up before the service runs.
            Err(error @ (LookupError::Nothing | LookupError::Outside(_))) => {
                let text = format!("no service is at {}", cut(request.path()));
                Response::text(error.status(), &text).note(&format!("{text}: {error}"))
            }
            Err(how) => failure(&how.to_string()),
            Ok(program) => {
                let options = &self.options;
                match self.served.start(&program, options, &mut self.pump, variables) {
                    Ok(process) => {
                        self.sockets.insert(id, (process, holder));
                        return self.accept(id, process, request);
                    }
                    Err(error) => refusal(&error),
                }
            }
        };
        self.line.admit(id, Verdict::Refuse(refusal));
    }

    /// Whether there may be another process.
    fn admit(&self, holder: Holder) -> Result<(), Response> {
        let max = self.options.processes_max;
        let pool = Pool { name: "max-processes", places_max: max };
        pool.admit(holder, self.sockets.values().map(|(_, of)| *of))?;
        // A killed process goes at once, unless the system is in trouble.
        if self.pump.len() >= max.saturating_mul(2).saturating_add(KILLED_MAX) {
            return Err(no_room("processes of it that were killed have not gone"));
        }
        Ok(())
    }

    fn accept(&mut self, id: SocketId, process: ProcessId, request: &Request) {
        let cut = match self.options.mode {
            Mode::Lines | Mode::Shared => Framing::Lines(Lines::new(self.limits.outbox_bytes_max)),
            Mode::Text => Framing::Text(Texts::default()),
            Mode::Bytes => Framing::Bytes,
        };
        // Output before its socket is open would be lost.
        self.pump.pause_output(process);
        self.talks.insert(process, SocketProcess { id, cut, paused: false, over: false });
        // A socket that goes before it is open causes no event; the hub waits no longer either.
        let wait_ms = self.limits.admission_ms_max.saturating_add(GRACE_MS);
        self.asked.insert((self.pump.clock.now().after(wait_ms), id));
        // RFC 6455, 4.2.2: one of those that the peer offers, or none. As for all services, the
        // order of the list decides.
        let agreed = self.options.protocols.iter().find(|name| request.protocols().contains(name));
        let verdict = agreed.cloned().map_or(Verdict::Accept, Verdict::AcceptProtocol);
        self.line.admit(id, verdict);
    }

    fn tell(&mut self, process: ProcessId, message: &Message) {
        let Some(input) = self.pump.input(process) else { return };
        encode_line(message, input);
        if self.pump.is_full(process)
            && let Some(talk) = self.talks.get_mut(&process)
            && !std::mem::replace(&mut talk.paused, true)
        {
            self.line.pause(talk.id);
        }
    }

    fn resume(&mut self, process: ProcessId) {
        if let Some(talk) = self.talks.get_mut(&process)
            && std::mem::take(&mut talk.paused)
        {
            self.line.resume(talk.id);
        }
    }

    /// A socket has gone. Its process sees the end of its input, and has some time.
    fn part(&mut self, id: SocketId, process: ProcessId) {
        let Some((_, of)) = self.sockets.remove(&id) else { return };
        let Some(talk) = self.talks.get_mut(&process) else { return };
        talk.over = true;
        self.pump.resume_output(process);
        self.pump.stop(process, self.options.stages());
        self.leaving.insert(process, of);
        while let Some(surplus) = self.leaving.take_surplus(self.options.processes_max) {
            self.pump.kill(surplus);
        }
    }

    /// Stops the processes whose sockets have not come.
    fn forget_asked(&mut self) {
        while let Some(&(at, id)) = self.asked.first()
            && at <= self.pump.clock.now()
        {
            self.asked.pop_first();
            if let Some(&(process, _)) = self.sockets.get(&id) {
                self.part(id, process);
            }
        }
    }

    /// Reads the output of a process once, and sends it.
    fn read_output(&mut self, process: ProcessId) {
        let heard = self.pump.read(process, &mut self.buffer);
        let Some(talk) = self.talks.get_mut(&process) else { return };
        let len = match heard {
            PipeRead::Bytes(len) => len,
            PipeRead::Nothing => return,
            // Most often it is about to exit.
            PipeRead::End => return self.pump.stop(process, EXITING),
        };
        let mut rest = &self.buffer[..len];
        if talk.over {
            return;
        }
        while let (used, Some(message)) = talk.cut.receive(rest) {
            rest = &rest[used..];
            match message {
                Ok(message) => self.line.send(talk.id, message),
                Err(fault) => {
                    let id = talk.id;
                    talk.over = true;
                    self.line.apply(Outbound::Close { to: id.into(), close: fault.close() });
                    self.warn_of_line(process, id, &fault);
                    return self.pump.kill(process);
                }
            }
        }
    }

    /// A process has exited, and all its output has been sent.
    fn exit(&mut self, process: ProcessId, exit: ProcessExit) {
        let Some(talk) = self.talks.remove(&process) else { return };
        self.leaving.remove(process);
        if talk.over {
            return;
        }
        // The process is gone now, and the close of the socket is ignored.
        self.sockets.remove(&talk.id);
        let mut close = self.close_of(process, talk.id, exit);
        match talk.cut.finish() {
            Some(Ok(message)) => self.line.send(talk.id, message),
            Some(Err(fault)) => {
                self.warn_of_line(process, talk.id, &fault);
                close = fault.close();
            }
            None => {}
        }
        self.line.apply(Outbound::Close { to: talk.id.into(), close });
    }

    fn warn_of_line(&mut self, process: ProcessId, id: SocketId, fault: &PlainLineError) {
        let kind = "a line of it is no message";
        self.pump.warn(process, kind.into(), format_args!("socket {id}: {fault}"));
    }

    /// The close that a peer gets when its process has exited.
    fn close_of(&mut self, process: ProcessId, id: SocketId, exit: ProcessExit) -> Close {
        if exit.status().is_some_and(|status| status.success()) {
            return Close::new(CloseCode::NORMAL, "");
        }
        let (kind, words) = ("it has failed", self.pump.last_lines(process).to_owned());
        let text = format_args!("{kind} at socket {id}: {exit}{words}");
        self.pump.warn(process, kind.into(), text);
        Close::new(CloseCode::INTERNAL, "the program has failed")
    }
}

/// The answer to a peer whose process does not start.
fn refusal(error: &StartError) -> Response {
    match error.limit() {
        Some(_) => no_room(&error.to_string()),
        None => failure(&error.to_string()),
    }
}

/// The answer to a peer as long as the system lets no process start.
fn no_room(why: &str) -> Response {
    let text = "the system starts no other process";
    let response = Response::text(Status::UNAVAILABLE, text).header("Retry-After", "5");
    response.note(&format!("{text}: {why}"))
}

/// The answer to a peer if the program cannot start, however often that is tried.
fn failure(how: &str) -> Response {
    let text = "the program does not start";
    Response::text(Status::INTERNAL_ERROR, text).note(&format!("{text}: {how}"))
}

/// How much output of a process is read and sent at once: so little that bytes on their way to a
/// full outbox do not exceed its limit.
const READ_BYTES: usize = 16_384;
/// How many killed processes may exist in addition.
const KILLED_MAX: usize = 16;
/// How much longer than the hub a process waits for its socket.
const GRACE_MS: u64 = 1_000;

//! A program with one process for all sockets, in counted lines. It has a thread of its own, which
//! waits for mail and for the process in one poll.
//!
//! No mail is taken while the input of the process is full, nor while there is no process that is
//! ready. Then the mail fills up, and sockets are not read. With `OnDeath::Close` the thread ends
//! with its process, and the hub closes the sockets; with `OnDeath::Keep` it starts the next one.
//! `commands` carries out commands of processes, `renew` and `successor` replace them.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;

use log::Level;

use crate::hub::{RunEnd, Subject};
use crate::limits::Limits;
use crate::process::attempts::Attempts;
use crate::process::groups::ProcessExit;
use crate::process::handover::Handover;
use crate::process::program_service::{EXITING, NO_ROOM_MS, ProgramService};
use crate::process::pump::{ProcessId, Pump, PumpEvent};
use crate::process::replacement_turn::OwnTurn;
use crate::process::shared_process::{
    EndReason, INPUT_CLOSED, ReadyState, SharedProcess, Successor,
};
use crate::process::watch::FileWatch;
use crate::programs::{
    CommandReader, OnDeath, ProgramEvent, ProgramOptions, ProgramPlace, WorkerNumber,
};
use crate::service::{Admission, Context, Inbound, Received, SocketId};
use crate::time::Time;

/// Starts the program, and runs turns until it has gone finally.
pub(super) fn serve(
    served: &ProgramService,
    mut line: Context<'static>,
    limits: &Limits,
) -> RunEnd {
    let worker = WorkerNumber::of(&line);
    let pump = match served.pump(PROCESSES_MAX, worker) {
        Ok(pump) => pump,
        Err(end) => return end,
    };
    line.wake_by(pump.waker());
    let now = pump.clock.now();
    let mut run = SharedRun {
        served,
        line,
        limits: *limits,
        options: served.options.clone(),
        place: served.place(),
        pump,
        buffer: vec![0; READ_BYTES],
        handover: (served.options.on_death == OnDeath::Keep).then(Handover::default),
        process: None,
        successor: None,
        members: BTreeSet::new(),
        leaving: BTreeSet::new(),
        start_at: now,
        attempts: Attempts::default(),
        watch: FileWatch::new(now),
        was_ready: false,
        turn: served.turn.of(worker.map_or(0, |worker| worker.number)),
        over: None,
    };
    match run.start() {
        Ok(()) => run.run(),
        Err(how) => RunEnd::Failed(how),
    }
}

/// One run of the service, over one process or several.
pub(super) struct SharedRun<'a> {
    pub(super) served: &'a ProgramService,
    pub(super) line: Context<'static>,
    pub(super) limits: Limits,
    pub(super) options: ProgramOptions,
    pub(super) place: ProgramPlace,
    pub(super) pump: Pump,
    pub(super) buffer: Vec<u8>,
    /// What the next process gets; `None` if there is none after this one.
    pub(super) handover: Option<Handover>,
    pub(super) process: Option<SharedProcess>,
    /// The process of a new version, beside that one.
    pub(super) successor: Option<Successor>,
    /// The sockets whose OPEN or ASK the process has got, if they are not kept.
    pub(super) members: BTreeSet<SocketId>,
    /// Closed sockets of an earlier process. Their mail is ignored.
    pub(super) leaving: BTreeSet<SocketId>,
    /// When the next one is started, while there is none.
    pub(super) start_at: Time,
    pub(super) attempts: Attempts,
    pub(super) watch: FileWatch,
    /// Whether one has been ready.
    pub(super) was_ready: bool,
    /// Whether it is the turn of this worker to be replaced.
    pub(super) turn: OwnTurn,
    /// How the run ends once this one has gone, if no other is started.
    pub(super) over: Option<RunEnd>,
}

impl SharedRun<'_> {
    /// Runs turns until the program has gone.
    fn run(&mut self) -> RunEnd {
        let mut events = Vec::new();
        loop {
            if let ControlFlow::Break(end) = self.turn(&mut events) {
                return end;
            }
        }
    }

    fn turn(&mut self, events: &mut Vec<PumpEvent>) -> ControlFlow<RunEnd> {
        self.take_mail();
        // The thread that renews it wakes services that sleep.
        self.apply_renewals();
        self.look();
        self.take_turn();
        self.line.flush();
        if let Err(error) = self.pump.poll(self.wait_time(), events) {
            return ControlFlow::Break(RunEnd::Failed(format!("its poll fails: {error}")));
        }
        for event in events.drain(..) {
            match event {
                PumpEvent::Output(id) => self.read_output(id),
                PumpEvent::Drained(_) => {}
                PumpEvent::InputClosed(id) if self.serves(id) => {
                    self.end(EndReason::Closed(INPUT_CLOSED));
                }
                PumpEvent::InputClosed(id) => self.end_successor(id, INPUT_CLOSED),
                PumpEvent::Exit { id, exit, read } if self.serves(id) => self.exited(exit, read)?,
                PumpEvent::Exit { id, exit, .. } => self.successor_exited(id, exit),
            }
        }
        self.expire();
        if self.process.is_some() {
            return ControlFlow::Continue(());
        }
        if let Some(end) = self.over.take() {
            return ControlFlow::Break(end);
        }
        if self.start_at <= self.now()
            && let Err(how) = self.start()
        {
            self.fail(how)?;
        }
        ControlFlow::Continue(())
    }

    /// Sends all new mail to the process, as far as it reads.
    fn take_mail(&mut self) {
        loop {
            if !self.may_tell() {
                if self.line.is_over() {
                    self.stop();
                }
                return;
            }
            match self.line.try_receive() {
                Received::Transaction(inbound) => self.tell_mail(&inbound),
                Received::Time => return,
                Received::End => return self.stop(),
            }
        }
    }

    /// Whether the process takes mail now. Before that, it gets what earlier ones have left. It
    /// gets neither before it is ready: if it never becomes ready, input in its buffer would be
    /// lost.
    fn may_tell(&mut self) -> bool {
        let Some(process) = self.serving().filter(|process| process.is_ready()) else {
            return false;
        };
        let id = process.id;
        loop {
            if self.pump.is_full(id) {
                return false;
            }
            let Some(input) = self.pump.input(id) else { return false };
            match &mut self.handover {
                Some(handover) if !handover.is_handed_over() => {
                    handover.hand_over(&self.place, input);
                    // The sockets must not be stored twice until there is mail.
                    self.forget_read(id);
                }
                Some(_) | None => return true,
            }
        }
    }

    fn tell_mail(&mut self, inbound: &Inbound) {
        if self.is_for_nobody(inbound) {
            return;
        }
        // A question to an earlier process may still be in the mail.
        let admission = self.process.as_ref().and_then(SharedProcess::admission);
        if admission == Some(&Admission::Asked) || !matches!(inbound, Inbound::Ask { .. }) {
            self.tell(&ProgramEvent::Inbound(inbound));
        }
    }

    /// The host stops: the process gets what is left, and has some time to end.
    fn stop(&mut self) {
        self.over = Some(RunEnd::Finished);
        self.dismiss_unready();
        let Some(process) = self.serving() else { return };
        let is_told =
            process.is_ready() && self.handover.as_ref().is_none_or(Handover::is_handed_over);
        if is_told {
            // Its size is limited by that of the mail.
            while let Received::Transaction(inbound) = self.line.try_receive() {
                self.tell_mail(&inbound);
            }
        }
        self.end_in_order("the host stops");
    }

    /// The process has some time to answer its input, and to end.
    pub(super) fn end_in_order(&mut self, how: &str) {
        self.tell(&ProgramEvent::Stop { ms: self.options.stop_ms });
        if let Some(process) = &mut self.process {
            process.ending = Some(EndReason::InOrder(how.to_owned()));
            self.pump.stop(process.id, self.options.stages());
        }
    }

    /// The process is given some time to exit, which it most often is about to do.
    pub(super) fn end(&mut self, ending: EndReason) {
        let Some(process) = &mut self.process else { return };
        if process.ending.is_none() {
            process.ending = Some(ending);
            self.pump.stop(process.id, EXITING);
        }
    }

    /// The process is not to be waited for.
    pub(super) fn kill(&mut self, how: String) {
        let Some(process) = &mut self.process else { return };
        process.ending.get_or_insert(EndReason::Failed(how));
        self.pump.kill(process.id);
    }

    pub(super) fn tell(&mut self, told: &ProgramEvent<'_>) {
        let Some(process) = &self.process else { return };
        let input = self.pump.input(process.id);
        match (&mut self.handover, input) {
            (Some(handover), input) => {
                let id = process.id;
                handover.tell(told, &self.place, input);
                self.forget_read(id);
            }
            (None, Some(input)) => told.encode(&self.place, input),
            (None, None) => {}
        }
    }

    /// Drops the lines that the process has read, if they may be many.
    fn forget_read(&mut self, id: ProcessId) {
        if let Some(handover) = self.handover.as_mut().filter(|handover| handover.is_long()) {
            handover.read_up_to(self.pump.read_len(id));
        }
    }

    /// Starts the process that serves.
    fn start(&mut self) -> Result<(), String> {
        self.attempts.begin(self.now());
        let process = self.launch()?;
        self.serve_by(process);
        Ok(())
    }

    /// Starts a process from the current file, and sends it HELLO.
    pub(super) fn launch(&mut self) -> Result<SharedProcess, String> {
        self.successor.iter_mut().for_each(|successor| successor.due = None);
        let program = self.served.find().map_err(|error| self.served.why_not(&error))?;
        // Also if it cannot start: it is tried again after a pause, and not at each check.
        self.watch.begin(&program);
        let started = self.served.start(&program, &self.options, &mut self.pump, Vec::new());
        let id = started.map_err(|error| {
            if error.limit().is_some() && self.process.is_none() {
                self.line.reset(NO_ROOM_MS);
            }
            error.to_string()
        })?;
        let told = ProgramEvent::Hello {
            message_bytes_max: self.limits.message_bytes_max,
            send_bytes_max: self.limits.outbox_bytes_max,
            worker: self.pump.worker(),
            #[cfg(feature = "processes")]
            share: self.served.share,
        };
        let mut hello = Vec::new();
        told.encode(&self.place, &mut hello);
        self.pump.input(id).into_iter().for_each(|input| input.extend_from_slice(&hello));
        Ok(SharedProcess {
            id,
            reader: CommandReader::new(self.limits.outbox_bytes_max),
            options: self.options.clone(),
            limits: self.limits,
            hello,
            readiness: ReadyState::Awaited(self.now().after(self.limits.admission_ms_max)),
            ending: None,
        })
    }

    /// This process serves now: new mail is for it.
    pub(super) fn serve_by(&mut self, process: SharedProcess) {
        self.watch.serve();
        self.handover.iter_mut().for_each(|handover| handover.begin(&process.hello));
        self.process = Some(process);
    }

    /// The process has exited, after it had read so much. The run ends if no process follows it.
    fn exited(&mut self, exit: ProcessExit, read: u64) -> ControlFlow<RunEnd> {
        let Some(process) = self.process.take() else { return ControlFlow::Continue(()) };
        let (how, orderly) = process.end(exit);
        // Its last lines often say why it has exited.
        let words = if orderly { "" } else { self.pump.last_lines(process.id) };
        let how = how + words;
        if self.has_heir() {
            let level = if orderly { Level::Info } else { Level::Warn };
            self.take_over(level, &how, read);
            return ControlFlow::Continue(());
        }
        let lives_on = self.was_ready
            && self.over.is_none()
            && (orderly || self.options.on_death == OnDeath::Keep);
        let Some(handover) = self.handover.as_mut().filter(|_| lives_on) else {
            return ControlFlow::Break(match (orderly, self.over.take()) {
                (true, Some(end)) => end,
                (true, None) => RunEnd::Replaced(how),
                (false, _) => RunEnd::Failed(how),
            });
        };
        handover.end(read);
        if !orderly {
            return self.fail(how);
        }
        let kept = handover.len();
        self.about().log(Level::Info, format_args!("{how}; sockets kept: {kept}"));
        self.rest(0);
        ControlFlow::Continue(())
    }

    /// The process has died, or cannot be started. The run ends if sockets have been held for too
    /// long.
    fn fail(&mut self, how: String) -> ControlFlow<RunEnd> {
        let sockets = self.handover.as_ref().map_or(0, Handover::len);
        let Some(pause_ms) = self.attempts.fail(self.now()) else {
            let too_long = format!("; its sockets have been held for too long: {sockets}");
            return ControlFlow::Break(RunEnd::Failed(how + &too_long));
        };
        self.about()
            .warn(format_args!("{how}; sockets kept: {sockets}; next start in {pause_ms} ms"));
        self.served.processes.fail();
        self.rest(pause_ms);
        ControlFlow::Continue(())
    }

    /// There is no process for so long.
    fn rest(&mut self, pause_ms: u64) {
        self.line.reset(pause_ms);
        self.start_at = self.now().after(pause_ms);
    }

    /// Gives up a process that is not ready in time.
    fn expire(&mut self) {
        let now = self.now();
        let how = || format!("it has not said READY within {} ms", self.limits.admission_ms_max);
        let is_late = |process: &SharedProcess| process.ready_by().is_some_and(|at| at <= now);
        if self.process.as_ref().is_some_and(is_late) {
            self.kill(how());
        } else if self.heir().is_some_and(is_late) {
            self.kill_successor(how());
        }
    }

    /// How long there is nothing to do, unless something happens.
    fn wait_time(&self) -> Option<Duration> {
        let start = self.process.is_none().then_some(self.start_at);
        let process = self.process.as_ref().and_then(SharedProcess::ready_by);
        let heir = self.heir().and_then(SharedProcess::ready_by);
        let turn = self.turn.look_at(self.now());
        let next = [start, self.look_at(), process, heir, turn].into_iter().flatten().min();
        next.map(|at| self.pump.until(at))
    }

    pub(super) fn about(&self) -> Subject<'_> {
        self.pump.plan.about()
    }

    pub(super) fn now(&self) -> Time {
        self.pump.clock.now()
    }
}

/// How much output of the program is read at once.
const READ_BYTES: usize = 65_536;
/// One serves, and another one may run beside it.
const PROCESSES_MAX: usize = 2;

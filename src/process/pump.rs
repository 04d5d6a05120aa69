//! `Pump`: a poll over the pipes of one or more programs, on the thread of their service. It writes
//! and reads without waiting.
//!
//! A turn of a service appends its mail to the inputs, polls, and handles the events. Programs with
//! unfinished work stand in a list; a poll with such a list does not sleep.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io, mem};

use log::Level;
use mio::{Events, Poll, Token, Waker};

use crate::host::clock::{Clock, until};
use crate::hub::{Flood, Subject};
use crate::process::child::{Child, ChildPart, Stages};
use crate::process::facts::Processes;
use crate::process::groups::ProcessExit;
use crate::process::output_pipe::PipeRead;
use crate::process::pump_plan::PumpPlan;
use crate::process::recording::Recording;
use crate::process::start::{Launch, StartError};
use crate::process::warning_kind::WarningKind;
use crate::programs::WorkerNumber;
use crate::time::Time;

/// Many child processes of one service.
pub struct Pump {
    pub(super) plan: PumpPlan,
    /// Of others, who see which ones run.
    pub(super) processes: Processes,
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
    /// A tree, since it finds the only one, the usual case, without hashing.
    pub(super) children: BTreeMap<usize, Child>,
    next: usize,
    /// The processes with work.
    busy: Vec<ProcessId>,
    /// The processes that are being ended, by the time of the next stage.
    ending: BTreeSet<(Time, ProcessId)>,
    /// For standard errors.
    pub(super) buffer: Vec<u8>,
    /// The last lines of the processes whose exits are among the events of the last poll.
    pub(super) gone: Vec<(ProcessId, String)>,
    /// Warnings that a program causes again and again.
    pub(super) flood: Flood<WarningKind>,
    pub(super) clock: Clock,
}

/// One process of a program, by a number of the pump's own; not used for another one as long as
/// this one runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId(pub(super) usize);

/// An event of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PumpEvent {
    /// It has written output, or its output has ended: see [`Pump::read`]. Repeated in each turn
    /// until there is nothing more to read.
    Output(ProcessId),
    /// Half of its input, which was full, has been written.
    Drained(ProcessId),
    /// It reads its input no more; bytes from [`Pump::written`] on are lost.
    InputClosed(ProcessId),
    /// It has exited, and all its output has been read. Always the last.
    Exit {
        /// The process. Its id is invalid after this.
        id: ProcessId,
        /// How it ended.
        exit: ProcessExit,
        /// The result of [`Pump::read_len`].
        read: u64,
    },
}

impl Pump {
    /// A pump without programs.
    ///
    /// # Errors
    /// The system has no descriptors for it.
    pub fn new(plan: PumpPlan) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        Ok(Self {
            plan,
            processes: Processes::default(),
            poll,
            events: Events::with_capacity(EVENTS_MAX),
            waker,
            children: BTreeMap::new(),
            next: 0,
            busy: Vec::new(),
            ending: BTreeSet::new(),
            buffer: vec![0; ERRORS_SHARE_BYTES],
            gone: Vec::new(),
            flood: Flood::default(),
            clock: Clock::start(),
        })
    }

    /// The waker, which ends a wait from any thread, such as a context when mail comes:
    /// [`Context::wake_by`](crate::Context::wake_by).
    pub fn waker(&self) -> impl Fn() + Send + Sync + 'static {
        let waker = self.waker.clone();
        move || {
            if let Err(error) = waker.wake() {
                log::error!(
                    target: "switchboard::program",
                    "cannot wake a service's poll: {error}"
                );
            }
        }
    }

    /// Which worker of its service it belongs to, if that has several.
    #[must_use]
    pub const fn worker(&self) -> Option<WorkerNumber> {
        self.plan.worker
    }

    /// Starts a program. It takes as long as the system takes to execute a file.
    ///
    /// # Errors
    /// It cannot be started, or as many run as may.
    pub fn start(&mut self, launch: Launch<'_>) -> Result<ProcessId, StartError> {
        let max = self.plan.programs_max;
        if self.children.len() >= max {
            return Err(StartError::TooMany { max });
        }
        if self.plan.groups.is_closed() {
            return Err(StartError::Stopped);
        }
        let path = launch.program.path();
        // It is still served: some file systems show all files like that.
        if launch.program.is_open_to_all() {
            let kind = "everybody on this machine may change";
            self.warn(ProcessId(self.next), kind.into(), format_args!("{kind} {path:?}"));
        }
        let mut child = Child::start(launch, &self.plan.groups, self.clock.now())?;
        let id = ProcessId(self.next);
        child.register(self.poll.registry(), |part| id.token(part)).map_err(StartError::System)?;
        let about = Subject { pid: Some(child.leader()), ..self.plan.about() };
        about.log(Level::Info, format_args!("it runs {path:?}"));
        self.processes.add(child.leader());
        self.children.insert(id.0, child);
        while self.children.contains_key(&self.next) {
            self.next = (self.next + 1) % IDS_END;
        }
        self.list(id);
        Ok(id)
    }

    /// Writes and reads as far as possible, waits for more, `timeout` at most, and adds to
    /// `events`. It does not wait while there is work.
    ///
    /// # Errors
    /// Polling fails. A service can do nothing about that.
    pub fn poll(
        &mut self,
        timeout: Option<Duration>,
        events: &mut Vec<PumpEvent>,
    ) -> io::Result<()> {
        self.gone.clear();
        // Appended bytes are written before it waits, which may empty a list.
        self.turn(events);
        let idle = self.busy.is_empty() && events.is_empty();
        let timeout = if idle { self.wait_time(timeout) } else { Some(Duration::ZERO) };
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.events.clear(),
            polled => polled?,
        }
        self.sort_events();
        let now = self.clock.now();
        self.advance(now);
        self.warn_of_more(now);
        self.turn(events);
        let children = &self.children;
        let readable = |id: &&ProcessId| children.get(&id.0).is_some_and(|c| c.output.has_work());
        events.extend(self.busy.iter().filter(readable).map(|&id| PumpEvent::Output(id)));
        Ok(())
    }

    /// Records the input and output of a program until it has gone.
    pub fn record(&mut self, id: ProcessId, recording: Recording) {
        if let Some(child) = self.children.get_mut(&id.0) {
            child.recording = Some(recording);
        }
    }

    /// The buffer to append the input of a program to; the next [`Pump::poll`] writes it. `None`
    /// when it reads no more, or is gone.
    pub fn input(&mut self, id: ProcessId) -> Option<&mut Vec<u8>> {
        self.list(id);
        self.children.get_mut(&id.0)?.input.end()
    }

    /// Reads the output of a program into a buffer, which must not be full.
    pub fn read(&mut self, id: ProcessId, buffer: &mut [u8]) -> PipeRead {
        let clock = self.clock;
        self.children.get_mut(&id.0).map_or(PipeRead::End, |child| child.read(buffer, clock))
    }

    /// Whether the input of a program is full. Then [`PumpEvent::Drained`] follows, or
    /// [`PumpEvent::InputClosed`], or its exit.
    pub fn is_full(&mut self, id: ProcessId) -> bool {
        let Some(child) = self.children.get_mut(&id.0) else { return false };
        child.full |= child.input.unwritten_len() >= self.plan.input_high_bytes;
        child.full
    }

    /// Stops reading the output of a program, so that it has to wait once its pipe is full. Its
    /// exit is not reported either.
    pub fn pause_output(&mut self, id: ProcessId) {
        if let Some(child) = self.children.get_mut(&id.0) {
            child.output.paused = true;
        }
    }

    /// Reads the output of a program again.
    pub fn resume_output(&mut self, id: ProcessId) {
        if let Some(child) = self.children.get_mut(&id.0) {
            child.output.paused = false;
            self.list(id);
        }
    }

    /// Ends a program in stages, the first of which is the end of its input.
    pub fn stop(&mut self, id: ProcessId, stages: Stages) {
        let Some(child) = self.children.get_mut(&id.0) else { return };
        child.stop(stages, self.clock.now());
        self.ending.extend(child.deadline().map(|at| (at, id)));
        self.list(id);
    }

    /// Ends a program and its group at once. Its exit is reported.
    pub fn kill(&mut self, id: ProcessId) {
        let Some(child) = self.children.get_mut(&id.0) else { return };
        child.kill(self.clock.now());
        self.ending.extend(child.deadline().map(|at| (at, id)));
    }

    /// How many bytes the pipe of a program has taken, since its start.
    #[must_use]
    pub fn written(&self, id: ProcessId) -> u64 {
        self.children.get(&id.0).map_or(0, |child| child.input.written())
    }

    /// How many of these the program has read, since its start. The system is asked.
    #[must_use]
    pub fn read_len(&self, id: ProcessId) -> u64 {
        self.children.get(&id.0).map_or(0, |child| child.input.read())
    }

    /// How long there is nothing to do.
    fn wait_time(&self, timeout: Option<Duration>) -> Option<Duration> {
        let ending = self.ending.first().map(|(at, _)| *at);
        let deadline = [ending, self.flood.deadline()].into_iter().flatten().min();
        let wait = deadline.map(|at| self.until(at));
        [wait, timeout].into_iter().flatten().min()
    }

    /// How long it is until `at`; nothing once that has come.
    pub(super) fn until(&self, at: Time) -> Duration {
        until(at, self.clock.elapsed())
    }

    /// Handles the events of the poll.
    fn sort_events(&mut self) {
        let events = mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let Some((id, part)) = ProcessId::of(event.token()) else { continue };
            let Some(child) = self.children.get_mut(&id.0) else { continue };
            match part {
                ChildPart::Input => child.input.set_writable(),
                ChildPart::Output if event.is_read_closed() => child.output.set_hung_up(),
                ChildPart::Output => child.output.set_readable(),
                ChildPart::Errors if event.is_read_closed() => child.errors.set_hung_up(),
                ChildPart::Errors => child.errors.set_readable(),
                ChildPart::Exit => child.set_exiting(),
            }
            self.list(id);
        }
        self.events = events;
    }

    /// Begins the next stage of ends whose time has come.
    fn advance(&mut self, now: Time) {
        while let Some(&(at, id)) = self.ending.first()
            && at <= now
        {
            self.ending.pop_first();
            // A process that has exited meanwhile is no longer there.
            let Some(child) = self.children.get_mut(&id.0) else { continue };
            child.advance(now);
            self.ending.extend(child.deadline().map(|at| (at, id)));
            self.list(id);
        }
    }

    /// Works on all listed processes, and keeps those that need more.
    fn turn(&mut self, events: &mut Vec<PumpEvent>) {
        let now = self.clock.now();
        for id in mem::take(&mut self.busy) {
            let Some(child) = self.children.get_mut(&id.0) else { continue };
            child.listed = false;
            child.check_exit();
            let lingered = child.input.is_lingering();
            if child.write() {
                events.push(PumpEvent::InputClosed(id));
            }
            if child.input.is_lingering() && !lingered {
                self.ending.insert((now.after(LOOK_AGAIN_AFTER_MS), id));
            }
            let low = self.plan.input_high_bytes / 2;
            if child.full && child.input.is_open() && child.input.unwritten_len() <= low {
                child.full = false;
                events.push(PumpEvent::Drained(id));
            }
            let about = Subject { pid: Some(child.leader()), ..self.plan.about() };
            let mut tell = |level, line: &str| about.log(level, format_args!("{line}"));
            child.read_errors(&mut self.buffer, now, &mut tell);
            if let Some(exit) = child.exit() {
                about.log(Level::Info, format_args!("it has gone: {exit}"));
                let read = child.input.read();
                if let Some(recording) = &mut child.recording {
                    recording.finish(exit);
                }
                self.gone.push((id, child.last_lines()));
                events.push(PumpEvent::Exit { id, exit, read });
                self.processes.remove(child.leader());
                self.children.remove(&id.0);
            } else if child.has_work() {
                self.list(id);
            }
        }
    }

    /// Adds a program to the list of work.
    fn list(&mut self, id: ProcessId) {
        if let Some(child) = self.children.get_mut(&id.0)
            && !mem::replace(&mut child.listed, true)
        {
            self.busy.push(id);
        }
    }
}

impl Drop for Pump {
    /// All are ended before any is waited for.
    fn drop(&mut self) {
        for child in self.children.values_mut() {
            child.kill(self.clock.now());
        }
        self.processes.clear();
        self.warn_of_more(Time::from_ms(u64::MAX));
    }
}

impl fmt::Debug for Pump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pump").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl ProcessId {
    fn token(self, part: ChildPart) -> Token {
        Token(self.0 * PARTS_LEN + part as usize)
    }

    fn of(token: Token) -> Option<(Self, ChildPart)> {
        let parts = [ChildPart::Input, ChildPart::Output, ChildPart::Errors, ChildPart::Exit];
        let part = parts.into_iter().find(|&part| part as usize == token.0 % PARTS_LEN)?;
        (token != WAKER).then_some((Self(token.0 / PARTS_LEN), part))
    }
}

const PARTS_LEN: usize = 4;
/// How many programs a pump can name without using a name again.
const IDS_END: usize = usize::MAX / PARTS_LEN;
const WAKER: Token = Token(usize::MAX);
/// When to check whether a program has read all; after that its input ends.
const LOOK_AGAIN_AFTER_MS: u64 = 10;
/// How many events one turn takes up; the others wait for the next.
const EVENTS_MAX: usize = 256;
/// How much of a standard error is read in one turn.
const ERRORS_SHARE_BYTES: usize = 16_384;

//! `Child`: one child process with its pipes, and its end in stages:
//!
//! ```text
//! running -> asked (input closed) -> terminated (SIGTERM) -> killed (SIGKILL)
//! ```
//!
//! It may exit at any stage; its exit descriptor reports that. Then the rest of its process group
//! is killed, before the child is waited for.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process;

use log::Level;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use crate::host::clock::Clock;
use crate::process::exit::exit_descriptor;
use crate::process::groups::{Groups, ProcessExit};
use crate::process::input_pipe::InputPipe;
use crate::process::output_pipe::{OutputPipe, PipeRead};
use crate::process::recording::Recording;
use crate::process::start::{Launch, StartError};
use crate::process::stderr::StderrLog;
use crate::sys::children::{self, Signal};
use crate::time::Time;

/// How long a program has at each stage of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stages {
    /// Milliseconds from the end of its standard input to SIGTERM.
    pub terminate_after_ms: u64,
    /// Milliseconds from SIGTERM to SIGKILL.
    pub kill_after_ms: u64,
}

/// One child process.
#[derive(Debug)]
pub(super) struct Child {
    process: process::Child,
    groups: Groups,
    pub(super) input: InputPipe,
    pub(super) output: OutputPipe,
    pub(super) errors: OutputPipe,
    stderr_log: StderrLog,
    /// The recording of its input and output, if there is one.
    pub(super) recording: Option<Recording>,
    /// Readable once it has exited.
    exit_descriptor: OwnedFd,
    /// Whether its exit has been reported.
    exiting: bool,
    exit: Option<ProcessExit>,
    stage: Stage,
    /// Whether its input was found full, so that its draining is reported.
    pub(super) full: bool,
    /// Whether it is in the list of children with work.
    pub(super) listed: bool,
}

/// The stage of its end, and the time limit of the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Running,
    /// And the time of the next stage, in milliseconds.
    Asked(Time, u64),
    Terminated(Time),
    Killed(Time),
}

/// An event of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChildPart {
    Input,
    Output,
    Errors,
    Exit,
}

impl Child {
    /// Starts a process and takes charge of it.
    ///
    /// # Errors
    /// It cannot be started, or the system lacks something else that this needs. The process is
    /// killed then.
    pub(super) fn start(
        launch: Launch<'_>,
        groups: &Groups,
        now: Time,
    ) -> Result<Self, StartError> {
        let starting = groups.starting();
        let mut process = launch.start()?;
        starting.add(process.id());
        children::restore_descriptor_limit(process.id());
        let parts = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let (Some(input), Some(output), Some(errors)) = parts else {
            unreachable!("a program is started with three pipes");
        };
        let exit_descriptor = match exit_descriptor(process.id()) {
            Ok(descriptor) => descriptor,
            Err(error) => {
                end_now(&mut process, groups);
                return Err(StartError::System(error));
            }
        };
        Ok(Self {
            process,
            groups: groups.clone(),
            input: InputPipe::new(input),
            output: OutputPipe::new(output.into()),
            errors: OutputPipe::new(errors.into()),
            stderr_log: StderrLog::new(now),
            recording: None,
            exit_descriptor,
            exiting: false,
            exit: None,
            stage: Stage::Running,
            full: false,
            listed: false,
        })
    }

    /// Registers its pipes and its exit with a poll.
    pub(super) fn register(
        &mut self,
        registry: &Registry,
        token: impl Fn(ChildPart) -> Token,
    ) -> io::Result<()> {
        // Only our ends are non-blocking: those of the child are separate files.
        if let Some(pipe) = self.input.source() {
            pipe.set_nonblocking(true)?;
            registry.register(pipe, token(ChildPart::Input), Interest::WRITABLE)?;
        }
        for (output, part) in
            [(&mut self.output, ChildPart::Output), (&mut self.errors, ChildPart::Errors)]
        {
            if let Some(pipe) = output.source() {
                pipe.set_nonblocking(true)?;
                registry.register(pipe, token(part), Interest::READABLE)?;
            }
        }
        let exit = &self.exit_descriptor.as_raw_fd();
        registry.register(&mut SourceFd(exit), token(ChildPart::Exit), Interest::READABLE)
    }

    /// Asks it to end by closing its standard input, once that has been written.
    pub(super) fn stop(&mut self, stages: Stages, now: Time) {
        if self.stage == Stage::Running {
            self.input.close();
            self.stage = Stage::Asked(now.after(stages.terminate_after_ms), stages.kill_after_ms);
        }
    }

    /// Ends it at once. Until it has gone, it may read what is in its pipe.
    pub(super) fn kill(&mut self, now: Time) {
        self.input.abandon();
        self.stage = Stage::Killed(now.after(KILL_AGAIN_AFTER_MS));
        self.signal(Signal::Kill);
        if self.exit.is_none() {
            self.groups.end_tracer(self.process.id());
        }
    }

    /// Begins the next stage of its end, if its time has come.
    pub(super) fn advance(&mut self, now: Time) {
        self.input.look_again();
        match self.stage {
            Stage::Asked(end, kill_after_ms) if end <= now => {
                self.stage = Stage::Terminated(now.after(kill_after_ms));
                self.signal(Signal::Terminate);
            }
            // The process that traced it may have left other tracers.
            Stage::Terminated(end) | Stage::Killed(end) if end <= now => self.kill(now),
            Stage::Running | Stage::Asked(..) | Stage::Terminated(_) | Stage::Killed(_) => {}
        }
    }

    /// The poll reports that it has exited, possibly by mistake.
    pub(super) const fn set_exiting(&mut self) {
        self.exiting = true;
    }

    /// Writes its input, as much as its pipe takes. Returns whether it reads no more; that is
    /// returned once.
    pub(super) fn write(&mut self) -> bool {
        let recording = &mut self.recording;
        self.input.flush(|bytes| {
            if let Some(recording) = recording {
                recording.record_input(bytes);
            }
        })
    }

    /// Reads its output once.
    pub(super) fn read(&mut self, buffer: &mut [u8], clock: Clock) -> PipeRead {
        let heard = self.output.read(buffer);
        if let (Some(recording), PipeRead::Bytes(len)) = (&mut self.recording, heard) {
            recording.record_output(&buffer[..len]);
        }
        if let PipeRead::Bytes(_) = heard {
            self.stderr_log.speaks(|| clock.now());
        }
        heard
    }

    /// Records its exit, if it has exited. Its output can still be read.
    pub(super) fn check_exit(&mut self) {
        if self.exit.is_none() && std::mem::take(&mut self.exiting) {
            self.exit = self.groups.end(&mut self.process);
        }
        if self.exit.is_some() {
            self.input.discard();
            self.output.set_last();
            self.errors.set_last();
        }
    }

    /// Reads its standard error, as much as one turn allows, and logs the lines.
    pub(super) fn read_errors(
        &mut self,
        buffer: &mut [u8],
        now: Time,
        tell: &mut impl FnMut(Level, &str),
    ) {
        if self.errors.has_ended() {
            return;
        }
        match self.errors.read(buffer) {
            PipeRead::Bytes(len) => self.stderr_log.receive(&buffer[..len], now, tell),
            PipeRead::Nothing => {}
            PipeRead::End => self.stderr_log.finish(now, tell),
        }
    }

    /// The last lines of its standard error.
    pub(super) fn last_lines(&self) -> String {
        self.stderr_log.last_lines()
    }

    /// Whether the limit of its log allows one more line.
    pub(super) fn may_log(
        &mut self,
        level: Level,
        now: Time,
        tell: &mut impl FnMut(Level, &str),
    ) -> bool {
        self.stderr_log.has_room(level, now, tell)
    }

    /// It has logged a warning. Its standard error before that is about the same, such as an
    /// exception that a helper has caught, and is no reason of an exit.
    pub(super) fn outlives_errors(
        &mut self,
        buffer: &mut [u8],
        now: Time,
        tell: &mut impl FnMut(Level, &str),
    ) {
        // It may have come since the last poll.
        self.errors.set_readable();
        self.read_errors(buffer, now, tell);
        self.stderr_log.forget();
    }

    /// How it ended, once it has ended and all its output has been read.
    pub(super) fn exit(&self) -> Option<ProcessExit> {
        self.exit.filter(|_| self.output.has_ended() && self.errors.has_ended())
    }

    /// When the next stage of its end begins.
    pub(super) fn deadline(&self) -> Option<Time> {
        match self.stage {
            Stage::Asked(end, _) | Stage::Terminated(end) | Stage::Killed(end) => Some(end),
            Stage::Running => None,
        }
    }

    /// Whether there is work without an event.
    pub(super) fn has_work(&self) -> bool {
        self.input.has_work()
            || self.output.has_work()
            || self.errors.has_work()
            || self.exiting
            || self.exit().is_some()
    }

    pub(super) fn leader(&self) -> u32 {
        self.process.id()
    }

    fn signal(&self, signal: Signal) {
        // Once it has been waited for, its number may belong to others.
        if self.exit.is_none() {
            children::signal_group(self.process.id(), signal);
        }
    }
}

impl Drop for Child {
    /// Dropping it leaves no child and no zombie.
    fn drop(&mut self) {
        if self.exit.is_none() {
            end_now(&mut self.process, &self.groups);
        }
    }
}

/// Kills a child and all of its group, and waits for it; that takes as long as the system takes
/// to end a process.
fn end_now(process: &mut process::Child, groups: &Groups) {
    children::signal_group(process.id(), Signal::Kill);
    while groups.end(process).is_none() {
        children::wait_for_exit(process.id());
    }
}

/// When a killed child that has not exited is killed again.
const KILL_AGAIN_AFTER_MS: u64 = 1_000;

//! `ReplayCheck`: sends a program the input of a transcript, and compares its output with the
//! transcript, over real pipes and without a network. It ends in bounded time, whatever the program
//! does: there is a time limit for each line and for the exit.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use crate::limits::Limits;
use crate::process::executable::Executable;
use crate::process::groups::{Groups, ProcessExit};
use crate::process::output_pipe::PipeRead;
use crate::process::pump::{ProcessId, Pump, PumpEvent};
use crate::process::pump_plan::PumpPlan;
use crate::process::start::{Launch, StartError};
use crate::programs::{Difference, Mode, ProgramOptions, Replay, Transcript, own_variables};

/// The parameters of a check.
#[derive(Clone, Debug)]
pub struct ReplayCheck<'a> {
    /// How it is run. It uses the protocol of counted lines, whatever the mode is here.
    pub options: &'a ProgramOptions,
    /// [`Limits::admission_ms_max`] is the time limit for each line, and
    /// [`Limits::outbox_bytes_max`] the longest body that it may write.
    pub limits: &'a Limits,
}

/// Why a program has failed the check.
#[derive(Debug)]
pub enum ReplayError {
    /// It cannot be started.
    Start(StartError),
    /// The system has no poll for it.
    Poll(io::Error),
    /// Its output differs from the transcript.
    Difference(Difference),
    /// It has gone before it has written everything.
    Gone(Difference, ProcessExit),
    /// It has written nothing for so many milliseconds, and this line was expected.
    Stalled(Difference, u64),
    /// It has written everything, and then ended with a status other than 0.
    End(ProcessExit),
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => error.fmt(f),
            Self::Poll(error) => write!(f, "there is no poll for the program: {error}"),
            Self::Difference(difference) => difference.fmt(f),
            Self::Gone(difference, exit) => write!(f, "{difference}; {exit}"),
            Self::Stalled(difference, ms) => {
                write!(f, "{difference}; it was waited for {ms} ms (admission-timeout)")
            }
            Self::End(exit) => write!(
                f,
                "the program says all that is expected, but does not end with status 0 at the \
                 end of its input: {exit}"
            ),
        }
    }
}

impl std::error::Error for ReplayError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start(error) => error.source(),
            Self::Poll(error) => error.source(),
            Self::Difference(_) | Self::Gone(..) | Self::Stalled(..) | Self::End(_) => None,
        }
    }
}

impl ReplayCheck<'_> {
    /// Starts the program, and waits for the end of it. Its standard error goes to the log.
    ///
    /// # Errors
    /// The first difference from the transcript.
    pub fn run(&self, program: &Executable, transcript: Transcript) -> Result<(), ReplayError> {
        let plan = PumpPlan {
            worker: None,
            service: program.key().to_owned(),
            programs_max: 1,
            input_high_bytes: usize::MAX,
            groups: Groups::default(),
        };
        let mut pump = Pump::new(plan).map_err(ReplayError::Poll)?;
        let variables = own_variables(Mode::Shared, program.key(), None);
        let launch = Launch { program, pass_env: &self.options.pass_env, variables: &variables };
        let process = pump.start(launch).map_err(ReplayError::Start)?;
        let replay = Replay::new(transcript, self.limits.outbox_bytes_max);
        let buffer = vec![0; READ_BYTES];
        ReplayRun { check: self, pump, process, replay, buffer, stopping: false }.run()
    }
}

struct ReplayRun<'a> {
    check: &'a ReplayCheck<'a>,
    pump: Pump,
    process: ProcessId,
    replay: Replay,
    buffer: Vec<u8>,
    /// Whether everything has been written, and only the end of the program is missing.
    stopping: bool,
}

impl ReplayRun<'_> {
    /// A program that fails is killed when this is dropped.
    fn run(mut self) -> Result<(), ReplayError> {
        let line_wait = Duration::from_millis(self.check.limits.admission_ms_max);
        let (mut events, mut left) = (Vec::new(), self.replay.left());
        let mut since = Instant::now();
        loop {
            let told = self.replay.poll();
            if let Some(input) = self.pump.input(self.process) {
                input.extend_from_slice(&told);
            }
            if self.replay.is_finished() && !self.stopping {
                self.stopping = true;
                self.pump.stop(self.process, self.check.options.stages());
            }
            let waited = since.elapsed();
            if waited >= line_wait && !self.stopping {
                return self.missing(|missing| {
                    ReplayError::Stalled(missing, self.check.limits.admission_ms_max)
                });
            }
            // The pump ends what does not end by itself.
            let timeout = (!self.stopping).then(|| line_wait.saturating_sub(waited));
            self.pump.poll(timeout, &mut events).map_err(ReplayError::Poll)?;
            for event in events.drain(..) {
                match event {
                    PumpEvent::Output(_) => self.read_output()?,
                    // A program that reads no more may have read enough: its output decides.
                    PumpEvent::Drained(_) | PumpEvent::InputClosed(_) => {}
                    PumpEvent::Exit { exit, .. } => return self.end(exit),
                }
            }
            if left != self.replay.left() {
                (left, since) = (self.replay.left(), Instant::now());
            }
        }
    }

    /// Reads the output of the program once.
    fn read_output(&mut self) -> Result<(), ReplayError> {
        match self.pump.read(self.process, &mut self.buffer) {
            PipeRead::Bytes(len) => {
                self.replay.receive(&self.buffer[..len]).map_err(ReplayError::Difference)
            }
            PipeRead::Nothing | PipeRead::End => Ok(()),
        }
    }

    /// The program has gone.
    fn end(&self, exit: ProcessExit) -> Result<(), ReplayError> {
        self.missing(|missing| ReplayError::Gone(missing, exit))?;
        match exit.status() {
            Some(status) if !status.success() => Err(ReplayError::End(exit)),
            Some(_) | None => Ok(()),
        }
    }

    /// The failure that an expected line is missing, if one is.
    fn missing(&self, failure: impl FnOnce(Difference) -> ReplayError) -> Result<(), ReplayError> {
        self.replay.finish().map_err(failure)
    }
}

/// How much output of the program is read at once.
const READ_BYTES: usize = 65_536;

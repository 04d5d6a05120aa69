//! `Shared`: a service whose sockets are all served by one program, in counted lines. It runs
//! on a thread of its own, which waits for mail and for the program in one poll, and so for
//! neither of them alone.
//!
//! A program that reads slowly fills its input; then no mail is taken, which fills up, and its
//! sockets are not read.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::host::program::child::Stages;
use crate::host::program::groups::Groups;
use crate::host::program::lookup::DocumentRoot;
use crate::host::program::output;
use crate::host::program::pump::{Event, Plan, ProgramId, Pump};
use crate::host::program::start::Launch;
use crate::host::worker::caught;
use crate::limits::Limits;
use crate::programs::{Heard, Level, Mode, Place, Reader, Said, Told, own_variables};
use crate::service::{Line, Outbound, Received};

/// What the programs of a host have in common.
#[derive(Debug)]
pub(crate) struct Site {
    /// Where they are.
    pub(crate) root: DocumentRoot,
    /// Their processes.
    pub(crate) groups: Groups,
    /// Where the host listens.
    pub(crate) address: SocketAddr,
}

/// A program that serves all sockets of its path.
#[derive(Debug)]
pub(crate) struct Shared {
    site: Arc<Site>,
    key: String,
}

/// One run of it.
struct Run<'a> {
    key: &'a str,
    line: Line<'static>,
    limits: &'a Limits,
    place: Place,
    pump: Pump,
    program: ProgramId,
    reader: Reader,
    buffer: Vec<u8>,
    /// By when it has to be ready; `None` once it is.
    ready_by: Option<Instant>,
    /// Why it is being ended. No mail is taken then.
    ending: Option<String>,
}

impl Shared {
    /// The program with this key.
    pub(crate) const fn new(site: Arc<Site>, key: String) -> Self {
        Self { site, key }
    }

    /// Runs the program to its end; tells how it ended.
    pub(crate) fn live(&self, line: Line<'static>, limits: &Limits) -> String {
        // A panic would be ours. It takes this service along and nobody else.
        let lived = caught(|| self.begin(line, limits).and_then(|mut run| run.run()));
        match lived {
            Ok(Ok(how) | Err(how)) | Err(how) => how,
        }
    }

    /// Starts the program.
    fn begin<'a>(&'a self, mut line: Line<'static>, limits: &'a Limits) -> Result<Run<'a>, String> {
        let Self { site, key } = self;
        // Anew for each run, so that a changed file is used from here on.
        let program = site.root.find(key).map_err(|error| error.to_string())?;
        let plan = Plan {
            service: key.clone(),
            programs_max: 1,
            input_high_bytes: INPUT_HIGH_BYTES,
            groups: site.groups.clone(),
        };
        let mut pump = Pump::new(plan).map_err(|error| format!("there is no poll: {error}"))?;
        line.wake_by(pump.waker());
        let variables: Vec<_> = own_variables(Mode::Shared, key)
            .into_iter()
            .map(|own| (OsString::from(own.name), OsString::from_vec(own.value)))
            .collect();
        let launch = Launch { program: &program, pass_env: &[], variables: &variables };
        let program = pump.start(launch).map_err(|error| error.to_string())?;
        let ready_by = Duration::from_millis(limits.admission_ms_max);
        let mut run = Run {
            key,
            line,
            limits,
            place: Place { service: key.clone(), address: site.address },
            pump,
            program,
            reader: Reader::new(limits.outbox_bytes_max),
            buffer: vec![0; READ_BYTES],
            ready_by: Instant::now().checked_add(ready_by),
            ending: None,
        };
        run.tell(&Told::Hello {
            message_bytes_max: limits.message_bytes_max,
            send_bytes_max: limits.outbox_bytes_max,
        });
        Ok(run)
    }
}

impl Run<'_> {
    /// Takes turns until the program has gone; tells how.
    fn run(&mut self) -> Result<String, String> {
        let mut events = Vec::new();
        loop {
            self.take_mail();
            self.line.flush();
            let patience = self.ready_by.filter(|_| self.ending.is_none());
            let timeout = patience.map(|at| at.saturating_duration_since(Instant::now()));
            let polled = self.pump.poll(timeout, &mut events);
            polled.map_err(|error| format!("its poll fails: {error}"))?;
            for event in events.drain(..) {
                match event {
                    Event::Output(_) => self.hear(),
                    Event::Drained(_) => {}
                    Event::Deaf(_) => self.end("it reads no more"),
                    Event::Exit { exit, .. } => {
                        let how = self.ending.take().map(|how| format!("{how}; "));
                        return Ok(format!("{}{exit}", how.unwrap_or_default()));
                    }
                }
            }
            if patience.is_some_and(|at| self.ready_by.is_some() && at <= Instant::now()) {
                let ms = self.limits.admission_ms_max;
                self.kill(format!("it has not said READY within {ms} ms"));
            }
        }
    }

    /// Tells the program all that has come, as far as it reads.
    fn take_mail(&mut self) {
        while self.ending.is_none() {
            if self.pump.is_full(self.program) {
                if self.line.is_over() {
                    self.stop();
                }
                return;
            }
            match self.line.try_receive() {
                Received::Transaction(inbound) => self.tell(&Told::Inbound(&inbound)),
                Received::Time => return,
                Received::End => self.stop(),
            }
        }
    }

    /// The host stops: the program is told what is left, and has some time to end.
    fn stop(&mut self) {
        // It is as much as mail may be.
        while let Received::Transaction(inbound) = self.line.try_receive() {
            self.tell(&Told::Inbound(&inbound));
        }
        self.tell(&Told::Stop { ms: STOP_MS });
        let terminate_after = Duration::from_millis(STOP_MS);
        self.pump.stop(self.program, Stages { terminate_after, kill_after: KILL_AFTER });
        self.ending = Some("the host stops".to_owned());
    }

    /// The program has closed a pipe. Most often it is about to exit.
    fn end(&mut self, how: &str) {
        if self.ending.is_none() {
            self.ending = Some(how.to_owned());
            let terminate_after = EXIT_WITHIN;
            self.pump.stop(self.program, Stages { terminate_after, kill_after: KILL_AFTER });
        }
    }

    /// The program is not to be waited for.
    fn kill(&mut self, how: String) {
        self.ending.get_or_insert(how);
        self.pump.kill(self.program);
    }

    fn tell(&mut self, told: &Told<'_>) {
        if let Some(input) = self.pump.input(self.program) {
            told.encode(&self.place, input);
        }
    }

    /// Reads once what the program says, and does it.
    fn hear(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        match self.pump.read(self.program, &mut buffer) {
            output::Heard::Bytes(len) => {
                let mut rest = &buffer[..len];
                while let (used, Some(heard)) = self.reader.receive(rest) {
                    rest = &rest[used..];
                    self.heed(heard);
                }
            }
            output::Heard::Nothing => {}
            output::Heard::End => match self.reader.finish() {
                Ok(()) => self.end("it has closed its output"),
                Err(fault) => self.end(&fault.to_string()),
            },
        }
        self.buffer = buffer;
    }

    fn heed(&mut self, heard: Heard) {
        match heard {
            Heard::Said(said) => self.obey(said),
            // Who does not read is not told more and more of it.
            Heard::Mistake(mistake) if !self.pump.is_full(self.program) => {
                self.tell(&Told::Mistake(&mistake));
            }
            Heard::Mistake(_) => {}
            Heard::Fault(fault) => self.kill(fault.to_string()),
        }
    }

    fn obey(&mut self, said: Said) {
        let line = &mut self.line;
        match said {
            Said::Ready(admission) => {
                self.ready_by = None;
                line.apply(Outbound::Ready(admission));
            }
            Said::Admit { id, verdict } => line.admit(id, verdict),
            Said::Send { to, message } => line.send(to, message),
            Said::Close { to, close } => line.apply(Outbound::Close { to, close }),
            Said::Subscribe { ids, topic } => {
                ids.into_iter().for_each(|id| line.subscribe(id, topic.as_str()));
            }
            Said::Unsubscribe { ids, topic } => {
                ids.into_iter().for_each(|id| line.unsubscribe(id, topic.as_str()));
            }
            Said::Pause { ids } => {
                ids.into_iter().for_each(|id| line.pause(id));
            }
            Said::Resume { ids } => {
                ids.into_iter().for_each(|id| line.resume(id));
            }
            Said::Set { id, key, value } => line.label(id, key, value),
            Said::Log { level, text } => {
                log::log!(log_level(level), "service {}: {text}", self.key);
            }
        }
    }
}

const fn log_level(level: Level) -> log::Level {
    match level {
        Level::Error => log::Level::Error,
        Level::Warn => log::Level::Warn,
        Level::Info => log::Level::Info,
        Level::Debug => log::Level::Debug,
        Level::Trace => log::Level::Trace,
    }
}

/// So much may wait for a program before it gets no more mail. A pipe holds as much again.
const INPUT_HIGH_BYTES: usize = 65_536;
/// How much of what it says is read at once.
const READ_BYTES: usize = 65_536;
/// How long it has to end when the host stops.
const STOP_MS: u64 = 5_000;
/// How long it has to exit once it has closed a pipe.
const EXIT_WITHIN: Duration = Duration::from_secs(1);
/// From SIGTERM to SIGKILL.
const KILL_AFTER: Duration = Duration::from_secs(2);

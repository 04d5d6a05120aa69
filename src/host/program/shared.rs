//! A program of which one process serves all sockets, in counted lines. It has a thread of its
//! own, which waits for mail and for the program in one poll, and so for
//! neither of them alone.
//!
//! A program that reads slowly fills its input; then no mail is taken, which fills up, and its
//! sockets are not read.

use std::time::{Duration, Instant};

use crate::host::program::output;
use crate::host::program::pump::{Event, ProgramId, Pump};
use crate::host::program::served::{EXITING, Served};
use crate::limits::Limits;
use crate::programs::{Heard, Level, Place, Reader, Said, Told};
use crate::service::{Line, Outbound, Received};

/// Starts the program, and takes turns until it has gone; tells how.
pub(super) fn serve(
    served: &Served,
    mut line: Line<'static>,
    limits: &Limits,
) -> Result<String, String> {
    let program = served.find()?;
    let mut pump = served.pump(1)?;
    line.wake_by(pump.waker());
    let started = served.start(&program, &mut pump, Vec::new());
    let program = started.map_err(|error| error.to_string())?;
    let ready_by = Duration::from_millis(limits.admission_ms_max);
    let mut run = Run {
        served,
        line,
        limits,
        place: served.place(),
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
    run.run()
}

/// One run of it.
struct Run<'a> {
    served: &'a Served,
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
        self.tell(&Told::Stop { ms: self.served.manner.stop_ms });
        self.pump.stop(self.program, self.served.manner.stages());
        self.ending = Some("the host stops".to_owned());
    }

    /// The program has closed a pipe. Most often it is about to exit.
    fn end(&mut self, how: &str) {
        if self.ending.is_none() {
            self.ending = Some(how.to_owned());
            self.pump.stop(self.program, EXITING);
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
            Said::Log { level, text } => self.pump.log(self.program, log_level(level), &text),
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

/// How much of what the program says is read at once.
const READ_BYTES: usize = 65_536;

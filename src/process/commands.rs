//! Carries out the commands of a program that serves all sockets.

use crate::process::handover::Handover;
use crate::process::output_pipe::PipeRead;
use crate::process::pump::ProcessId;
use crate::process::shared::SharedRun;
use crate::process::shared_process::{EndReason, OUTPUT_CLOSED, ReadyState};
use crate::process::warning_kind::WarningKind;
use crate::programs::{CommandResult, LogLevel, ProgramCommand, ProgramEvent};
use crate::service::{Admission, Outbound};

impl SharedRun<'_> {
    /// Reads the output of a process once, and carries it out if the process serves.
    pub(super) fn read_output(&mut self, id: ProcessId) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let reading = self.pump.read(id, &mut buffer);
        match (self.process.as_ref().filter(|process| process.id == id), reading) {
            (Some(_), PipeRead::Bytes(len)) => self.apply_all(&buffer[..len]),
            (_, PipeRead::Nothing) => {}
            (Some(process), PipeRead::End) => match process.reader.finish() {
                Err(fault) => self.end(EndReason::Failed(fault.to_string())),
                Ok(()) => self.end(EndReason::Closed(OUTPUT_CLOSED)),
            },
            (None, PipeRead::Bytes(len)) => self.read_successor(id, &buffer[..len]),
            (None, PipeRead::End) => self.end_successor(id, OUTPUT_CLOSED),
        }
        self.buffer = buffer;
    }

    /// Carries out the commands in these bytes.
    pub(super) fn apply_all(&mut self, mut bytes: &[u8]) {
        while let Some(process) = &mut self.process
            && let (used, Some(heard)) = process.reader.receive(bytes)
        {
            bytes = &bytes[used..];
            self.apply_result(heard);
        }
    }

    fn apply_result(&mut self, heard: CommandResult) {
        match heard {
            CommandResult::Command(said) => self.apply_command(said),
            CommandResult::LineError(mistake) => {
                let Some(id) = self.process.as_ref().map(|process| process.id) else { return };
                let text = format!("its line was not done: ERR {mistake:#}");
                self.pump.warn(id, kind_of(&text), format_args!("{text}"));
                // A program that does not read gets no more errors.
                if !self.pump.is_full(id) {
                    self.tell(&ProgramEvent::Mistake(&mistake));
                }
            }
            CommandResult::FatalError(fault) => self.kill(fault.to_string()),
        }
    }

    fn apply_command(&mut self, said: ProgramCommand) {
        let line = &mut self.line;
        match said {
            ProgramCommand::Ready(admission) => self.ready(admission),
            ProgramCommand::Admit { id, verdict } => line.admit(id, verdict),
            ProgramCommand::Send { to, message } => line.send(to, message),
            ProgramCommand::Close { to, close } => line.apply(Outbound::Close { to, close }),
            ProgramCommand::Subscribe { ids, topic } => {
                ids.into_iter().for_each(|id| line.subscribe(id, topic.as_str()));
            }
            ProgramCommand::Unsubscribe { ids, topic } => {
                ids.into_iter().for_each(|id| line.unsubscribe(id, topic.as_str()));
            }
            ProgramCommand::Pause { ids } => {
                ids.into_iter().for_each(|id| line.pause(id));
            }
            ProgramCommand::Resume { ids } => {
                ids.into_iter().for_each(|id| line.resume(id));
            }
            ProgramCommand::Set { id, key, value } => line.label(id, key, value),
            ProgramCommand::Log { level, text } => {
                if let Some(process) = &self.process {
                    self.pump.log(process.id, log_level(level), &text);
                }
            }
        }
    }

    /// The process now serves. The kept sockets are passed to it first.
    pub(super) fn ready(&mut self, admission: Admission) {
        let Some(process) = &mut self.process else { return };
        process.readiness = ReadyState::Ready(admission.clone());
        self.was_ready = true;
        self.attempts.ready();
        self.handover.iter_mut().for_each(Handover::begin_handover);
        self.line.apply(Outbound::Ready(admission));
    }
}

/// The kind of a message: its text without digits and without words in quotes. A count of it shows
/// the first such message.
fn kind_of(text: &str) -> WarningKind {
    let plain = text.split('"').step_by(2).collect::<Vec<_>>().join("...");
    WarningKind { key: plain.replace(|c: char| c.is_ascii_digit(), ""), shown: text.to_owned() }
}

const fn log_level(level: LogLevel) -> log::Level {
    match level {
        LogLevel::Error => log::Level::Error,
        LogLevel::Warn => log::Level::Warn,
        LogLevel::Info => log::Level::Info,
        LogLevel::Debug => log::Level::Debug,
        LogLevel::Trace => log::Level::Trace,
    }
}

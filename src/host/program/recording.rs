//! `Recording`: the transcript of one program, written while it runs: what its pipe has taken,
//! and what it has said. It only looks at bytes that pass, so that the program sees the same
//! with it and without.

use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use crate::host::program::groups::Exit;
use crate::programs::{Recorder, Transcript, Way};

/// A transcript in the making. It holds a line and its body for each way.
pub struct Recording {
    out: Box<dyn Write + Send>,
    told: Recorder,
    said: Recorder,
    /// What is to be written.
    text: String,
    /// Whether writing has failed, after which nothing is recorded.
    failed: bool,
}

impl Recording {
    /// A transcript that goes to `out`, from the thread of the program's service, which waits
    /// for it. Lines whose bodies have more than `body_bytes_max` are left out, but for a
    /// comment. Should writing fail, the rest is left out, and the log says so.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, body_bytes_max: usize) -> Self {
        Self {
            out,
            told: Recorder::new(Way::Told, body_bytes_max),
            said: Recorder::new(Way::Said, body_bytes_max),
            text: Transcript::HEAD.to_owned(),
            failed: false,
        }
    }

    /// The pipe to the program has taken these bytes.
    pub(super) fn tell(&mut self, bytes: &[u8]) {
        self.told.receive(bytes, &mut self.text);
        self.write();
    }

    /// The program has said these bytes.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        self.said.receive(bytes, &mut self.text);
        self.write();
    }

    /// The program has gone.
    pub(super) fn finish(&mut self, exit: Exit) {
        self.text.push_str(&format!("# {exit}\n"));
        self.write();
    }

    fn write(&mut self) {
        if !self.failed
            && !self.text.is_empty()
            && let Err(error) =
                self.out.write_all(self.text.as_bytes()).and_then(|()| self.out.flush())
        {
            log::warn!(
                target: "switchboard::program",
                "the transcript cannot be written, and ends here: {error}"
            );
            self.failed = true;
        }
        // A long body is not kept in memory behind the line that had it.
        self.text = String::new();
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").finish_non_exhaustive()
    }
}

/// A recording for the first program that takes it, since a transcript is of one run.
#[derive(Debug, Default)]
pub(crate) struct Tape(Mutex<Slot>);

#[derive(Debug, Default)]
enum Slot {
    /// Nobody wants one.
    #[default]
    None,
    Free(Box<Recording>),
    Taken,
}

impl Tape {
    pub(crate) fn new(recording: Recording) -> Self {
        Self(Mutex::new(Slot::Free(Box::new(recording))))
    }

    /// The recording, if there is one and this is the first run; a later one is told to the log.
    pub(super) fn take(&self) -> Option<Recording> {
        // Nothing in here panics halfway.
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *slot, Slot::Taken) {
            Slot::None => *slot = Slot::None,
            Slot::Free(recording) => return Some(*recording),
            Slot::Taken => {
                log::warn!(
                    target: "switchboard::program",
                    "this run is not recorded: the transcript is of the first"
                )
            }
        }
        None
    }
}

//! A program of which one process serves all sockets, in counted lines. It has a thread of its
//! own, which waits for mail and for the process in one poll, and so for neither of them alone.
//!
//! A process that reads slowly fills its input; then no mail is taken, which fills up, and its
//! sockets are not read. So it is, too, while there is no process, or one that is not ready or is
//! being ended. With `OnDeath::Close` the thread ends with its process, and the hub closes the
//! sockets. With `OnDeath::Keep` it lives on from the first READY, and starts the next process
//! itself. What the processes say is done in `obey`.

use std::time::{Duration, Instant};

use log::Level;

use crate::host::program::attempts::Attempts;
use crate::host::program::groups::Exit;
use crate::host::program::keep::Kept;
use crate::host::program::pump::{Event, ProcessId, Pump};
use crate::host::program::served::{
    EXITING, Manner, OnChange, OnDeath, Renewal, Served, not_started,
};
use crate::host::program::watch::FileWatch;
use crate::hub::About;
use crate::limits::Limits;
use crate::programs::{Place, Reader, Told};
use crate::service::{Inbound, Line, Received};
use crate::time::Time;

/// Starts the program, and takes turns until it has gone for good; tells how.
pub(super) fn serve(
    served: &Served,
    mut line: Line<'static>,
    limits: &Limits,
) -> Result<String, String> {
    let pump = served.pump(1)?;
    line.wake_by(pump.waker());
    let now = Instant::now();
    let mut run = Run {
        served,
        line,
        limits: *limits,
        manner: served.manner.clone(),
        place: served.place(),
        pump,
        buffer: vec![0; READ_BYTES],
        clock: now,
        kept: (served.manner.on_death == OnDeath::Keep).then(Kept::default),
        process: None,
        start_at: now,
        attempts: Attempts::default(),
        watch: FileWatch::new(now),
        was_ready: false,
        over: None,
    };
    run.start()?;
    run.run()
}

/// One run of the service, over one process or several.
pub(super) struct Run<'a> {
    pub(super) served: &'a Served,
    pub(super) line: Line<'static>,
    limits: Limits,
    manner: Manner,
    place: Place,
    pub(super) pump: Pump,
    pub(super) buffer: Vec<u8>,
    clock: Instant,
    /// What the next process is handed over; `None` if there is none after this one.
    pub(super) kept: Option<Kept>,
    pub(super) process: Option<Process>,
    /// When the next one is started, while there is none.
    start_at: Instant,
    pub(super) attempts: Attempts,
    watch: FileWatch,
    /// Whether one has been ready.
    pub(super) was_ready: bool,
    /// Why no other is started after this one.
    over: Option<&'static str>,
}

/// The process that runs.
pub(super) struct Process {
    pub(super) id: ProcessId,
    pub(super) reader: Reader,
    /// By when it has to be ready; `None` once it is.
    pub(super) ready_by: Option<Instant>,
    /// Whether it is asked whom to let in.
    pub(super) is_asked: bool,
    /// Why it is being ended. No mail is taken then.
    pub(super) ending: Option<Ending>,
}

/// Why a process is being ended.
pub(super) struct Ending {
    how: String,
    /// Whether that is no failure of its own.
    orderly: bool,
}

impl Run<'_> {
    /// Takes turns until the program has gone; tells how.
    fn run(&mut self) -> Result<String, String> {
        let mut events = Vec::new();
        loop {
            self.take_mail();
            // Whoever renews it wakes those who have said that they sleep.
            self.heed_renewals();
            self.look();
            self.line.flush();
            let polled = self.pump.poll(self.patience(), &mut events);
            polled.map_err(|error| format!("its poll fails: {error}"))?;
            for event in events.drain(..) {
                match event {
                    Event::Output(_) => self.hear(),
                    Event::Drained(_) => {}
                    Event::Deaf(_) => self.end("it reads no more"),
                    Event::Exit { exit, read, .. } => self.exited(exit, read)?,
                }
            }
            self.expire();
            if let (Some(how), None) = (self.over, &self.process) {
                return Ok(how.to_owned());
            }
            if self.process.is_none() && self.start_at <= Instant::now() {
                let started = self.start();
                started.or_else(|error| self.fail(&error))?;
            }
        }
    }

    /// Tells the process all that has come, as far as it reads.
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

    /// Whether the process takes mail just now. Before that, it is told what earlier ones have
    /// left. Nothing of either is told before it is ready: what a process that never gets so far
    /// had taken into a buffer would be lost.
    fn may_tell(&mut self) -> bool {
        let Some(Process { id, ready_by: None, ending: None, .. }) = self.process else {
            return false;
        };
        loop {
            if self.pump.is_full(id) {
                return false;
            }
            let Some(input) = self.pump.input(id) else { return false };
            match &mut self.kept {
                Some(kept) if !kept.is_handed_over() => {
                    kept.hand_over(&self.place, input);
                    // So that sockets are not held twice until there is mail.
                    self.let_go(id);
                }
                Some(_) | None => return true,
            }
        }
    }

    fn tell_mail(&mut self, inbound: &Inbound) {
        // A question to an earlier process may still be on its way.
        let is_asked = self.process.as_ref().is_some_and(|process| process.is_asked);
        if is_asked || !matches!(inbound, Inbound::Ask { .. }) {
            self.tell(&Told::Inbound(inbound));
        }
    }

    /// The host stops: the process is told what is left, and has some time to end.
    fn stop(&mut self) {
        const HOW: &str = "the host stops";
        self.over = Some(HOW);
        if self.process.as_ref().is_none_or(|process| process.ending.is_some()) {
            return;
        }
        let is_told = self.process.as_ref().is_some_and(|process| process.ready_by.is_none())
            && self.kept.as_ref().is_none_or(Kept::is_handed_over);
        if is_told {
            // It is as much as mail may be.
            while let Received::Transaction(inbound) = self.line.try_receive() {
                self.tell_mail(&inbound);
            }
        }
        self.end_in_order(HOW);
    }

    /// The process has some time to answer what it was told, and to end.
    fn end_in_order(&mut self, how: &str) {
        self.tell(&Told::Stop { ms: self.manner.stop_ms });
        if let Some(process) = &mut self.process {
            process.ending = Some(Ending { how: how.to_owned(), orderly: true });
            self.pump.stop(process.id, self.manner.stages());
        }
    }

    /// The process has closed a pipe. Most often it is about to exit.
    pub(super) fn end(&mut self, how: &str) {
        let Some(process) = &mut self.process else { return };
        if process.ending.is_none() {
            process.ending = Some(Ending { how: how.to_owned(), orderly: false });
            self.pump.stop(process.id, EXITING);
        }
    }

    /// The process is not to be waited for.
    pub(super) fn kill(&mut self, how: String) {
        let Some(process) = &mut self.process else { return };
        process.ending.get_or_insert(Ending { how, orderly: false });
        self.pump.kill(process.id);
    }

    pub(super) fn tell(&mut self, told: &Told<'_>) {
        let Some(process) = &self.process else { return };
        let input = self.pump.input(process.id);
        match (&mut self.kept, input) {
            (Some(kept), input) => {
                let id = process.id;
                kept.tell(told, &self.place, input);
                self.let_go(id);
            }
            (None, Some(input)) => told.encode(&self.place, input),
            (None, None) => {}
        }
    }

    /// Lets go of what the process has read, if that may be much.
    fn let_go(&mut self, id: ProcessId) {
        if let Some(kept) = self.kept.as_mut().filter(|kept| kept.is_long()) {
            kept.read_up_to(self.pump.read_len(id));
        }
    }

    /// Starts a process.
    fn start(&mut self) -> Result<(), String> {
        self.attempts.begin(self.now());
        let program = self.served.find()?;
        // Also if it cannot be: it is tried again after a pause, and not at each look.
        self.watch.begin(&program);
        let started = self.served.start(&program, &self.manner, &mut self.pump, Vec::new());
        let id = started.map_err(|error| not_started(&error, &mut self.line))?;
        let ready_by = Duration::from_millis(self.limits.admission_ms_max);
        self.process = Some(Process {
            id,
            reader: Reader::new(self.limits.outbox_bytes_max),
            ready_by: Instant::now().checked_add(ready_by),
            is_asked: false,
            ending: None,
        });
        self.tell(&Told::Hello {
            message_bytes_max: self.limits.message_bytes_max,
            send_bytes_max: self.limits.outbox_bytes_max,
        });
        Ok(())
    }

    /// The process has exited, after it had read so much.
    ///
    /// # Errors
    /// How that was, if none follows it.
    fn exited(&mut self, exit: Exit, read: u64) -> Result<(), String> {
        let Some(Process { id, ending, .. }) = self.process.take() else { return Ok(()) };
        let orderly = ending.as_ref().is_some_and(|ending| ending.orderly);
        let how = ending.map_or_else(|| exit.to_string(), |why| format!("{}; {exit}", why.how));
        // What it wrote last often says why.
        let words = if orderly { "" } else { self.pump.last_words(id) };
        let how = how + words;
        let lives_on = self.was_ready
            && self.over.is_none()
            && (orderly || self.manner.on_death == OnDeath::Keep);
        let Some(kept) = self.kept.as_mut().filter(|_| lives_on) else { return Err(how) };
        kept.end(read);
        if orderly {
            let kept = kept.len();
            self.about().log(Level::Info, format_args!("{how}; sockets kept: {kept}"));
            self.rest(0);
            return Ok(());
        }
        self.fail(&how)
    }

    /// The process has died, or cannot be started.
    ///
    /// # Errors
    /// The sockets are given up.
    fn fail(&mut self, how: &str) -> Result<(), String> {
        let sockets = self.kept.as_ref().map_or(0, Kept::len);
        let Some(pause_ms) = self.attempts.fail(self.now()) else {
            return Err(format!("{how}; its sockets have been held for too long: {sockets}"));
        };
        self.about()
            .warn(format_args!("{how}; sockets kept: {sockets}; next start in {pause_ms} ms"));
        self.rest(pause_ms);
        Ok(())
    }

    /// There is no process for so long.
    fn rest(&mut self, pause_ms: u64) {
        self.line.lapse(pause_ms);
        self.start_at = Instant::now() + Duration::from_millis(pause_ms);
    }

    /// Does what the host has ordered last, which is all that holds.
    fn heed_renewals(&mut self) {
        let Some(Renewal { manner, limits }) = self.served.last_renewal() else { return };
        let is_new = manner != self.manner || limits != self.limits;
        if manner.mode != self.manner.mode {
            self.over = Some("it has another mode from here on");
        }
        self.line.keep_to(&limits);
        (self.manner, self.limits) = (manner, limits);
        match self.served.find() {
            _ if is_new => self.replace("its configuration has changed"),
            Ok(found) if self.watch.is_other(&found) => self.replace("its file has changed"),
            Ok(_) => self.tell_reload(),
            Err(error) => {
                self.about().warn(format_args!("it is not replaced: {error}"));
                self.tell_reload();
            }
        }
    }

    /// Nothing has changed that the host knows of. In a pause, what was lacking may be there now.
    fn tell_reload(&mut self) {
        match &self.process {
            None => self.start_at = Instant::now(),
            Some(Process { ready_by: None, ending: None, .. }) => self.tell(&Told::Reload),
            Some(_) => {}
        }
    }

    /// Looks whether the file has changed, if it is time for that.
    fn look(&mut self) {
        let now = Instant::now();
        if self.look_at().is_some_and(|at| at <= now)
            && self.watch.look(self.served.find().ok().as_ref(), now)
        {
            self.replace("its file has changed");
        }
    }

    /// Has another process take the place of this one, or start now if there is none.
    fn replace(&mut self, why: &str) {
        self.about().log(Level::Info, format_args!("{why}: the program is replaced"));
        match &self.process {
            None => self.start_at = Instant::now(),
            // Whatever follows it is from the newest file anyway.
            Some(Process { ending: Some(_), .. }) => {}
            Some(Process { ending: None, .. }) => self.end_in_order(why),
        }
    }

    /// Gives up a process that is not ready in time.
    fn expire(&mut self) {
        if self.ready_by().is_some_and(|at| at <= Instant::now()) {
            let ms = self.limits.admission_ms_max;
            self.kill(format!("it has not said READY within {ms} ms"));
        }
    }

    /// How long there is nothing to do, unless something happens.
    fn patience(&self) -> Option<Duration> {
        let start = self.process.is_none().then_some(self.start_at);
        let next = [start, self.look_at(), self.ready_by()].into_iter().flatten().min();
        next.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// When to look at the file.
    fn look_at(&self) -> Option<Instant> {
        let is_ending = self.process.as_ref().is_some_and(|process| process.ending.is_some());
        let is_wanted = self.manner.on_change == OnChange::Replace && !is_ending;
        is_wanted.then(|| self.watch.next())
    }

    fn ready_by(&self) -> Option<Instant> {
        let process = self.process.as_ref().filter(|process| process.ending.is_none());
        process.and_then(|process| process.ready_by)
    }

    fn about(&self) -> About<'_> {
        About::service(self.served.key())
    }

    fn now(&self) -> Time {
        Time::from_ms(u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX))
    }
}

/// How much of what the program says is read at once.
const READ_BYTES: usize = 65_536;

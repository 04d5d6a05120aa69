//! When another process replaces the one that serves: at a reload of the host, or at a change of
//! the file. The code for a new process beside the old one is in `successor`, that for one after it
//! in `shared`.

use log::Level;

use crate::hub::RunEnd;
use crate::limits::Limits;
use crate::process::executable::LookupError;
use crate::process::program_service::{OTHER_MODE, Renewal};
use crate::process::shared::SharedRun;
use crate::process::shared_process::SharedProcess;
use crate::programs::ProgramEvent;
use crate::programs::{OnChange, ReplaceWhen};
use crate::time::Time;

impl SharedRun<'_> {
    /// Applies the latest options of the host.
    pub(super) fn apply_renewals(&mut self) {
        let worker = self.pump.worker().map_or(0, |worker| worker.number);
        let Some(Renewal { options, limits }) = self.served.last_renewal(worker) else { return };
        // The next run gets them from the host.
        if self.over.is_some() {
            return;
        }
        if options.mode != self.options.mode {
            self.over = Some(RunEnd::Replaced(OTHER_MODE.to_owned()));
        }
        self.line.keep_to(&limits);
        (self.options, self.limits) = (options, limits);
        let newest = self.heir().or(self.process.as_ref());
        // HELLO has told it these limits. The others are the host's own.
        let told = |limits: &Limits| (limits.message_bytes_max, limits.outbox_bytes_max);
        let is_new = newest.is_some_and(|newest| {
            newest.options != self.options || told(&newest.limits) != told(&limits)
        });
        let has_heir = self.heir().is_some();
        match self.served.find() {
            _ if is_new => self.turn.due = Some("its configuration has changed"),
            Ok(found) if has_heir && self.watch.is_newer(&found) => {
                self.turn.due = Some(FILE_CHANGED);
            }
            Ok(found) if !has_heir && self.watch.is_other(&found) => {
                self.turn.due = Some(FILE_CHANGED);
            }
            Ok(_) => self.tell_reload(),
            Err(error) => {
                if self.serving().is_some() {
                    self.warn_of_unfit(&error);
                    self.watch.note_warning();
                }
                self.tell_reload();
            }
        }
    }

    /// The options are the same. In a pause, the cause of the failure may be fixed by now.
    fn tell_reload(&mut self) {
        if self.process.is_none() {
            self.start_at = self.now();
        }
        if self.serving().is_some_and(SharedProcess::is_ready) {
            self.tell(&ProgramEvent::Reload);
        }
    }

    /// Looks whether the file has changed, if it is time for that.
    pub(super) fn look(&mut self) {
        let now = self.now();
        if self.look_at().is_none_or(|at| at > now) {
            return;
        }
        let found = self.served.find();
        if self.watch.look(found.as_ref().ok(), now) {
            self.turn.due.get_or_insert(FILE_CHANGED);
        }
        // Without a process, the failed start has been logged.
        if let Err(error) = found
            && self.serving().is_some()
            && self.watch.is_unfit(&error)
        {
            self.warn_of_unfit(&error);
        }
    }

    /// Replaces the process if that is due, and it is the turn of this worker. The turn is over
    /// once a process serves again, and none is beside it.
    pub(super) fn take_turn(&mut self) {
        if self.turn.due.is_some() && self.turn.take() {
            self.turn.due.take().into_iter().for_each(|why| self.replace(why));
        }
        let is_served = self.serving().is_some_and(SharedProcess::is_ready);
        if is_served && self.successor.is_none() {
            self.turn.end();
        }
    }

    /// The file cannot be started, and a process serves.
    fn warn_of_unfit(&self, error: &LookupError) {
        let meanwhile = "the running process serves meanwhile, but could not be started again";
        self.about().warn(format_args!("it is not replaced: {error}; {meanwhile}"));
    }

    /// Lets another process replace this one, or starts one now if there is none.
    pub(super) fn replace(&mut self, why: &'static str) {
        if self.over.is_some() {
            self.dismiss();
        }
        let is_beside = self.options.replace_when == ReplaceWhen::AfterReady && self.over.is_none();
        match (&self.process, &mut self.successor) {
            (None, _) => {
                self.about().log(Level::Info, format_args!("{why}: the program is replaced"));
                self.start_at = self.now();
            }
            (Some(_), Some(successor)) if self.over.is_none() => {
                successor.due = Some(why);
                self.dismiss_unready();
            }
            // The next process is from the newest file anyway.
            (Some(SharedProcess { ending: Some(_), .. }), _) => {}
            (Some(_), None) if is_beside => self.start_beside(why),
            (Some(_), _) => {
                self.about().log(Level::Info, format_args!("{why}: the program is replaced"));
                self.end_in_order(why);
            }
        }
    }

    /// When to look at the file.
    pub(super) fn look_at(&self) -> Option<Time> {
        let is_ending = self.process.is_some() && self.serving().is_none();
        let is_wanted = self.options.on_change == OnChange::Replace && !is_ending;
        is_wanted.then(|| self.watch.next())
    }
}

const FILE_CHANGED: &str = "its file has changed";

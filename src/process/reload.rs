//! `Reloader`: asks for a reload of programs, from any thread.

use crate::host::resolver::NoticeSender;
use crate::process::current_root::CurrentRoot;
use crate::process::plan::ProgramsPlan;

/// Reloads the programs of a host's document root, from any thread. Sockets of a program that is
/// replaced are closed with 1012, unless they are [kept](crate::programs::OnDeath::Keep).
/// [`Server::reload`](crate::Server::reload) does so with other settings.
#[derive(Clone, Debug)]
pub struct Reloader {
    notices: NoticeSender,
    /// The document root, if there is one.
    root: Option<CurrentRoot>,
}

/// What to reload.
#[derive(Debug)]
pub(super) enum ReloadOrder {
    /// Nothing: the host begins, and starts eager programs.
    Begin,
    /// The files may have changed.
    Files,
    /// The options of programs may have changed, too. `None` if there is no document root.
    Programs(Option<Box<ProgramsPlan>>),
}

impl Reloader {
    pub(super) const fn new(notices: NoticeSender, root: Option<CurrentRoot>) -> Self {
        Self { notices, root }
    }

    /// Replaces the programs that run and whose files have changed; the others get RELOAD. A
    /// program with a process for each socket starts the new file for the next socket anyway. Links
    /// on the way to the document root and to the static root are followed again, for which this
    /// reads the disk. It does not wait for the programs, and has no effect on a host that has
    /// ended.
    pub fn reload(&self) {
        if let Some(root) = &self.root {
            root.resolve();
        }
        self.notices.send(ReloadOrder::Files);
    }

    /// The same, with new options for all programs.
    pub(crate) fn reload_programs(&self, plan: Option<ProgramsPlan>) {
        self.notices.send(ReloadOrder::Programs(plan.map(Box::new)));
    }
}

//! `Reloader`: what asks for a reload of programs, from any thread.

use crate::host::resolver::NoticeSender;
use crate::process::current_root::CurrentRoot;
use crate::process::plan::ProgramsPlan;

/// Has the programs of a host's document root replaced from any thread, without a socket of theirs
/// being closed if they are [kept](crate::programs::OnDeath::Keep).
/// [`Server::reload`](crate::Server::reload) does so with other settings.
#[derive(Clone, Debug)]
pub struct Reloader {
    notices: NoticeSender,
    /// The document root, if there is one.
    root: Option<CurrentRoot>,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum ReloadOrder {
    /// The files may have changed.
    Files,
    /// What holds for programs may have changed, too. `None` if there is no document root.
    Programs(Option<Box<ProgramsPlan>>),
}

impl Reloader {
    pub(super) const fn new(notices: NoticeSender, root: Option<CurrentRoot>) -> Self {
        Self { notices, root }
    }

    /// Replaces the programs that run and whose files have changed, and tells the others RELOAD.
    /// Of a program with a process for each socket, the next socket gets a process of the new file
    /// anyway. Links on the way to the document root and to the static root are followed once more,
    /// for which this looks at the disk.
    pub fn reload(&self) {
        if let Some(root) = &self.root {
            root.resolve();
        }
        self.notices.send(ReloadOrder::Files);
    }

    /// The same, with all that holds for programs from here on.
    pub(crate) fn reload_programs(&self, plan: Option<ProgramsPlan>) {
        self.notices.send(ReloadOrder::Programs(plan.map(Box::new)));
    }
}

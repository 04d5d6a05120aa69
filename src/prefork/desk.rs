//! How a process answers what its parent asks for operators.

use std::io;

use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::admin::AdminDesk;
use crate::host::thread::spawn;
use crate::prefork::line::{ANSWER, ASK, LinkLine, RELOAD};
use crate::prefork::queue::LinkQueue;

/// Takes questions to the threads that answer them.
#[derive(Debug)]
pub(super) struct Questions {
    all_but_reloads: Sender<LinkLine>,
    reloads: Sender<LinkLine>,
}

impl Questions {
    /// Starts the threads, each with a desk of its own.
    ///
    /// # Errors
    /// The system gives no thread, or no descriptor.
    pub(super) fn start(
        desk: impl Fn() -> io::Result<AdminDesk>,
        link: &LinkQueue,
    ) -> io::Result<Self> {
        let start = |name: &str| {
            let (sender, questions) = unbounded();
            let (desk, link) = (desk()?, link.clone());
            spawn(name.to_owned(), move || answer_all(&questions, desk, &link))?;
            io::Result::Ok(sender)
        };
        Ok(Self { all_but_reloads: start("operators")?, reloads: start("reloads")? })
    }

    /// Questions that are taken here.
    #[cfg(test)]
    pub(super) fn pair() -> (Self, Receiver<LinkLine>) {
        let (sender, questions) = unbounded();
        (Self { all_but_reloads: sender.clone(), reloads: sender }, questions)
    }

    /// Whether a line is one.
    pub(super) fn is_one(line: &LinkLine) -> bool {
        line.words.first().is_some_and(|verb| verb == ASK || verb == RELOAD)
    }

    pub(super) fn push(&self, line: LinkLine) {
        let is_reload = line.words.first().is_some_and(|verb| verb == RELOAD);
        let thread = if is_reload { &self.reloads } else { &self.all_but_reloads };
        // The thread ends with this.
        let _ = thread.send(line);
    }
}

/// Answers one after the other.
fn answer_all(questions: &Receiver<LinkLine>, mut desk: AdminDesk, link: &LinkQueue) {
    for line in questions {
        let Some([_, number]) = line.words::<2>() else { continue };
        let answer = desk.answer(&line.content);
        let status = answer.status().number().to_string();
        let content = answer.body().map_or(&[][..], |body| body);
        link.push(&LinkLine::encode(&[ANSWER, number, &status], content));
        link.flush();
    }
}

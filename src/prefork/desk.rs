//! How a process answers what its parent asks for operators.

use std::io;

use crossbeam_channel::{Sender, unbounded};

use crate::admin::AdminDesk;
use crate::host::thread::spawn;
use crate::prefork::line::{ANSWER, ASK, LinkLine};
use crate::prefork::queue::LinkQueue;

/// Takes questions to the thread that answers them.
pub(super) struct Questions(Sender<LinkLine>);

impl Questions {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(mut desk: AdminDesk, link: LinkQueue) -> io::Result<Self> {
        let (sender, questions) = unbounded::<LinkLine>();
        spawn("operators".to_owned(), move || {
            for line in questions {
                let Some([ASK, number]) = line.words::<2>() else { continue };
                let answer = desk.answer(&line.content);
                let status = answer.status().number().to_string();
                let content = answer.body().map_or(&[][..], |body| body);
                link.push(&LinkLine::encode(&[ANSWER, number, &status], content));
                link.flush();
            }
        })?;
        Ok(Self(sender))
    }

    /// Questions that are taken here.
    #[cfg(test)]
    pub(super) fn pair() -> (Self, crossbeam_channel::Receiver<LinkLine>) {
        let (sender, questions) = unbounded();
        (Self(sender), questions)
    }

    /// Whether a line is one.
    pub(super) fn is_one(line: &LinkLine) -> bool {
        line.words.first().is_some_and(|verb| verb == ASK)
    }

    pub(super) fn push(&self, line: LinkLine) {
        // The thread ends with this.
        let _ = self.0.send(line);
    }
}

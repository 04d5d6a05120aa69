//! How a process answers what its parent asks for operators.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;

use crossbeam_channel::{Sender, unbounded};

use crate::admin::AdminDesk;
use crate::host::thread::spawn;
use crate::prefork::line::{ANSWER, ASK, LinkLine};

/// Takes questions to the thread that answers them.
pub(super) struct Questions(Sender<LinkLine>);

impl Questions {
    /// Starts the thread. It writes the answers to `link`, as fast as the parent reads.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(mut desk: AdminDesk, mut link: UnixStream) -> io::Result<Self> {
        let (sender, questions) = unbounded::<LinkLine>();
        spawn("operators".to_owned(), move || {
            for line in questions {
                let Some([ASK, number]) = line.words::<2>() else { continue };
                let answer = desk.answer(&line.content);
                let status = answer.status().number().to_string();
                let content = answer.body().map_or(&[][..], |body| body);
                // If it fails, the parent has gone, and this process stops.
                let _ = link.write_all(&LinkLine::encode(&[ANSWER, number, &status], content));
            }
        })?;
        Ok(Self(sender))
    }

    pub(super) fn push(&self, line: LinkLine) {
        // The thread ends with this.
        let _ = self.0.send(line);
    }
}

//! What passes over the links of a parent.

use std::io;

use mio::Token;

use crate::prefork::child::ServerProcess;
use crate::prefork::line::LinkLine;
use crate::prefork::link::ParentLink;
use crate::prefork::operators::Operators;
use crate::prefork::parent::{Parent, TARGET};
use crate::prefork::signals::SIGNALS_LEN;
use crate::sys::passing::ServerSignal;

impl Parent {
    /// Sends what waits for the processes.
    ///
    /// # Errors
    /// The error of the poll.
    pub(super) fn flush_links(&mut self) -> io::Result<()> {
        self.children.iter_mut().filter_map(ServerProcess::link).for_each(ParentLink::flush);
        // There may be space for them now, and nothing else may come that would bring them.
        self.exchange.tell_gaps(&mut self.children);
        let registry = self.poll.registry();
        for (number, child) in self.children.iter_mut().enumerate() {
            if let Some(link) = child.link() {
                link.flush_and_watch(registry, Token(SIGNALS_LEN + 2 * number + 1))?;
            }
        }
        Ok(())
    }

    /// Takes what a process has sent through its link, as much as a turn takes.
    pub(super) fn take_lines(&mut self, number: usize) {
        if self.take_some_lines(number) {
            self.unread.insert(number);
        }
    }

    /// Takes all that a process has sent that has exited: what the system holds of it.
    pub(super) fn take_last_lines(&mut self, number: usize) {
        while self.take_some_lines(number) {}
        self.unread.remove(&number);
    }

    /// Takes as many lines as a turn takes. Returns whether there may be more.
    fn take_some_lines(&mut self, number: usize) -> bool {
        let may_have_more = self.children[number].link().is_some_and(ParentLink::read);
        while let Some(line) = self.next_line(number) {
            match &mut self.operators {
                Some(operators) if Operators::is_answer(&line) => operators.answered(number, line),
                _ => self.exchange.take(number, &line, &mut self.children),
            }
        }
        may_have_more
    }

    /// The next line of a process. One that sends something else is killed.
    fn next_line(&mut self, number: usize) -> Option<LinkLine> {
        let child = &mut self.children[number];
        let Ok(line) = child.link()?.next() else {
            log::error!(target: TARGET, "process {number} is killed: it sends what is no line");
            child.signal(ServerSignal::Kill);
            return None;
        };
        line
    }
}

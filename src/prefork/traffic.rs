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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    use mio::unix::SourceFd;
    use mio::{Interest, Poll};

    use super::*;
    use crate::prefork::line::{GAP, LinkReader, PUB, SUB};
    use crate::prefork::parent::ParentPhase;
    use crate::prefork::plan::ParentPlan;
    use crate::prefork::signals::ParentSignals;

    /// The parent of two processes, and the other ends of their links. The second one has sockets
    /// of a topic.
    fn parent() -> (Parent, [UnixStream; 2]) {
        let poll = Poll::new().expect("there is one");
        let mut plan = ParentPlan::new(2);
        plan.listen(&["127.0.0.1:0".parse().expect("it is one")]);
        let mut parent =
            Parent::open_with(poll, ParentSignals::none(), plan, None).expect("it opens");
        parent.phase = ParentPhase::Running;
        let ends = [0, 1].map(|number| {
            let (mut process, end) = ServerProcess::linked(number);
            let descriptor = process.link().expect("it runs").descriptor();
            let token = Token(SIGNALS_LEN + 2 * number + 1);
            let mut source = SourceFd(&descriptor);
            let watched = parent.poll.registry().register(&mut source, token, Interest::READABLE);
            watched.expect("it is polled");
            parent.children[number] = process;
            end.set_nonblocking(true).expect("it is set");
            end
        });
        (&ends[1]).write_all(&LinkLine::encode(&[SUB, "/s", "t"], b"")).expect("there is space");
        parent.take_lines(1);
        (parent, ends)
    }

    /// All that the parent has for a process whose link was read so far, while nothing else comes.
    fn rest(parent: &mut Parent, end: &UnixStream) -> Vec<LinkLine> {
        let (mut reader, mut bytes) = (LinkReader::default(), [0; 16 << 10]);
        loop {
            parent.flush_links().expect("it is polled");
            match (&*end).read(&mut bytes) {
                Ok(len) => reader.push(&bytes[..len]),
                Err(_) => break,
            }
        }
        std::iter::from_fn(|| reader.next_line().expect("it is a line")).collect()
    }

    fn publish(end: &UnixStream, content: &[u8]) {
        let line = LinkLine::encode(&[PUB, "/s", "t", "TEXT"], content);
        (&*end).write_all(&line).expect("there is space");
    }

    fn end_all(mut parent: Parent) {
        parent.children.iter_mut().for_each(|child| _ = child.ended(Instant::now()));
    }

    #[test]
    fn a_gap_needs_no_message_behind_it() {
        let (mut parent, [one, two]) = parent();
        while !parent.exchange.has_gaps() {
            publish(&one, &[b'x'; 16 << 10]);
            parent.take_lines(0);
        }
        let mut verbs: Vec<_> =
            rest(&mut parent, &two).into_iter().map(|line| line.words[0].clone()).collect();
        assert_eq!(verbs.pop().as_deref(), Some(GAP), "it reads again");
        assert!(!verbs.is_empty() && verbs.iter().all(|verb| verb == PUB), "{verbs:?}");
        assert!(rest(&mut parent, &two).is_empty(), "once");
        end_all(parent);
    }

    #[test]
    fn the_last_lines_of_a_process_reach_the_others() {
        let (mut parent, [one, two]) = parent();
        let texts: Vec<_> = (0..20).map(|number| number.to_string()).collect();
        texts.iter().for_each(|text| publish(&one, text.as_bytes()));
        drop(one);
        parent.ended(0, Instant::now());
        let found = rest(&mut parent, &two).into_iter().map(|line| line.content);
        assert!(found.eq(texts.into_iter().map(String::into_bytes)), "all, in their order");
        end_all(parent);
    }
}

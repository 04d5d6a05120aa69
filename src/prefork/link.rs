//! `ParentLink`: the parent's end of the link to a child. Nothing here waits.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use crate::engine::Left;
use crate::prefork::line::{LinkFault, LinkLine, LinkReader};
use crate::prefork::unsent::UnsentLines;

/// Reads and writes lines. The child may be slow, or hang.
#[derive(Debug)]
pub(super) struct ParentLink {
    stream: UnixStream,
    reader: LinkReader,
    /// It has sent what is no line, and is not read any more.
    is_faulty: bool,
    /// What the system has not taken.
    unsent: UnsentLines,
    /// What the poll reports of it.
    interest: Interest,
}

impl ParentLink {
    /// For this end.
    ///
    /// # Errors
    /// The error of the system.
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            reader: LinkReader::default(),
            is_faulty: false,
            unsent: UnsentLines::default(),
            interest: Interest::READABLE,
        })
    }

    /// To be registered for what can be read.
    pub(super) fn descriptor(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    /// Sends what waits as [`flush`](Self::flush) does, and has the poll report what is to be
    /// waited for. The child makes space with each read: that alone wakes nobody.
    ///
    /// # Errors
    /// The error of the poll.
    pub(super) fn flush_and_watch(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.flush();
        let due = match self.unsent.is_empty() {
            true => Interest::READABLE,
            false => Interest::READABLE | Interest::WRITABLE,
        };
        if due != self.interest {
            registry.reregister(&mut SourceFd(&self.descriptor()), token, due)?;
            self.interest = due;
        }
        Ok(())
    }

    /// Queues a line for the next flush, unless the queue is full. Returns whether the line is
    /// queued.
    pub(super) fn send(&mut self, line: &[u8]) -> bool {
        if self.unsent.are_many() {
            self.flush();
        }
        let has_space = !self.unsent.is_full();
        if has_space {
            self.unsent.push(line);
        }
        has_space
    }

    /// Queues a line in any case.
    pub(super) fn push(&mut self, line: &[u8]) {
        self.unsent.push(line);
    }

    /// Sends what waits, as far as the system takes it.
    pub(super) fn flush(&mut self) {
        // If the child has gone, its exit comes.
        let _ = self.unsent.send(&self.stream);
    }

    /// Reads what has come, as much as a turn takes. Returns whether there may be more.
    pub(super) fn read(&mut self) -> bool {
        if self.is_faulty {
            return false;
        }
        let Self { reader, stream, .. } = self;
        (0..READS_MAX).all(|_| reader.read_from(stream) == Left::Unknown)
    }

    /// The next line that was read.
    ///
    /// # Errors
    /// The child has sent something else. There is no line after that, and no second error.
    pub(super) fn next(&mut self) -> Result<Option<LinkLine>, LinkFault> {
        if self.is_faulty {
            return Ok(None);
        }
        let line = self.reader.next_line();
        self.is_faulty = line.is_err();
        line
    }
}

const READS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::time::Duration;

    use mio::{Events, Poll};

    use super::*;

    #[test]
    fn the_poll_reports_space_only_while_something_waits_for_it() {
        let (stream, mut other) = UnixStream::pair().expect("there are descriptors");
        let mut link = ParentLink::new(stream).expect("it does not block");
        let (mut poll, mut events) = (Poll::new().expect("there is one"), Events::with_capacity(8));
        let registry = poll.registry().try_clone().expect("there are descriptors");
        let source = &mut SourceFd(&link.descriptor());
        registry.register(source, Token(7), Interest::READABLE).expect("it is polled");
        let flush = |link: &mut ParentLink| link.flush_and_watch(&registry, Token(7));
        let mut is_writable = |timeout| {
            poll.poll(&mut events, Some(timeout)).expect("it polls");
            events.iter().any(mio::event::Event::is_writable)
        };
        let line = LinkLine::encode(&["X"], &[b'x'; 1 << 10]);
        assert!(link.send(&line));
        flush(&mut link).expect("it is polled");
        assert!(!is_writable(Duration::ZERO));
        let mut bytes = vec![0; line.len()];
        other.read_exact(&mut bytes).expect("it comes");
        assert!(!is_writable(Duration::ZERO), "nothing waits");
        let mut len = 0;
        while link.send(&line) {
            len += line.len();
        }
        flush(&mut link).expect("it is polled");
        assert!(!is_writable(Duration::ZERO), "there is no space");
        let mut left = vec![0; len];
        let reader = std::thread::spawn(move || other.read_exact(&mut left));
        while !link.unsent.is_empty() {
            assert!(is_writable(DEADLINE), "there is space");
            flush(&mut link).expect("it is polled");
        }
        reader.join().expect("it does not panic").expect("all lines come");
    }

    const DEADLINE: Duration = Duration::from_secs(60);
}

//! `FromParent`: what comes over the link of a process. The loop reads it.

use std::io::Read;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::{Left, LoopSource};
use crate::hub::{Hub, SharedEvent};
use crate::prefork::desk::Questions;
use crate::prefork::line::{LinkFault, LinkReader};
use crate::prefork::publication::event_of;
use crate::time::Time;

/// Has the hub deliver what other processes share, and passes on what operators ask. While the loop
/// is busy elsewhere, it does not read: then the parent leaves out what does not fit.
#[derive(Debug)]
pub(super) struct FromParent {
    link: UnixStream,
    lines: ParentLines,
    /// Set before this end of the link is closed, if something came that is no line.
    has_fault: Arc<AtomicBool>,
}

/// What was read.
#[derive(Debug)]
struct ParentLines {
    reader: LinkReader,
    questions: Questions,
}

impl FromParent {
    /// For a link that does not block.
    pub(super) fn new(link: UnixStream, questions: Questions, has_fault: Arc<AtomicBool>) -> Self {
        let lines = ParentLines { reader: LinkReader::default(), questions };
        Self { link, lines, has_fault }
    }

    /// Reads as much as a turn takes. `apply` returns how many deliveries an event counts as.
    /// Returns whether there may be more.
    fn read(&mut self, left: &mut usize, apply: impl FnMut(SharedEvent) -> usize) -> Left {
        self.lines.read(&mut self.link, left, apply).unwrap_or_else(|LinkFault| {
            self.has_fault.store(true, Ordering::SeqCst);
            // The thread that waits for the end finds it.
            let _ = self.link.shutdown(Shutdown::Both);
            Left::Nothing
        })
    }
}

impl ParentLines {
    fn read(
        &mut self,
        link: &mut impl Read,
        left: &mut usize,
        mut apply: impl FnMut(SharedEvent) -> usize,
    ) -> Result<Left, LinkFault> {
        let mut in_link = Left::Unknown;
        for reads in 0..=READS_MAX {
            while *left > 0
                && let Some(line) = self.reader.next_line()?
            {
                if Questions::is_one(&line) {
                    self.questions.push(line);
                } else if let Some(event) = event_of(line) {
                    *left = left.saturating_sub(apply(event));
                }
            }
            if *left == 0 || reads == READS_MAX {
                break;
            }
            if in_link == Left::Nothing {
                return Ok(Left::Nothing);
            }
            in_link = self.reader.read_from(link);
        }
        Ok(Left::Unknown)
    }
}

impl LoopSource for FromParent {
    fn take(&mut self, hub: &mut Hub, left: &mut usize, now: Time) -> Left {
        self.read(left, |event| hub.apply_shared(event, now))
    }
}

/// A turn takes 256 KiB.
const READS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Duration;

    use super::*;
    use crate::prefork::line::{ASK, LinkLine};
    use crate::prefork::publication::publication;
    use crate::sys::passing;

    /// One end, and the source at the other, whose questions come here.
    fn source() -> (UnixStream, FromParent, crossbeam_channel::Receiver<LinkLine>) {
        let (other, link) = UnixStream::pair().expect("there are descriptors");
        link.set_nonblocking(true).expect("it does not block");
        let (questions, asked) = Questions::pair();
        (other, FromParent::new(link, questions, Arc::default()), asked)
    }

    const TURN_BYTES: usize = READS_MAX * (16 << 10);

    fn text(event: SharedEvent) -> String {
        match event {
            SharedEvent::Message { message, .. } => {
                String::from_utf8_lossy(message.as_bytes()).into_owned()
            }
            SharedEvent::Gap => "gap".to_owned(),
        }
    }

    #[test]
    fn a_turn_takes_some_of_what_comes_and_the_next_goes_on() {
        let (_other, mut source, asked) = source();
        let line = publication("/s", Some("t"), &"x".repeat(1_000).into());
        let all_len = 2 * TURN_BYTES / line.len() + 1;
        let mut bytes = line.repeat(all_len);
        bytes.extend(LinkLine::encode(&[ASK, "7"], b"GET /"));
        bytes.extend(publication("/s", None, &"last".into()));
        let (mut link, mut texts) = (&bytes[..], Vec::new());
        for (turn, left) in [Left::Unknown, Left::Unknown, Left::Nothing].into_iter().enumerate() {
            let found = source.lines.read(&mut link, &mut usize::MAX.clone(), |event| {
                texts.push(text(event));
                1
            });
            assert_eq!(found, Ok(left), "{turn}");
            assert_eq!(bytes.len() - link.len(), bytes.len().min((turn + 1) * TURN_BYTES));
        }
        assert_eq!(texts.len(), all_len + 1);
        assert_eq!(texts[all_len], "last");
        assert_eq!(asked.try_recv().expect("it has come").content, b"GET /");
    }

    #[test]
    fn a_turn_puts_no_more_into_outboxes_than_it_may() {
        let (_other, mut source, _asked) = source();
        let line = publication("/s", Some("t"), &"x".into());
        let bytes = line.repeat(20);
        let (mut link, mut applied) = (&bytes[..], 0);
        // Each line is for three sockets, so the last one of a turn may exceed its share.
        for expected in [4, 8, 12, 16, 20] {
            let found = source.lines.read(&mut link, &mut 10, |_| {
                applied += 1;
                3
            });
            assert_eq!((found, applied), (Ok(Left::Unknown), expected));
        }
        assert_eq!(source.lines.read(&mut link, &mut 10, |_| 1), Ok(Left::Nothing));
    }

    #[test]
    fn what_is_no_line_ends_the_link() {
        let (mut other, mut source, _asked) = source();
        other.write_all(b"GAP +0\n\nX\nGAP +0\n\n").expect("there is space");
        let mut events = Vec::new();
        let apply = |event| {
            events.push(text(event));
            1
        };
        assert_eq!(source.read(&mut 100, apply), Left::Nothing);
        assert_eq!(events, ["gap"]);
        assert!(source.has_fault.load(Ordering::SeqCst));
        other.set_read_timeout(Some(Duration::from_secs(60))).expect("it can be set");
        assert_eq!(other.read(&mut [0]).expect("it is over"), 0);
        passing::wait_for_end(&source.link).expect("it is waited for");
    }
}

//! `LinkQueue`: what a process sends to its parent. No call waits: what the system does not take is
//! left to a thread.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::host::thread::spawn;
use crate::prefork::line::{LinkLine, MISSED, SUB, UNSUB, to_word};
use crate::prefork::unsent::UnsentLines;
use crate::sys::passing;

/// Lines on their way to the parent. Clones are for the same link.
#[derive(Clone, Debug)]
pub(super) struct LinkQueue {
    end: Arc<LinkEnd>,
    /// Has the thread send what is left. It ends with the last of these.
    rest: Sender<()>,
}

/// This end of the link.
#[derive(Debug)]
struct LinkEnd {
    link: UnixStream,
    state: Mutex<LinkState>,
}

#[derive(Debug, Default)]
struct LinkState {
    unsent: UnsentLines,
    /// They wait for space behind what is unsent.
    topics: TopicChanges,
    /// Whether a line was left out behind what is unsent, and the parent does not know it.
    has_missed: bool,
    /// Whether the thread sends what is left: until then, nobody else need try.
    is_left: bool,
    /// The parent has gone.
    has_ended: bool,
}

impl LinkQueue {
    /// Starts the thread of a link that does not block.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(link: UnixStream) -> io::Result<Self> {
        let end = Arc::new(LinkEnd { link, state: Mutex::default() });
        let (rest, left) = bounded(1);
        let queue = Self { end: end.clone(), rest };
        spawn("to parent".to_owned(), move || send_rest(&end, &left))?;
        Ok(queue)
    }

    /// Queues a line in any case.
    pub(super) fn push(&self, line: &[u8]) {
        self.end.lock().unsent.push(line);
    }

    /// Queues a line, unless the queue is full: then the parent learns that a line is missing.
    pub(super) fn push_or_miss(&self, line: &[u8]) {
        if self.end.lock().unsent.are_many() {
            self.flush();
        }
        let mut state = self.end.lock();
        state.fill();
        if state.unsent.is_full() {
            state.has_missed = true;
        } else {
            state.unsent.push(line);
        }
    }

    /// A topic has sockets, or has none any more.
    pub(super) fn change_topic(&self, verb: TopicVerb, service: &str, topic: &str) {
        self.end.lock().topics.add(verb, service, topic);
    }

    /// Sends what is queued, as far as the system takes it.
    pub(super) fn flush(&self) {
        let mut state = self.end.lock();
        if !state.is_left {
            state.send(&self.end.link);
            state.is_left = !state.unsent.is_empty();
            if state.is_left {
                // The thread waits for it.
                let _ = self.rest.try_send(());
            }
        }
    }
}

/// Sends what is left, each time as soon as there is space.
fn send_rest(end: &LinkEnd, left: &Receiver<()>) {
    for () in left {
        let mut is_left = true;
        while is_left {
            if passing::wait_for_space(&end.link).is_err() {
                // The system lacks memory. It may have some again.
                thread::sleep(PAUSE);
            }
            let mut state = end.lock();
            state.send(&end.link);
            is_left = !state.unsent.is_empty();
            state.is_left = is_left;
        }
    }
}

impl LinkEnd {
    /// No code panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, LinkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LinkState {
    fn send(&mut self, link: impl Write + Copy) {
        loop {
            self.fill();
            self.has_ended |= self.unsent.send(link).is_err();
            if self.has_ended {
                (self.unsent, self.topics) = (UnsentLines::default(), TopicChanges::default());
                self.has_missed = false;
            }
            let has_more = self.has_missed || !self.topics.0.is_empty();
            if !self.unsent.is_empty() || !has_more {
                return;
            }
        }
    }

    /// Queues what waits for space.
    fn fill(&mut self) {
        if self.has_missed && !self.unsent.is_full() {
            self.has_missed = false;
            self.unsent.push(&LinkLine::encode(&[MISSED], b""));
        }
        while !self.unsent.is_full()
            && let Some(line) = self.topics.next()
        {
            self.unsent.push(&line);
        }
    }
}

/// What has changed with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TopicVerb {
    Subscribe,
    Unsubscribe,
}

/// Topics that have changed, by the words for service and topic, each with its first change and its
/// last. There are no more than the parent knows of and this process has, however many come and go
/// while the parent does not read.
#[derive(Debug, Default)]
struct TopicChanges(BTreeMap<String, [TopicVerb; 2]>);

impl TopicChanges {
    fn add(&mut self, verb: TopicVerb, service: &str, topic: &str) {
        match self.0.entry(format!("{} {}", to_word(service), to_word(topic))) {
            Entry::Vacant(entry) => _ = entry.insert([verb; 2]),
            // The parent has never known of it.
            Entry::Occupied(entry)
                if entry.get()[0] == TopicVerb::Subscribe && verb == TopicVerb::Unsubscribe =>
            {
                entry.remove();
            }
            Entry::Occupied(mut entry) => entry.get_mut()[1] = verb,
        }
    }

    /// The line for one of them, which is removed.
    fn next(&mut self) -> Option<Vec<u8>> {
        let (words, [_, last]) = self.0.pop_first()?;
        let verb = match last {
            TopicVerb::Subscribe => SUB,
            TopicVerb::Unsubscribe => UNSUB,
        };
        Some(LinkLine::encode(&[verb, &words], b""))
    }
}

/// Until space in a link is waited for again, where the system could not wait.
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io::Read;
    use std::time::Instant;

    use super::TopicVerb::{Subscribe, Unsubscribe};
    use super::*;
    use crate::prefork::line::{LinkReader, PUB};

    /// A queue, and the other end of its link.
    fn linked() -> (LinkQueue, UnixStream) {
        let (link, other) = UnixStream::pair().expect("there are descriptors");
        link.set_nonblocking(true).expect("it does not block");
        other.set_read_timeout(Some(DEADLINE)).expect("it can be set");
        (LinkQueue::start(link).expect("there are threads"), other)
    }

    /// A queue, and what reads the lines at the other end.
    fn queue() -> (LinkQueue, impl FnMut() -> LinkLine) {
        let (queue, mut other) = linked();
        let mut reader = LinkReader::default();
        let next = move || loop {
            if let Some(line) = reader.next_line().expect("they are lines") {
                return line;
            }
            let mut bytes = [0; 1 << 10];
            let len = other.read(&mut bytes).expect("it comes");
            assert!(len > 0, "the link ends");
            reader.push(&bytes[..len]);
        };
        (queue, next)
    }

    fn publish(queue: &LinkQueue, number: usize) {
        queue.push_or_miss(&LinkLine::encode(&[PUB, &number.to_string()], &[0; 500]));
    }

    /// Publishes until a line is left out. Returns how many were not.
    fn publish_until_missed(queue: &LinkQueue) -> usize {
        let has_missed = |_: &usize| {
            publish(queue, 0);
            queue.end.lock().has_missed
        };
        (0..).find(has_missed).expect("it is bounded")
    }

    #[test]
    fn the_lines_of_a_turn_leave_together() {
        let (queue, mut other) = linked();
        other.set_nonblocking(true).expect("it does not block");
        let mut bytes = [0; 1 << 10];
        queue.push_or_miss(b"A +0\n\n");
        queue.push_or_miss(b"B +0\n\n");
        assert!(other.read(&mut bytes).is_err(), "the turn goes on");
        queue.flush();
        let len = other.read(&mut bytes).expect("they have come");
        assert_eq!(&bytes[..len], b"A +0\n\nB +0\n\n");
    }

    #[test]
    fn what_is_left_out_is_missed_in_its_place() {
        let (queue, mut next) = queue();
        let words = |line: LinkLine| line.words.join(" ");
        for round in 0..3 {
            let len = publish_until_missed(&queue);
            assert!(round > 0 || len > 1_000, "{len}");
            queue.flush();
            for _ in 0..len {
                assert_eq!(words(next()), "PUB 0");
            }
            assert_eq!(words(next()), MISSED);
            publish(&queue, 1);
            queue.push(b"ANSWER +0\n\n");
            queue.flush();
            assert_eq!((words(next()), words(next())), ("PUB 1".to_owned(), "ANSWER".to_owned()));
        }
    }

    /// Takes all at once.
    #[derive(Clone, Copy)]
    struct Eager<'a>(&'a RefCell<Vec<u8>>);

    impl Write for Eager<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_missed_leaves_with_a_full_queue() {
        let (mut state, taken) = (LinkState::default(), RefCell::default());
        while !state.unsent.is_full() {
            state.unsent.push(b"PUB +0\n\n");
        }
        state.has_missed = true;
        state.send(Eager(&taken));
        assert!(taken.borrow().ends_with(b"PUB +0\n\nMISSED +0\n\n"));
    }

    #[test]
    fn what_follows_while_the_thread_sends_comes_behind_what_is_missed() {
        let (queue, mut next) = queue();
        queue.end.lock().has_missed = true;
        publish(&queue, 1);
        queue.flush();
        assert_eq!([next().words[0].clone(), next().words[0].clone()], [MISSED, PUB]);
    }

    #[test]
    fn topics_that_come_and_go_cost_nothing_while_nobody_reads() {
        let (queue, mut next) = queue();
        for topic in ["back", "goes"] {
            queue.change_topic(Subscribe, "/s", topic);
            queue.flush();
            assert_eq!(next().words, [SUB, "/s", topic]);
        }
        let len = publish_until_missed(&queue);
        let topics_len = || queue.end.lock().topics.0.len();
        queue.change_topic(Subscribe, "/s", "stays");
        for number in 0..10_000 {
            for topic in [&*format!("{number}"), "twice"] {
                queue.change_topic(Subscribe, "/s", topic);
                queue.flush();
                queue.change_topic(Unsubscribe, "/s", topic);
            }
            for (verb, topic) in [
                (Unsubscribe, "goes"),
                (Unsubscribe, "back"),
                (Subscribe, "goes"),
                (Subscribe, "back"),
            ] {
                queue.change_topic(verb, "/s", topic);
            }
            assert!(topics_len() <= 4, "{}", topics_len());
        }
        queue.change_topic(Unsubscribe, "/s", "goes");
        (0..len).for_each(|_| assert_eq!(next().words[0], PUB));
        assert_eq!(next().words, [MISSED]);
        assert_eq!(next().words, [SUB, "/s", "back"]);
        assert_eq!(next().words, [UNSUB, "/s", "goes"]);
        assert_eq!(next().words, [SUB, "/s", "stays"]);
        assert_eq!(topics_len(), 0);
    }

    #[test]
    fn a_parent_that_has_gone_costs_nothing() {
        let (queue, next) = queue();
        publish_until_missed(&queue);
        drop(next);
        // The thread finds it: the rest is left to that.
        let begun = Instant::now();
        while !queue.end.lock().has_ended {
            assert!(begun.elapsed() < DEADLINE, "nobody sends the rest");
            queue.flush();
        }
        queue.push_or_miss(b"X +0\n\n");
        queue.change_topic(Subscribe, "/s", "t");
        queue.flush();
        let state = queue.end.lock();
        assert!(state.unsent.is_empty() && state.topics.0.is_empty() && !state.is_left);
    }

    const DEADLINE: Duration = Duration::from_secs(60);
}

//! `Exchange`: passes what services share from one process to the others. A process that does not
//! read is skipped, and learns that something is missing once it reads again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Instant;

use crate::prefork::child::ServerProcess;
use crate::prefork::line::{GAP, LinkLine, MISSED, PUB, SUB, UNSUB};
use crate::prefork::publication::ALL;
use crate::prefork::unsent::UNSENT_BYTES_MAX;
use crate::service::line_limit::LineLimit;

/// Which process has subscribers of which topics, and what could not be passed on.
#[derive(Debug)]
pub(super) struct Exchange {
    /// The processes with sockets of a topic, by the words for service and topic.
    topics: BTreeMap<(String, String), BTreeSet<usize>>,
    /// The processes that have missed something, and have not got a gap for it.
    gaps: BTreeSet<usize>,
    counts: Vec<ExchangeCount>,
    limit: LineLimit,
}

/// The counters of one process.
#[derive(Clone, Copy, Debug, Default)]
struct ExchangeCount {
    published: u64,
    delivered: u64,
    skipped: u64,
    gaps: u64,
}

impl Exchange {
    pub(super) fn new(processes: usize) -> Self {
        let counts = vec![ExchangeCount::default(); processes];
        Self { topics: BTreeMap::new(), gaps: BTreeSet::new(), counts, limit: LineLimit::default() }
    }

    /// Takes a line of a process, if it is one of these.
    pub(super) fn take(&mut self, from: usize, line: &LinkLine, all: &mut [ServerProcess]) {
        let Some((verb, words)) = line.words.split_first() else { return };
        match (verb.as_str(), words) {
            (PUB, [service, topic, _]) => self.publish(from, service, topic, line, all),
            (SUB, [service, topic]) => {
                let key = (service.clone(), topic.clone());
                self.topics.entry(key).or_default().insert(from);
            }
            (UNSUB, [service, topic]) => self.end((service.clone(), topic.clone()), from),
            (MISSED, []) => {
                self.warn(format_args!(
                    "process {from} has shared more than waits for its parent ({} MiB), so the \
                     others miss messages; they get a gap",
                    UNSENT_BYTES_MAX >> 20
                ));
                let others = all.iter().map(|of| of.number).filter(|number| *number != from);
                self.gaps.extend(others);
                self.tell_gaps(all);
            }
            _ => {}
        }
    }

    /// A process has ended.
    pub(super) fn ended(&mut self, process: usize) {
        self.gaps.remove(&process);
        for key in self.topics.keys().cloned().collect::<Vec<_>>() {
            self.end(key, process);
        }
    }

    /// Sends the gaps that are due to processes that read again.
    pub(super) fn tell_gaps(&mut self, all: &mut [ServerProcess]) {
        for process in self.gaps.clone() {
            self.tell_gap(&mut all[process]);
        }
    }

    /// Sends a gap to a process that has missed something. Returns whether none is left to send.
    fn tell_gap(&mut self, process: &mut ServerProcess) -> bool {
        let number = process.number;
        if !self.gaps.contains(&number) {
            return true;
        }
        let is_sent = process.is_ready() && process.send(&LinkLine::encode(&[GAP], b""));
        if is_sent {
            self.gaps.remove(&number);
            self.counts[number].gaps += 1;
        }
        is_sent
    }

    /// Whether a process has missed something, and has not got a gap for it.
    #[cfg(test)]
    pub(super) fn has_gaps(&self) -> bool {
        !self.gaps.is_empty()
    }

    /// The counters for Prometheus.
    pub(super) fn metrics(&self) -> String {
        let mut text = String::new();
        for (name, help, of) in FAMILIES {
            text += &format!("# HELP {name} {help}\n# TYPE {name} counter\n");
            for (process, count) in self.counts.iter().enumerate() {
                text += &format!("{name}{{process=\"{process}\"}} {}\n", of(count));
            }
        }
        text
    }

    fn publish(
        &mut self,
        from: usize,
        service: &str,
        topic: &str,
        line: &LinkLine,
        all: &mut [ServerProcess],
    ) {
        self.counts[from].published += 1;
        let to: Vec<_> = match topic {
            ALL => all.iter().filter(|of| of.is_ready()).map(|of| of.number).collect(),
            _ => {
                let key = (service.to_owned(), topic.to_owned());
                self.topics.get(&key).into_iter().flatten().copied().collect()
            }
        };
        let words: Vec<_> = line.words.iter().map(String::as_str).collect();
        let bytes = LinkLine::encode(&words, &line.content);
        for process in to.into_iter().filter(|process| *process != from) {
            // The gap comes before what was sent after it.
            if self.tell_gap(&mut all[process]) && all[process].send(&bytes) {
                self.counts[process].delivered += 1;
            } else {
                self.skip(process);
            }
        }
    }

    /// A process misses a message. It has to learn that.
    fn skip(&mut self, process: usize) {
        self.counts[process].skipped += 1;
        let is_known = !self.gaps.insert(process);
        if !is_known {
            self.warn(format_args!(
                "process {process} does not read what others share, so it misses messages; it gets \
                 a gap when it reads again"
            ));
        }
    }

    fn warn(&mut self, text: fmt::Arguments<'_>) {
        self.limit.begin(Instant::now());
        if self.limit.admits() {
            log::warn!(target: TARGET, "{text}");
        }
    }

    fn end(&mut self, key: (String, String), process: usize) {
        if let Some(processes) = self.topics.get_mut(&key) {
            processes.remove(&process);
            if processes.is_empty() {
                self.topics.remove(&key);
            }
        }
    }
}

const TARGET: &str = "switchboard::server";

/// What each counter is called, and where it is.
type CountFamily = (&'static str, &'static str, fn(&ExchangeCount) -> u64);

const FAMILIES: [CountFamily; 4] = [
    ("switchboard_exchange_published_total", "Messages that a process has shared.", |of| {
        of.published
    }),
    ("switchboard_exchange_delivered_total", "Messages of others that a process got.", |of| {
        of.delivered
    }),
    ("switchboard_exchange_skipped_total", "Messages of others that a process missed.", |of| {
        of.skipped
    }),
    ("switchboard_exchange_gaps_total", "How often a process learned that it missed any.", |of| {
        of.gaps
    }),
];

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::prefork::line::LinkReader;

    /// The verbs of all lines that a process gets.
    fn read(process: &mut ServerProcess, link: &mut UnixStream) -> Vec<String> {
        let (mut reader, mut bytes) = (LinkReader::default(), [0; 16 << 10]);
        loop {
            process.link().expect("it runs").flush();
            match link.read(&mut bytes) {
                Ok(len) => reader.push(&bytes[..len]),
                Err(_) => break,
            }
        }
        let next = || reader.next_line().expect("it is a line");
        std::iter::from_fn(next).map(|line| line.words[0].clone()).collect()
    }

    #[test]
    fn a_gap_comes_before_what_is_sent_after_it() {
        let (mut exchange, (one, _link)) = (Exchange::new(2), ServerProcess::linked(0));
        let (two, mut link) = ServerProcess::linked(1);
        link.set_nonblocking(true).expect("it is set");
        let mut all = [one, two];
        let line = |words: &str, content: &[u8]| LinkLine {
            words: words.split(' ').map(str::to_owned).collect(),
            content: content.to_vec(),
        };
        exchange.take(1, &line(&format!("{SUB} /s t"), b""), &mut all);
        let message = line(&format!("{PUB} /s t text"), &[b'x'; 64 << 10]);
        while exchange.counts[1].skipped == 0 {
            exchange.take(0, &message, &mut all);
        }
        let delivered = read(&mut all[1], &mut link);
        assert!(delivered.iter().all(|verb| verb == PUB), "{delivered:?}");
        assert_eq!(delivered.len() as u64, exchange.counts[1].delivered);
        exchange.take(0, &message, &mut all);
        assert_eq!(read(&mut all[1], &mut link), [GAP, PUB]);
        exchange.tell_gaps(&mut all);
        assert!(read(&mut all[1], &mut link).is_empty(), "it has got its gap");
        all.iter_mut().for_each(|process| _ = process.ended(Instant::now()));
    }
}

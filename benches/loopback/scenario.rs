//! What is measured: the scenarios, and how one of them is run against a server.

use std::time::Duration;

use crate::arguments::Candidate;
use crate::load::{self, Contexts, Kind, Load, Measured, Messages, Tally, Target, Verify, WarmUp};
use crate::server::Server;

/// One kind of load.
pub struct Scenario {
    /// What it is called on the command line and in tables.
    pub name: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    sockets_len: usize,
    kind: Kind,
    payload_len: usize,
    work: Work,
    /// Whether messages are compressed, and how.
    contexts: Option<Contexts>,
}

/// What the sockets do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Echo {
        in_flight: usize,
    },
    FanOut,
    OpenLoop {
        per_second: u32,
    },
    Churn,
    Opening,
    Idle {
        used: Used,
        /// Sockets that are there before, and do not count.
        beside: usize,
    },
}

/// What becomes of idle sockets that have been used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// What it is called in tables.
    pub name: &'static str,
    /// What it is, behind the same of the unused ones.
    pub about: &'static str,
    /// How many messages each has sent.
    messages_len: usize,
}

/// How a scenario is run.
pub struct Manner {
    /// Before the window.
    pub warm_up: Duration,
    /// How long the window is.
    pub time: Duration,
    /// No scenario has more sockets.
    pub sockets_max: usize,
}

/// What one run came to.
pub enum Outcome {
    /// A load over some time.
    Timed(Measured),
    /// The memory of sockets that do nothing.
    Idle(load::Idle, Used),
}

/// All of them, in the order in which they are run.
pub const SCENARIOS: [Scenario; 27] = [
    scenario("E1", "echo, 100 sockets, 20 B text", 100, Kind::Ascii, 20, ONE),
    scenario("E2", "echo, 1 socket, 64 in flight, 20 B text", 1, Kind::Ascii, 20, BURST),
    scenario("E3", "echo, 100 sockets, 16 KiB binary", 100, Kind::Binary, 16 << 10, ONE),
    scenario("E3t", "echo, 100 sockets, 16 KiB Chinese text", 100, Kind::Characters, 16 << 10, ONE),
    scenario("E4", "echo, 4 sockets, 1 MiB binary", 4, Kind::Binary, 1 << 20, ONE),
    scenario("E6", "echo, 100 sockets, 200 B text", 100, Kind::Ascii, 200, ONE),
    scenario("E7", "echo, 100 sockets, 1 KiB text", 100, Kind::Ascii, 1 << 10, ONE),
    scenario("E8", "echo, 100 sockets, 4 KiB text", 100, Kind::Ascii, 4 << 10, ONE),
    scenario("E9", "echo, 100 sockets, 16 in flight, 20 B text", 100, Kind::Ascii, 20, SOME),
    scenario("S1", "echo, 1,000 sockets, 64 B text", 1_000, Kind::Ascii, 64, ONE),
    scenario("E5", "echo, 10,000 sockets, 64 B text", 10_000, Kind::Ascii, 64, ONE),
    scenario("S19", "echo, 19,000 sockets, 64 B text", 19_000, Kind::Ascii, 64, ONE),
    scenario("F1", "fan-out to 1,000 sockets, 64 B text", 1_000, Kind::Ascii, 64, Work::FanOut),
    scenario("F2", "fan-out to 10,000 sockets, 64 B text", 10_000, Kind::Ascii, 64, Work::FanOut),
    scenario("F19", "fan-out to 19,000 sockets, 64 B text", 19_000, Kind::Ascii, 64, Work::FanOut),
    scenario("C1", "50 at a time: upgrade, echo, close", 50, Kind::Ascii, 20, Work::Churn),
    scenario("O1", "opening 1,000 sockets, 64 at a time", 1_000, Kind::Ascii, 20, Work::Opening),
    scenario("L1", "10,000 messages/s by 100 sockets, 64 B text", 100, Kind::Ascii, 64, STEADY),
    scenario("I1", "10,000 idle sockets", 10_000, Kind::Ascii, 20, IDLE),
    scenario("I3", "1,000 idle sockets", 1_000, Kind::Ascii, 20, idle("I4", 0)),
    scenario("I5", "1,000 idle sockets beside a first one", 1_000, Kind::Ascii, 20, idle("I6", 1)),
    json("D1", "echo, 100 sockets, 1 KiB JSON", 100, ONE, Contexts::None),
    json("D2", "fan-out to 1,000 sockets, 1 KiB JSON", 1_000, Work::FanOut, Contexts::None),
    json("D3", "1,000 idle sockets beside a first one", 1_000, filled("D4"), Contexts::None),
    json("D5", "echo, 100 sockets, 1 KiB JSON, contexts", 100, ONE, Contexts::Kept),
    json(
        "D6",
        "fan-out to 1,000 sockets, 1 KiB JSON, contexts",
        1_000,
        Work::FanOut,
        Contexts::Kept,
    ),
    json(
        "D7",
        "1,000 idle sockets beside a first one, contexts",
        1_000,
        filled("D8"),
        Contexts::Kept,
    ),
];

const ONE: Work = Work::Echo { in_flight: 1 };
const SOME: Work = Work::Echo { in_flight: 16 };
const BURST: Work = Work::Echo { in_flight: 64 };
const IDLE: Work = idle("I2", 0);
const STEADY: Work = Work::OpenLoop { per_second: 10_000 };

const fn idle(name: &'static str, beside: usize) -> Work {
    Work::Idle { used: Used { name, about: "once used", messages_len: 1 }, beside }
}

/// Idle sockets, then with as much as they can refer to.
const fn filled(name: &'static str) -> Work {
    let used = Used { name, about: "after 40 messages each", messages_len: FILLING_LEN };
    Work::Idle { used, beside: 1 }
}

const fn scenario(
    name: &'static str,
    about: &'static str,
    sockets_len: usize,
    kind: Kind,
    payload_len: usize,
    work: Work,
) -> Scenario {
    Scenario { name, about, sockets_len, kind, payload_len, work, contexts: None }
}

/// With compressed messages of 1 KiB.
const fn json(
    name: &'static str,
    about: &'static str,
    sockets_len: usize,
    work: Work,
    contexts: Contexts,
) -> Scenario {
    let scenario = scenario(name, about, sockets_len, Kind::Json, 1 << 10, work);
    Scenario { contexts: Some(contexts), ..scenario }
}

impl Scenario {
    /// What its cost is measured in.
    pub fn unit(&self) -> &'static str {
        match self.work {
            Work::Echo { .. } | Work::OpenLoop { .. } => "µs/message",
            Work::FanOut => "µs/delivery",
            Work::Churn | Work::Opening => "µs/connection",
            Work::Idle { .. } => "bytes/socket",
        }
    }

    /// Whether its messages are compressed.
    pub fn is_compressed(&self) -> bool {
        self.contexts.is_some()
    }

    /// What `{contexts}` stands for in the command of a server.
    pub fn contexts_word(&self) -> &'static str {
        self.contexts.unwrap_or(Contexts::None).word()
    }

    /// The descriptors that a process needs for it.
    pub fn descriptors(&self, manner: &Manner) -> usize {
        self.sockets_len.min(manner.sockets_max) + DESCRIPTORS_BESIDE
    }

    /// Runs it, and ends the server.
    ///
    /// # Errors
    /// What the server did that it must not.
    pub fn run(
        &self,
        server: Server,
        candidate: &Candidate,
        manner: &Manner,
    ) -> Result<Outcome, String> {
        let burst_max = match self.work {
            Work::Echo { in_flight } => in_flight,
            Work::FanOut
            | Work::OpenLoop { .. }
            | Work::Churn
            | Work::Opening
            | Work::Idle { .. } => 1,
        };
        // The floor has no compression.
        let contexts = self.contexts.filter(|_| candidate.verify == Verify::Sample);
        let name = if self.work == Work::FanOut { "broadcast" } else { "echo" };
        let path = format!("{}/{name}", candidate.folder);
        let target = Target::new(server.address(), &path, candidate.transport.clone(), contexts);
        let messages =
            Messages::new(self.kind, self.payload_len, burst_max, candidate.verify, contexts);
        let mut load = Load::new(target, messages)?;
        let outcome = self.drive(&mut load, server.pid(), manner);
        // The side that ends a connection first keeps its port for a minute. That has to be the
        // server: we use thousands of ports, and the next run needs them.
        drop(server);
        outcome
    }

    fn drive(&self, load: &mut Load, pid: u32, manner: &Manner) -> Result<Outcome, String> {
        let sockets_len = self.sockets_len.min(manner.sockets_max);
        let each = if self.contexts == Some(Contexts::Kept) { FILLING_LEN } else { 0 };
        let warm_up = WarmUp { time: manner.warm_up, count: each * sockets_len };
        let mut tally = Tally::new(&[pid], warm_up, manner.time);
        match self.work {
            Work::Echo { in_flight } => load::echo(load, sockets_len, in_flight, &mut tally)?,
            Work::FanOut => load::fan_out(load, sockets_len, &mut tally)?,
            Work::OpenLoop { per_second } => {
                load::open_loop(load, sockets_len, per_second, &mut tally)?;
            }
            Work::Churn => load::churn(load, sockets_len, &mut tally)?,
            Work::Opening => {
                return load::opening(load, sockets_len, pid).map(Outcome::Timed);
            }
            Work::Idle { used, beside } => {
                let idle = load::idle(load, beside, sockets_len, used.messages_len, pid)?;
                return Ok(Outcome::Idle(idle, used));
            }
        }
        tally.finish().map(Outcome::Timed)
    }
}

/// So many messages of a KiB are more than the widest window, of 32 KiB.
const FILLING_LEN: usize = 40;

/// Standard streams, epoll, and what a runtime keeps open.
const DESCRIPTORS_BESIDE: usize = 100;

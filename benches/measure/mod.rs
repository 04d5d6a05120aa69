//! What the benchmarks share: rounds are timed, and their median and range are printed and, if
//! asked for, kept as data for the plots. What a round does is the affair of each benchmark.
#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};
use std::{env, fs};

use rustix::time::{ClockId, clock_gettime};

/// One benchmark: how it was called, and what it has measured.
pub struct Bench {
    name: &'static str,
    rate: Rate,
    effort: Effort,
    saves: bool,
    rows: String,
    printed: &'static str,
}

/// What is reported beside the time that one of them takes.
#[derive(Clone, Copy)]
pub enum Rate {
    /// How many events make a second.
    Events,
    /// How many bytes a second: `x` counts the bytes of one event.
    Bytes,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// As much as the numbers need.
    Full,
    /// Each case once, with small numbers, to see that it runs.
    Quick,
}

/// A point on a curve.
#[derive(Clone, Copy)]
pub struct At {
    /// The curves that belong together.
    pub group: &'static str,
    /// The curve.
    pub case: &'static str,
    /// What it is drawn over.
    pub x: usize,
}

/// A round: so many events in this time.
#[derive(Clone, Copy)]
pub struct Timed {
    pub took: Duration,
    pub events: usize,
}

impl Bench {
    /// Reads the arguments. Without the `--bench` that `cargo bench` gives, this is
    /// `cargo test`, which wants to know whether it runs and nothing else.
    pub fn new(name: &'static str, rate: Rate) -> Self {
        let mut bench = Self {
            name,
            rate,
            effort: Effort::Quick,
            saves: false,
            rows: String::new(),
            printed: "",
        };
        for argument in env::args().skip(1) {
            match argument.as_str() {
                "--bench" => bench.effort = Effort::Full,
                "--quick" | "--save" => {}
                other => panic!("{other} is no argument of this benchmark: --quick, --save"),
            }
        }
        if env::args().any(|argument| argument == "--quick") {
            bench.effort = Effort::Quick;
        }
        bench.saves = env::args().any(|argument| argument == "--save");
        println!("{name} ({})", machine());
        bench
    }

    pub const fn effort(&self) -> Effort {
        self.effort
    }

    /// Times rounds; the first one warms up and does not count.
    pub fn time(&mut self, at: At, mut round: impl FnMut() -> Timed) {
        let mut per_event = || {
            let Timed { took, events } = round();
            took.as_secs_f64() * 1e9 / events.max(1) as f64
        };
        if self.effort == Effort::Quick {
            let once = per_event();
            return self.keep(at, "ns", &mut [once]);
        }
        per_event();
        let (begin, mut samples) = (Instant::now(), Vec::new());
        while samples.len() < ROUNDS && (samples.len() < ROUNDS_MIN || begin.elapsed() < PATIENCE) {
            samples.push(per_event());
        }
        self.keep(at, "ns", &mut samples);
    }

    /// Times something so short that a round has to have many of it.
    pub fn time_each(&mut self, at: At, mut act: impl FnMut()) {
        let mut round = |events: usize| {
            let begin = cpu_time();
            (0..events).for_each(|_| act());
            Timed { took: cpu_time() - begin, events }
        };
        let mut events = 1;
        while self.effort == Effort::Full && round(events).took < ROUND {
            events *= 2;
        }
        self.time(at, || round(events));
    }

    /// Keeps what is counted and not timed.
    pub fn count(&mut self, at: At, unit: &str, count: f64) {
        self.keep(at, unit, &mut [count]);
    }

    /// Writes the data, if that was asked for.
    pub fn finish(self) {
        if self.saves {
            let path = format!("{}/benches/results/{}.csv", env!("CARGO_MANIFEST_DIR"), self.name);
            let text = format!("# {}\n{COLUMNS}\n{}", machine(), self.rows);
            fs::write(&path, text).unwrap_or_else(|error| panic!("{path}: {error}"));
        }
    }

    fn keep(&mut self, at: At, unit: &str, samples: &mut [f64]) {
        samples.sort_by(f64::total_cmp);
        let median = samples[samples.len() / 2];
        let (min, max) = (samples[0], samples[samples.len() - 1]);
        let At { group, case, x } = at;
        assert!(!format!("{group}{case}").contains(','), "names are columns of the data");
        let row = format!("{group},{case},{x},{unit},{median:.2},{min:.2},{max:.2}");
        writeln!(self.rows, "{row}").expect("a string takes all");
        if self.printed != group {
            println!("\n{group}");
            self.printed = group;
        }
        let rate = match (unit, self.rate) {
            ("ns", Rate::Events) => format!("{:>12.0} per s", 1e9 / median),
            ("ns", Rate::Bytes) => format!("{:>8.2} GB/s", x as f64 / median),
            _ => String::new(),
        };
        println!("  {case:34} {x:>9} {median:>13.1} {unit} ({min:.1} to {max:.1}) {rate}");
    }
}

/// What `act` costs, which is so many events.
pub fn timed(events: usize, act: impl FnOnce()) -> Timed {
    let begin = cpu_time();
    act();
    Timed { took: cpu_time() - begin, events }
}

/// How long this thread has had a processor. What others do on the machine meanwhile does not
/// count, but for the caches, which they share.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("this clock begins with the thread")
}

/// The machine in one line: what the numbers depend on.
pub fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let cache = |index| {
        let folder = "/sys/devices/system/cpu/cpu0/cache";
        read(&format!("{folder}/index{index}/size")).trim().to_owned()
    };
    let release = read("/proc/sys/kernel/osrelease");
    let linux = release.split(['-', '+']).next().unwrap_or_default().trim();
    let (model, l2, l3) = (model.unwrap_or("unknown CPU").trim(), cache(2), cache(3));
    format!("{model}; {cpus} CPUs; L2 {l2}; L3 {l3}; Linux {linux}")
}

const COLUMNS: &str = "group,case,x,unit,median,min,max";
/// The median and the range of so many rounds are reported.
const ROUNDS: usize = 11;
/// So many, if they take long.
const ROUNDS_MIN: usize = 5;
const PATIENCE: Duration = Duration::from_secs(2);
/// The least that a round takes, so that reading the clock does not count.
const ROUND: Duration = Duration::from_millis(2);

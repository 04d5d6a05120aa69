//! What one run comes to: messages and latencies within its window, and the processor time of the
//! server and of the generator between the window's ends.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::server::cpu_time;

/// Counts while the window is open, and nothing before it, when everything warms up.
pub struct Tally {
    pids: Vec<u32>,
    warm_up: WarmUp,
    length: Duration,
    window: Window,
    /// What has come before the window.
    warmed: usize,
    count: usize,
    bytes: usize,
    latencies: Vec<Duration>,
    delays: Vec<Duration>,
}

/// What comes before the window: so much time, and so many messages or deliveries.
pub struct WarmUp {
    /// At least so much time.
    pub time: Duration,
    /// At least so many of what is counted.
    pub count: usize,
}

/// What a run came to.
pub struct Measured {
    /// Messages, deliveries or connections.
    pub count: usize,
    /// How long the window was.
    pub time: Duration,
    /// What the server's processes used of a processor.
    pub server: Duration,
    /// What the generator used.
    pub generator: Duration,
    /// The median latency of those that were timed.
    pub p50: Duration,
    /// The latency that one in a hundred exceeds.
    pub p99: Duration,
    /// How much later than intended the generator sent, but for one message in a hundred.
    pub delay_p99: Duration,
    /// The bytes of frames that came for a message, where that is counted.
    pub answer_bytes: Option<f64>,
}

enum Window {
    /// The load has not begun.
    Unset,
    /// Opens then.
    Ahead(Instant),
    Open(Mark),
    Over {
        from: Mark,
        to: Mark,
    },
}

#[derive(Clone, Copy)]
struct Mark {
    at: Instant,
    server: Duration,
    generator: Duration,
}

impl Tally {
    /// A window of this length on the processes `pids`, which opens when the load has warmed up.
    pub fn new(pids: &[u32], warm_up: WarmUp, length: Duration) -> Self {
        Self {
            pids: pids.to_vec(),
            warm_up,
            length,
            window: Window::Unset,
            warmed: 0,
            count: 0,
            bytes: 0,
            latencies: Vec::with_capacity(SAMPLES_EXPECTED),
            delays: Vec::new(),
        }
    }

    /// To be called before each batch of events, from when the load begins. Returns false when the
    /// window is over.
    ///
    /// A window stays open until something was timed, on however slow a machine.
    ///
    /// # Errors
    /// When the server's process is gone, or nothing comes.
    pub fn goes_on(&mut self) -> Result<bool, String> {
        let now = Instant::now();
        match self.window {
            Window::Unset => self.window = Window::Ahead(now + self.warm_up.time),
            Window::Ahead(opens) if now >= opens && self.warmed >= self.warm_up.count => {
                self.window = Window::Open(self.mark()?);
            }
            Window::Open(from) if now >= from.at + self.length => {
                if !self.latencies.is_empty() {
                    self.window = Window::Over { from, to: self.mark()? };
                } else if now >= from.at + self.length + PATIENCE {
                    return Err(format!("nothing arrived within {PATIENCE:?}"));
                }
            }
            Window::Ahead(_) | Window::Open(_) | Window::Over { .. } => {}
        }
        Ok(!matches!(self.window, Window::Over { .. }))
    }

    /// Counts what has arrived, with the bytes of its frames.
    pub fn count(&mut self, len: usize, bytes: usize) {
        if self.is_open() {
            self.count += len;
            self.bytes += bytes;
        } else {
            self.warmed += len;
        }
    }

    /// Notes how long something took, or would have taken had it begun in time.
    pub fn latency(&mut self, latency: Duration) {
        if self.is_open() {
            self.latencies.push(latency);
        }
    }

    /// Notes by how much the generator was late.
    pub fn delay(&mut self, delay: Duration) {
        if self.is_open() {
            self.delays.push(delay);
        }
    }

    /// What it came to.
    ///
    /// # Errors
    /// When its window is not over.
    pub fn finish(mut self) -> Result<Measured, String> {
        let Window::Over { from, to } = self.window else {
            return Err("the run ended before its window was over".to_owned());
        };
        Ok(Measured {
            count: self.count,
            time: to.at - from.at,
            server: to.server.saturating_sub(from.server),
            generator: to.generator - from.generator,
            p50: percentile(&mut self.latencies, 50),
            p99: percentile(&mut self.latencies, 99),
            delay_p99: percentile(&mut self.delays, 99),
            answer_bytes: (self.bytes > 0 && self.count > 0)
                .then(|| self.bytes as f64 / self.count as f64),
        })
    }

    fn is_open(&self) -> bool {
        matches!(self.window, Window::Open(_))
    }

    fn mark(&self) -> Result<Mark, String> {
        let server = self.pids.iter().map(|pid| cpu_time(*pid)).sum::<Result<_, _>>()?;
        let own = clock_gettime(ClockId::ThreadCPUTime);
        let generator = Duration::try_from(own).expect("it is not negative");
        Ok(Mark { at: Instant::now(), server, generator })
    }
}

/// Measures the processes of a server while `work` is done, which is counted by the caller.
///
/// # Errors
/// Those of the work, or the server's process is gone.
pub fn measure(pid: u32, work: impl FnOnce() -> Result<(), String>) -> Result<Measured, String> {
    let warm_up = WarmUp { time: Duration::ZERO, count: 0 };
    let tally = Tally::new(&[pid], warm_up, Duration::ZERO);
    let from = tally.mark()?;
    work()?;
    let to = tally.mark()?;
    let tally = Tally { window: Window::Over { from, to }, ..tally };
    tally.finish()
}

/// The value that all but `100 - percent` in a hundred do not exceed, or zero of none.
fn percentile(values: &mut [Duration], percent: usize) -> Duration {
    values.sort_unstable();
    let index = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(index).copied().unwrap_or_default()
}

/// Capacity for these is allocated before the window opens.
const SAMPLES_EXPECTED: usize = 1 << 18;

/// Nothing for so much longer than the window was meant to be open is a fault.
const PATIENCE: Duration = Duration::from_secs(60);

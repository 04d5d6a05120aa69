//! `Setting`: how much is measured, and where; and the servers that are.

use std::fs;
use std::time::Duration;

use crate::load::{Kind, Load, Messages, Tally, Target, Transport, Verify, WarmUp, publish};
use crate::server::{Server, choose_processors, cpu_time, pin, raise_descriptor_limit};
use crate::support::folder::folder;

/// How much is measured, and where.
pub struct Setting {
    pub is_quick: bool,
    /// Each case is measured so often, in turn with the others.
    pub rounds: usize,
    /// All processes of servers run on this one; the generator has another one.
    processor: usize,
}

impl Setting {
    /// Reserves the processors.
    ///
    /// # Errors
    /// The system refuses.
    pub fn new(is_quick: bool) -> Result<Self, String> {
        let descriptors = raise_descriptor_limit()?;
        let [processor, generator] = choose_processors()?;
        pin(generator)?;
        if !is_quick && descriptors < DESCRIPTORS_MIN {
            return Err(format!(
                "{descriptors} descriptors are allowed: {DESCRIPTORS_MIN} are needed"
            ));
        }
        Ok(Self { is_quick, rounds: if is_quick { 1 } else { 9 }, processor })
    }

    /// Starts a server of this name with this configuration.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&self, name: &str, conf: &str) -> Result<Server, String> {
        let path = folder(name).join("conf");
        let error = |error| format!("{}: {error}", path.display());
        fs::write(&path, format!("{BASE}{conf}")).map_err(error)?;
        let words = [env!("CARGO_BIN_EXE_switchboard"), "--quiet", "--port", "{port}", "--config"];
        let mut words = words.map(str::to_owned).to_vec();
        words.push(path.display().to_string());
        Server::start(&words, "", self.processor)
    }

    /// A window of time on servers.
    pub fn tally(&self, servers: &[Server]) -> Tally {
        let [warm_up, time] = if self.is_quick { [10, 100] } else { [300, 1_000] };
        let warm_up = WarmUp { time: Duration::from_millis(warm_up), count: 0 };
        let pids: Vec<_> = servers.iter().map(Server::pid).collect();
        Tally::new(&pids, warm_up, Duration::from_millis(time))
    }

    /// Has the first socket publish `burst` messages at a time, after some that do not count, and
    /// returns the microseconds of each process and of those that it has started, for one message.
    ///
    /// # Errors
    /// What a server did that it must not.
    pub fn publish(
        &self,
        load: &mut Load,
        [bursts, burst]: [usize; 2],
        pids: &[u32],
    ) -> Result<Vec<f64>, String> {
        let bursts = if self.is_quick { 4 } else { bursts };
        publish(load, bursts.div_ceil(8), burst)?;
        let used = || pids.iter().map(|pid| cpu_time(*pid)).collect::<Result<Vec<_>, _>>();
        let before = used()?;
        publish(load, bursts, burst)?;
        let of_one = (bursts * burst) as f64;
        let spent = used()?.into_iter().zip(before).map(|(after, before)| after - before);
        Ok(spent.map(|time| time.as_secs_f64() * 1e6 / of_one).collect())
    }
}

/// A service of a server.
pub fn target(server: &Server, path: &str) -> Target {
    Target::new(server.address(), path, Transport::Plain, None)
}

/// A load without sockets, for messages of which `burst_max` are sent at once.
///
/// # Errors
/// The system refuses.
pub fn new_load(target: Target, burst_max: usize) -> Result<Load, String> {
    Load::new(target, Messages::new(Kind::Ascii, 64, burst_max, Verify::Sample, None))
}

/// The median, the least and the most of some figures.
pub fn spread(figures: &[f64]) -> [f64; 3] {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    [figures[figures.len() / 2], figures[0], figures[figures.len() - 1]]
}

/// A row of a table: the median of a figure, with the least and the most.
pub fn show(case: &str, figures: &[f64], unit: &str) {
    let [median, least, most] = spread(figures);
    println!("{case:<64} {median:>8.3} {unit:<14} ({least:.3} to {most:.3})");
}

/// Rounds that are not quick have so many sockets.
const DESCRIPTORS_MIN: usize = 10_200;

/// What each configuration begins with. Who is root counts sockets anyway.
const BASE: &str = "[server]\nlog-level: off\ndumpable: yes\n";

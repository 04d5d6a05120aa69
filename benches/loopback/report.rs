//! What the runs come to: a table for people, and two for programs.

use std::fmt::Write;
use std::time::Duration;

use crate::arguments::FLOOR_NAME;
use crate::load::Measured;
use crate::scenario::{Outcome, Scenario};

/// All runs so far.
#[derive(Default)]
pub struct Report {
    figures: Vec<Figure>,
    /// Round, scenario, server, and what was wrong.
    faults: Vec<[String; 4]>,
}

/// The difference between one run and the others.
pub struct Run<'a> {
    /// Counted from 1.
    pub round: usize,
    /// The load.
    pub scenario: &'a Scenario,
    /// The server's name.
    pub server: &'a str,
    /// How long a cache line took from one processor to the other.
    pub ping: Duration,
}

/// One figure of one run, and what belongs to it.
#[derive(Clone)]
struct Figure {
    round: usize,
    scenario: String,
    about: String,
    server: String,
    unit: &'static str,
    ping: Duration,
    /// Microseconds of the server's processor for a unit, or bytes of its memory.
    cost: f64,
    /// For memory there are none.
    rates: Option<Rates>,
}

#[derive(Clone, Copy)]
struct Rates {
    per_second: f64,
    p50: f64,
    p99: f64,
    server_percent: f64,
    generator_percent: f64,
    delay_p99: f64,
    /// The bytes of frames that came for a message.
    answer_bytes: Option<f64>,
}

/// The medians of one scenario and server.
struct Summary<'a> {
    first: &'a Figure,
    runs_len: usize,
    cost: f64,
    ratio: Option<Ratio>,
    rates: Option<Rates>,
    limit: &'static str,
}

/// A cost as a multiple of the floor's.
#[derive(Clone, Copy)]
struct Ratio {
    value: f64,
    /// Whether the floor was measured at the same distance of the processors.
    is_matched: bool,
}

impl Report {
    /// Adds the result of a run, and returns it in a line.
    pub fn add(&mut self, run: &Run, outcome: Result<Outcome, String>) -> String {
        let head = format!("round {} {:4} {:18}", run.round, run.scenario.name, run.server);
        let figures = match outcome {
            Ok(Outcome::Timed(measured)) => vec![timed(run, &measured)],
            Ok(Outcome::Idle(idle, used)) => {
                let Scenario { name, about, .. } = run.scenario;
                vec![
                    figure(run, name, (*about).to_owned(), "bytes/socket", idle.upgraded),
                    figure(
                        run,
                        used.name,
                        format!("{about}, {}", used.about),
                        "bytes/socket",
                        idle.echoed,
                    ),
                ]
            }
            Err(fault) => {
                let line = format!("{head} FAILED: {fault}");
                let [round, scenario] = [run.round.to_string(), run.scenario.name.to_owned()];
                self.faults.push([round, scenario, run.server.to_owned(), fault]);
                return line;
            }
        };
        let costs = figures.iter().map(|figure| format!("{:.3} {}", figure.cost, figure.unit));
        let line = format!("{head} {}", costs.collect::<Vec<_>>().join(", "));
        self.figures.extend(figures);
        line
    }

    /// How many runs failed.
    pub fn faults_len(&self) -> usize {
        self.faults.len()
    }

    /// The medians, as a table in Markdown.
    pub fn table(&self) -> String {
        let mut text = "\
| load | server | cost | × floor | per second | bytes \
| p50 µs | p99 µs | server | generator | limit |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---|
"
        .to_owned();
        for Summary { first, cost, ratio, rates, limit, .. } in self.summaries() {
            let Figure { scenario, about, server, unit, .. } = first;
            let ratio = ratio.map_or("–".to_owned(), |Ratio { value, is_matched }| {
                format!("{}{value:.2}", if is_matched { "" } else { "~" })
            });
            let cost = if rates.is_some() { format!("{cost:.3}") } else { format!("{cost:.0}") };
            write!(text, "| {scenario}: {about} | {server} | {cost} {unit} | {ratio} |")
                .expect("a string takes it");
            let rates = rates.map_or(" – | – | – | – | – | – |".to_owned(), |rates| {
                let Rates { per_second, p50, p99, server_percent, generator_percent, .. } = rates;
                let bytes = rates.answer_bytes.map_or("–".to_owned(), |len| format!("{len:.0}"));
                format!(
                    " {per_second:.0} | {bytes} | {p50:.0} | {p99:.0} | {server_percent:.0} % \
                     | {generator_percent:.0} % |"
                )
            });
            text += &format!("{rates} {limit} |\n");
        }
        text
    }

    /// The medians, for programs.
    pub fn medians(&self) -> String {
        let mut text =
            format!("scenario,about,server,unit,runs,cost,ratio,distance,{RATES},limit\n");
        for Summary { first, runs_len, cost, ratio, rates, limit } in self.summaries() {
            let Figure { scenario, about, server, unit, .. } = first;
            let ratio = ratio.map_or(",".to_owned(), |Ratio { value, is_matched }| {
                format!("{value:.3},{}", if is_matched { "same" } else { "any" })
            });
            text += &format!("{scenario},\"{about}\",\"{server}\",{unit},{runs_len},{cost:.3},");
            text += &format!("{ratio},{},{limit}\n", csv(rates));
        }
        text
    }

    /// Every run, for programs.
    pub fn runs(&self) -> String {
        let mut text = format!("round,scenario,server,unit,cost,{RATES},ping_ns,fault\n");
        for Figure { round, scenario, server, unit, cost, rates, ping, .. } in &self.figures {
            let [rates, ping] = [csv(*rates), ping.as_nanos().to_string()];
            text += &format!("{round},{scenario},\"{server}\",{unit},{cost:.3},{rates},{ping},\n");
        }
        for [round, scenario, server, fault] in &self.faults {
            let fault = fault.replace('"', "'");
            text += &format!("{round},{scenario},\"{server}\",,,,,,,,,,,\"{fault}\"\n");
        }
        text
    }

    /// One for each scenario and server, in the order of their first runs.
    fn summaries(&self) -> Vec<Summary<'_>> {
        let nearest = self.figures.iter().map(|figure| figure.ping).min().unwrap_or_default();
        let is_far = |figure: &Figure| figure.ping > FAR * nearest;
        let is_same = |one: &Figure, other: &Figure| {
            one.scenario == other.scenario && one.server == other.server
        };
        let mut summaries = Vec::new();
        for (index, first) in self.figures.iter().enumerate() {
            if self.figures[..index].iter().any(|figure| is_same(figure, first)) {
                continue;
            }
            let all = || self.figures.iter().filter(|figure| is_same(figure, first));
            // Each run is compared with the floor at the same distance of the processors, or, where
            // that never came about, with the floor at any.
            let ratio = |is_matched: bool| {
                let ratios = all().filter_map(|figure| {
                    let of_floor = |other: &&Figure| {
                        other.server == FLOOR_NAME
                            && other.scenario == figure.scenario
                            && (!is_matched || is_far(other) == is_far(figure))
                    };
                    let floor = self.figures.iter().filter(of_floor).map(|other| other.cost);
                    median(floor).map(|floor| figure.cost / floor)
                });
                median(ratios).map(|value| Ratio { value, is_matched })
            };
            let near: Vec<_> = all().filter(|figure| !is_far(figure)).collect();
            let kept = if near.is_empty() { all().collect() } else { near };
            let rates = median_rates(&kept);
            summaries.push(Summary {
                first,
                runs_len: all().count(),
                cost: median(kept.iter().map(|figure| figure.cost)).unwrap_or_default(),
                ratio: ratio(true).or_else(|| ratio(false)),
                rates,
                limit: rates.map_or("", limit),
            });
        }
        summaries
    }
}

fn figure(run: &Run, name: &str, about: String, unit: &'static str, cost: f64) -> Figure {
    Figure {
        round: run.round,
        scenario: name.to_owned(),
        about,
        server: run.server.to_owned(),
        unit,
        ping: run.ping,
        cost,
        rates: None,
    }
}

fn timed(run: &Run, measured: &Measured) -> Figure {
    let microseconds = |time: Duration| time.as_secs_f64() * 1e6;
    let count = measured.count as f64;
    let cost = microseconds(measured.server) / count;
    let time = measured.time.as_secs_f64();
    let rates = Rates {
        per_second: count / time,
        p50: microseconds(measured.p50),
        p99: microseconds(measured.p99),
        server_percent: 100.0 * measured.server.as_secs_f64() / time,
        generator_percent: 100.0 * measured.generator.as_secs_f64() / time,
        delay_p99: microseconds(measured.delay_p99),
        answer_bytes: measured.answer_bytes,
    };
    let Scenario { name, about, .. } = run.scenario;
    let figure = figure(run, name, (*about).to_owned(), run.scenario.unit(), cost);
    Figure { rates: Some(rates), ..figure }
}

/// What kept the rates from being higher. The cost of a message holds in any case, but a server
/// that waits for its generator wakes for fewer messages at a time.
fn limit(rates: Rates) -> &'static str {
    let is_busy = |percent: f64| percent > 90.0;
    if rates.delay_p99 > 0.0 {
        // In an open loop the generator never sleeps, but it may have been late.
        return if rates.delay_p99 > rates.p50 { "the generator was late" } else { "" };
    }
    match (is_busy(rates.server_percent), is_busy(rates.generator_percent)) {
        (true, false) => "",
        (true, true) => "both were busy",
        (false, true) => "the generator was the limit",
        (false, false) => "neither was busy",
    }
}

fn median_rates(figures: &[&Figure]) -> Option<Rates> {
    let of = |part: fn(&Rates) -> f64| {
        median(figures.iter().filter_map(|figure| figure.rates.as_ref()).map(part))
    };
    Some(Rates {
        per_second: of(|rates| rates.per_second)?,
        p50: of(|rates| rates.p50)?,
        p99: of(|rates| rates.p99)?,
        server_percent: of(|rates| rates.server_percent)?,
        generator_percent: of(|rates| rates.generator_percent)?,
        delay_p99: of(|rates| rates.delay_p99)?,
        answer_bytes: median(figures.iter().filter_map(|figure| figure.rates?.answer_bytes)),
    })
}

fn csv(rates: Option<Rates>) -> String {
    rates.map_or(",,,,,,".to_owned(), |rates| {
        let Rates { per_second, p50, p99, server_percent, generator_percent, delay_p99, .. } =
            rates;
        let bytes = rates.answer_bytes.map_or(String::new(), |len| format!("{len:.1}"));
        format!(
            "{per_second:.0},{p50:.1},{p99:.1},{server_percent:.1},{generator_percent:.1},\
             {delay_p99:.1},{bytes}"
        )
    })
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    let is_even = values.len().is_multiple_of(2);
    Some(if is_even { f64::midpoint(values[middle - 1], upper) } else { upper })
}

/// Processors are far apart at so many times the shortest distance that was seen.
pub const FAR: u32 = 2;

/// The columns that `csv` fills.
const RATES: &str =
    "per_second,p50_us,p99_us,server_percent,generator_percent,delay_p99_us,answer_bytes";

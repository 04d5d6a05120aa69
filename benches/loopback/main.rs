//! Measures servers over loopback: what a message costs a server in processor time, how many pass,
//! and how long they take. `benches/README.md` says how to read it.
//!
//! In reading order: `arguments`, `scenario`, `server` (the process that is measured), `floor`
//! (what nothing can be below), `load` (the generator), `probe` (how far apart the processors
//! are), `report`.

mod arguments;
mod floor;
mod load;
mod probe;
mod report;
mod scenario;
mod server;

use std::env;
use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use arguments::{Candidate, FLOOR, Plan};
use report::{Report, Run};
use scenario::{Outcome, Scenario};
use server::{LAUNCH, Server, choose_processors, raise_descriptor_limit};

fn main() -> ExitCode {
    let words: Vec<_> = env::args().collect();
    let outcome = match words.get(1).map(String::as_str) {
        Some(FLOOR) => serve_floor(&words[2..]),
        Some(LAUNCH) => server::launch(&words[2..]),
        _ => Plan::parse(words.iter().skip(1).cloned()).and_then(|plan| measure(&plan)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("loopback: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve_floor(words: &[String]) -> Result<(), String> {
    let port = words.first().and_then(|word| word.parse().ok());
    floor::serve(port.ok_or("the floor takes a port")?).map_err(|error| error.to_string())
}

/// Runs every pair of a server and a scenario, the servers in turn, so that whatever else happens
/// on the machine happens to all of them.
fn measure(plan: &Plan) -> Result<(), String> {
    let descriptors = raise_descriptor_limit()?;
    let processors = plan.processors.map_or_else(choose_processors, Ok)?;
    server::pin(processors[1])?;
    let mut report = Report::default();
    for round in 0..plan.rounds {
        for &scenario in &plan.scenarios {
            if scenario.descriptors(&plan.manner) > descriptors {
                eprintln!("{}: skipped: {descriptors} descriptors are allowed", scenario.name);
                continue;
            }
            // Another one goes first in each round.
            for turn in 0..plan.servers.len() {
                let candidate = &plan.servers[(turn + round) % plan.servers.len()];
                let (ping, outcome) = run(candidate, scenario, plan, processors);
                let run = Run { round: round + 1, scenario, server: &candidate.name, ping };
                eprintln!("{}", report.add(&run, outcome));
            }
        }
    }
    println!("{}", report.table());
    if let Some(out) = &plan.out {
        fs::write(format!("{out}-runs.csv"), report.runs())
            .and_then(|()| fs::write(format!("{out}-medians.csv"), report.medians()))
            .map_err(|error| format!("{out}: {error}"))?;
    }
    match report.faults_len() {
        0 => Ok(()),
        len => Err(format!("{len} runs failed, see above")),
    }
}

/// One run, between two looks at the processors; once more if they moved meanwhile.
fn run(
    candidate: &Candidate,
    scenario: &Scenario,
    plan: &Plan,
    processors: [usize; 2],
) -> (Duration, Result<Outcome, String>) {
    let look = || {
        let [server, generator] = processors;
        if server == generator { Duration::ZERO } else { probe::probe(server, generator) }
    };
    let attempt = || {
        let before = look();
        let outcome = Server::start(&candidate.command, scenario.contexts_word(), processors[0])
            .and_then(|server| scenario.run(server, candidate, &plan.manner));
        (before, outcome, look())
    };
    let (mut before, mut outcome, mut after) = attempt();
    if before.max(after) > report::FAR * before.min(after) && outcome.is_ok() {
        (before, outcome, after) = attempt();
    }
    (before.max(after), outcome)
}

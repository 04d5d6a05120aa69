//! The command line of the benchmark.

use std::time::Duration;

use crate::load::{Transport, Verify};
use crate::scenario::{Manner, SCENARIOS, Scenario};
use crate::server::OWN_PROGRAM;

/// What is measured, and how.
pub struct Plan {
    /// Servers, the floor first.
    pub servers: Vec<Candidate>,
    /// Kinds of load.
    pub scenarios: Vec<&'static Scenario>,
    /// How often each pair of them is run.
    pub rounds: usize,
    /// How each is run.
    pub manner: Manner,
    /// Where the server runs, and where the generator.
    pub processors: Option<[usize; 2]>,
    /// The beginning of the paths of files with the figures.
    pub out: Option<String>,
}

/// A server to measure.
pub struct Candidate {
    /// What it is called in tables.
    pub name: String,
    /// What its services are called below: `/echo` and `/broadcast` stand behind it.
    pub folder: String,
    /// How it is started.
    pub command: Vec<String>,
    /// Whether it returns payloads, and so can be asked to compress them.
    pub verify: Verify,
    /// How it is spoken to.
    pub transport: Transport,
}

impl Plan {
    /// Reads the command line.
    ///
    /// # Errors
    /// What is wrong with it, and what is right.
    pub fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let floor = [OWN_PROGRAM, FLOOR, "{port}"].map(str::to_owned).to_vec();
        let floor = Candidate {
            name: FLOOR_NAME.to_owned(),
            folder: String::new(),
            command: floor,
            verify: Verify::Headers,
            transport: Transport::Plain,
        };
        let mut plan = Self {
            servers: vec![floor],
            scenarios: SCENARIOS.iter().filter(|scenario| !scenario.is_compressed()).collect(),
            rounds: 3,
            manner: Manner {
                warm_up: Duration::from_millis(300),
                time: Duration::from_secs(1),
                sockets_max: usize::MAX,
            },
            processors: None,
            out: None,
        };
        // `cargo bench` says `--bench` to any benchmark, and `cargo test`, which does not, only
        // wants to see that it works.
        let (switches, words): (Vec<_>, Vec<_>) =
            words.partition(|word| matches!(word.as_str(), "--bench" | "--quick" | "--tls"));
        let is_bench = switches.iter().any(|word| word == "--bench");
        if switches.iter().any(|word| word == "--quick") || !is_bench {
            plan.rounds = 1;
            plan.manner = QUICK;
        }
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let value = words.next().ok_or_else(|| usage(&word))?;
            plan.set(&word, &value).ok_or_else(|| usage(&format!("{word} {value}")))?;
        }
        if plan.servers.len() == 1 {
            plan.servers.push(candidate(OURS));
        }
        if switches.iter().any(|word| word == "--tls") {
            let transport = tls()?;
            for server in &mut plan.servers[1..] {
                server.transport = transport.clone();
            }
        }
        Ok(plan)
    }

    fn set(&mut self, flag: &str, value: &str) -> Option<()> {
        match flag {
            "--scenarios" => self.scenarios = value.split(',').map(find).collect::<Option<_>>()?,
            "--rounds" => self.rounds = value.parse().ok().filter(|&rounds| rounds > 0)?,
            "--seconds" => {
                self.manner.time = Duration::try_from_secs_f64(value.parse().ok()?).ok()?;
            }
            "--server" if value.contains('=') => self.servers.push(candidate(value)),
            "--processors" => {
                let (server, generator) = value.split_once(',')?;
                self.processors = Some([server.parse().ok()?, generator.parse().ok()?]);
            }
            "--out" => self.out = Some(value.to_owned()),
            _ => return None,
        }
        Some(())
    }
}

#[cfg(feature = "tls")]
fn tls() -> Result<Transport, String> {
    crate::load::Tls::new().map(Transport::Tls)
}

#[cfg(not(feature = "tls"))]
fn tls() -> Result<Transport, String> {
    Err("--tls needs a build with --features tls".to_owned())
}

fn find(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|scenario| scenario.name == name)
}

/// A server as it stands on the command line: `NAME=COMMAND` or `NAME@FOLDER=COMMAND`, the command
/// cut at its blanks.
fn candidate(text: &str) -> Candidate {
    let (name, command) = text.split_once('=').unwrap_or((text, text));
    let (name, folder) = name.split_once('@').unwrap_or((name, ""));
    let binary = env!("CARGO_BIN_EXE_switchboard");
    let words = command.split_whitespace().map(|word| word.replace("{switchboard}", binary));
    Candidate {
        name: name.to_owned(),
        folder: folder.to_owned(),
        command: words.collect(),
        verify: Verify::Sample,
        transport: Transport::Plain,
    }
}

fn usage(found: &str) -> String {
    let mut text = format!("found {found}, which is none of these:\n{USAGE}\nThe scenarios are:\n");
    for scenario in &SCENARIOS {
        text += &format!("  {:5} {}\n", scenario.name, scenario.about);
    }
    text
}

/// The word that makes this program the floor.
pub const FLOOR: &str = "--floor";

/// What the floor is called in tables.
pub const FLOOR_NAME: &str = "floor";

const OURS: &str = "ours={switchboard} --quiet --port {port}";

/// Whether all of it runs, in seconds, and nothing about how fast.
const QUICK: Manner = Manner {
    warm_up: Duration::from_millis(20),
    time: Duration::from_millis(200),
    sockets_max: 1_000,
};

const USAGE: &str = "\
  --quick                 a run of each within seconds, of 1,000 sockets at most: does it work?
  --scenarios E1,E2       only these; without it, all but the compressed ones
  --rounds N              how often each pair of server and scenario is run: 3
  --seconds S             how long each run is measured: 1
  --server NAME=COMMAND   instead of our own server this one, or these; {port} stands for the
                          port, {switchboard} for our own binary; with NAME@FOLDER the services
                          are FOLDER/echo and FOLDER/broadcast, and {contexts} stands for what
                          is agreed on about compression: kept, or none
  --tls                   over TLS, but for the floor, which has none; needs --features tls
  --processors A,B        the server runs on A, the generator on B
  --out PATH              writes PATH-runs.csv and PATH-medians.csv
";

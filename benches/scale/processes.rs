//! Several processes of one server.

use std::fs;

use crate::load;
use crate::setting::{Setting, new_load, show, target};
use crate::support::process::children;

/// What a message costs all processes together, as a multiple of what it costs one, and for echoes
/// of what it costs as many servers that have nothing to do with each other.
///
/// # Errors
/// What a server did that it must not.
pub fn messages(setting: &Setting) -> Result<(), String> {
    for (name, sockets_len, kind) in LOADS {
        let cases: &[_] = if kind == LoadKind::FanOut { &CASES[..3] } else { &CASES };
        let mut costs = vec![Vec::new(); cases.len()];
        for round in 0..setting.rounds {
            // Another one goes first in each round.
            for turn in 0..cases.len() {
                let case = (turn + round) % cases.len();
                costs[case].push(cost(setting, cases[case], sockets_len, kind)?);
            }
        }
        let to = |one: usize, other: usize| -> Vec<_> {
            costs[one].iter().zip(&costs[other]).map(|(one, other)| one / other).collect()
        };
        for (case, [servers, processes]) in cases.iter().enumerate() {
            let name = format!("{name}, servers: {servers}, processes of each: {processes}");
            show(&name, &costs[case], "us");
            if case > 0 {
                show("  to one", &to(case, 0), "times");
            }
            if *servers > 1 {
                show("  as many processes of one server to these", &to(case - 2, case), "times");
            }
        }
    }
    Ok(())
}

/// Microseconds for a message, or for each socket that a message reaches.
fn cost(
    setting: &Setting,
    [servers_len, processes]: [usize; 2],
    sockets_len: usize,
    kind: LoadKind,
) -> Result<f64, String> {
    let thread = if kind == LoadKind::LoopEcho { "loop" } else { "own" };
    let conf = conf(processes, "all") + &format!("[service /echo]\nthread: {thread}\n");
    let started = (0..servers_len).map(|at| setting.start(&format!("messages-{at}"), &conf));
    let servers = started.collect::<Result<Vec<_>, _>>()?;
    let mut tally = setting.tally(&servers);
    let path = if kind == LoadKind::FanOut { "/broadcast" } else { "/echo" };
    let mut load = new_load(target(&servers[0], path), 1)?;
    match kind {
        LoadKind::Echo | LoadKind::LoopEcho => {
            for (at, server) in servers.iter().enumerate() {
                load.aim(target(server, path));
                load.open((at + 1) * processes * sockets_len)?;
            }
            let sockets_len = servers_len * processes * sockets_len;
            load::echo(&mut load, sockets_len, 1, &mut tally)?;
        }
        LoadKind::FanOut => load::fan_out(&mut load, sockets_len, &mut tally)?,
    }
    let measured = tally.finish()?;
    Ok(measured.server.as_secs_f64() * 1e6 / measured.count as f64)
}

/// By how much the share of a process is above or below the even one, of so many sockets.
///
/// # Errors
/// What a server did that it must not.
pub fn shares(setting: &Setting) -> Result<(), String> {
    let counts: &[usize] = if setting.is_quick { &[200] } else { &[1_000, 3_000, 10_000] };
    for processes in [2, 4] {
        for &sockets_len in counts {
            let mut worst = Vec::new();
            for _ in 0..setting.rounds {
                let server = setting.start("shares", &conf(processes, "none"))?;
                let mut load = new_load(target(&server, "/echo"), 1)?;
                // The first ones see to it that all processes serve.
                load.open(1)?;
                let pids = children(&server.pid().to_string());
                let before = sockets(&pids)?;
                load.open(1 + sockets_len)?;
                let even = sockets_len as f64 / processes as f64;
                let shares = sockets(&pids)?.into_iter().zip(before);
                let off =
                    shares.map(|(after, before)| ((after - before) as f64 / even - 1.0).abs());
                worst.push(100.0 * off.fold(0.0, f64::max));
            }
            let case = format!("shares of {sockets_len} sockets, processes: {processes}, at most");
            show(&case, &worst, "% off");
        }
    }
    Ok(())
}

/// How many sockets each of these processes has.
fn sockets(pids: &[String]) -> Result<Vec<usize>, String> {
    let of = |pid: &String| {
        let entries = fs::read_dir(format!("/proc/{pid}/fd")).map_err(|error| error.to_string())?;
        let links = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
        Ok(links.filter(|link| link.to_string_lossy().starts_with("socket:")).count())
    };
    pids.iter().map(of).collect()
}

/// What the way to one more process adds to a message for all sockets.
///
/// # Errors
/// What a server did that it must not.
pub fn exchange(setting: &Setting) -> Result<(), String> {
    for (name, bursts) in BURSTS {
        let mut costs = COUNTS.map(|_| Vec::new());
        for round in 0..setting.rounds {
            for turn in 0..COUNTS.len() {
                let case = (turn + round) % COUNTS.len();
                let server = setting.start("exchange", &conf(COUNTS[case], "all"))?;
                let mut load = new_load(target(&server, "/broadcast"), bursts[1])?;
                load.open(FEW)?;
                costs[case].extend(setting.publish(&mut load, bursts, &[server.pid()])?);
            }
        }
        show(&format!("{name}, one process"), &costs[0], "us");
        for (case, processes) in COUNTS.iter().enumerate().skip(1) {
            let of_one = costs[case].iter().zip(&costs[0]);
            let added = of_one.map(|(cost, one)| (cost - one) / (processes - 1) as f64);
            let case = format!("{name}, processes: {processes}, each other process adds");
            show(&case, &added.collect::<Vec<_>>(), "us");
        }
    }
    Ok(())
}

fn conf(processes: usize, share: &str) -> String {
    format!("processes: {processes}\n[service /broadcast]\nshare: {share}\n")
}

/// Echoes have so many sockets for each process: what a turn costs beside its messages is then that
/// of as many messages. Else each of several processes that share one processor would have shorter
/// turns than one process alone.
const LOADS: [(&str, usize, LoadKind); 3] = [
    ("E1: echo, 100 sockets for each", 100, LoadKind::Echo),
    ("E1 on the loop, 100 sockets for each", 100, LoadKind::LoopEcho),
    ("F1: fan-out to 1,000 sockets", 1_000, LoadKind::FanOut),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum LoadKind {
    Echo,
    LoopEcho,
    FanOut,
}

/// Servers, and the processes of each.
const CASES: [[usize; 2]; 5] = [[1, 1], [1, 2], [1, 4], [2, 1], [4, 1]];

const COUNTS: [usize; 3] = [1, 2, 4];

/// How many bursts, of how many messages.
pub const BURSTS: [(&str, [usize; 2]); 2] =
    [("messages alone", [4_000, 1]), ("64 together", [400, 64])];

/// So few sockets that the way to them is most of what a message costs, and so many that each
/// process has one.
const FEW: usize = 32;

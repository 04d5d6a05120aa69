//! One answer of all processes for an operator.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::prefork::child::ServerProcess;
use crate::ws::{Response, Status};

/// What a process has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProcessAnswer {
    pub(super) status: u16,
    pub(super) content: Vec<u8>,
}

impl ProcessAnswer {
    pub(super) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.content)
    }
}

/// The state of each process; `null` for one that does not run.
pub(super) fn status(answers: &BTreeMap<usize, ProcessAnswer>, processes: usize) -> Response {
    let state = |process| {
        let answer = answers.get(&process).filter(|answer| answer.status == 200);
        answer.map_or_else(|| "null".to_owned(), |answer| answer.text().trim_end().to_owned())
    };
    let states: Vec<_> = (0..processes).map(state).collect();
    let (version, pid) = (env!("CARGO_PKG_VERSION"), std::process::id());
    let states = states.join(",");
    let text = format!("{{\"version\":\"{version}\",\"pid\":{pid},\"processes\":[{states}]}}\n");
    Response::new(Status::OK, "application/json", text.into_bytes())
}

/// 200 with the text `good` if each process has answered with 200. Otherwise 503 with the reasons
/// of the others, each with its process.
pub(super) fn all_well(
    answers: &BTreeMap<usize, ProcessAnswer>,
    processes: usize,
    good: &str,
) -> Response {
    let mut reasons = Vec::new();
    for process in 0..processes {
        match answers.get(&process) {
            Some(answer) if answer.status == 200 => {}
            Some(answer) => {
                let each = answer.text();
                reasons.extend(each.lines().map(|line| format!("process {process}: {line}")));
            }
            None => reasons.push(format!("process {process} does not run, or hangs")),
        }
    }
    match reasons.is_empty() {
        true => Response::text(Status::OK, good),
        false => Response::text(Status::UNAVAILABLE, &reasons.join("\n")),
    }
}

/// 200 if each process that runs has answered with 200. Otherwise 503 with each that has not. One
/// that has ended is started again.
pub(super) fn health(answers: &BTreeMap<usize, ProcessAnswer>, unanswered: &[usize]) -> Response {
    let hangs = |process| format!("process {process} hangs");
    let is_ill = |(_, answer): &(_, &ProcessAnswer)| answer.status != 200;
    let mut reasons: Vec<_> = unanswered.iter().map(hangs).collect();
    reasons.extend(answers.iter().filter(is_ill).map(named));
    match reasons.is_empty() {
        true if answers.is_empty() => Response::text(Status::UNAVAILABLE, "no process runs"),
        true => Response::text(Status::OK, "ok"),
        false => Response::text(Status::UNAVAILABLE, &reasons.join("\n")),
    }
}

/// An answer, with its process.
fn named((process, answer): (&usize, &ProcessAnswer)) -> String {
    format!("process {process}: {}", answer.text().trim_end())
}

/// How many sockets of all processes it concerns. A program is known where it has sockets. 503 if
/// a process has not answered, or could not be asked.
pub(super) fn sockets(answers: &BTreeMap<usize, ProcessAnswer>, unanswered: &[usize]) -> Response {
    let count = |answer: &ProcessAnswer| {
        let text = answer.text();
        text.trim_end().strip_prefix("{\"sockets\":")?.strip_suffix('}')?.parse::<u64>().ok()
    };
    let counts: Vec<_> =
        answers.values().filter(|answer| answer.status == 202).filter_map(count).collect();
    let len: u64 = counts.iter().sum();
    let late = |process| format!("process {process} does not answer; it may still do it");
    let mut faults: Vec<_> = unanswered.iter().map(late).collect();
    let failed = answers.iter().filter(|(_, answer)| answer.status >= 500);
    faults.extend(failed.map(named));
    if !faults.is_empty() {
        if !counts.is_empty() {
            faults.push(format!("the others have done it, for {len} sockets"));
        }
        return Response::text(Status::UNAVAILABLE, &faults.join("\n"));
    }
    if counts.is_empty() {
        return first_of(answers.values().next());
    }
    let text = format!("{{\"sockets\":{len}}}\n");
    let note = format!("sockets: {len}");
    Response::new(Status::ACCEPTED, "application/json", text.into_bytes()).note(&note)
}

/// The answer to a command that all carry out alike: that of the first process that refuses it, or
/// else that of the first one. If one of `all` has not done it, the text says what to do about it.
pub(super) fn done_by_all(
    answers: &BTreeMap<usize, ProcessAnswer>,
    unanswered: &[usize],
    all: &[ServerProcess],
) -> Response {
    let missing = |process: &ServerProcess| {
        let number = process.number;
        match answers.get(&number) {
            Some(answer) if answer.status == 503 => Some(named((&number, answer))),
            Some(_) => None,
            None if unanswered.contains(&number) => {
                let pid = process.pid().map_or_else(String::new, |pid| format!(" (pid {pid})"));
                Some(format!(
                    "process {number}{pid} does not answer: it does it when it goes on; if it \
                     hangs, kill it, and another one is started"
                ))
            }
            None => Some(format!("process {number} is not ready: ask again when it is")),
        }
    };
    let mut lines: Vec<_> = all.iter().filter_map(missing).collect();
    let others = answers.values().filter(|answer| answer.status != 503);
    let refusal = others.clone().find(|answer| answer.status != 200);
    let first = refusal.or_else(|| others.clone().next());
    if lines.is_empty() {
        return first_of(first);
    }
    lines.extend(first.map(|answer| format!("the others: {}", answer.text().trim_end())));
    let status = refusal.and_then(|answer| Status::new(answer.status));
    Response::text(status.unwrap_or(Status::UNAVAILABLE), &lines.join("\n"))
}

fn first_of(answer: Option<&ProcessAnswer>) -> Response {
    let Some(answer) = answer else {
        return Response::text(Status::UNAVAILABLE, "no process runs");
    };
    let status = Status::new(answer.status).unwrap_or(Status::INTERNAL_ERROR);
    Response::text(status, answer.text().trim_end())
}

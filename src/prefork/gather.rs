//! `Gatherings`: what operators have asked all processes, until each has answered.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::admin::{AdminCommand, AdminRequest};
use crate::prefork::exchange::Exchange;
use crate::prefork::sums::Sums;
use crate::ws::{Response, Status};

/// The requests that are under way, by their numbers.
#[derive(Default)]
pub(super) struct Gatherings {
    under_way: BTreeMap<u64, Gathering>,
    last: u64,
    /// The counters of processes that have ended.
    ended: Sums,
    /// The last metrics of each process.
    pages: BTreeMap<usize, String>,
}

struct Gathering {
    /// `None`: only the metrics are wanted, to be kept.
    request: Option<AdminRequest>,
    deadline: Instant,
    /// The processes that have not answered.
    awaited: Vec<usize>,
    answers: BTreeMap<usize, ProcessAnswer>,
}

/// What a process has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProcessAnswer {
    pub(super) status: u16,
    pub(super) content: Vec<u8>,
}

impl ProcessAnswer {
    fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.content)
    }
}

impl Gatherings {
    /// Begins one that waits for these processes. Returns its number.
    pub(super) fn begin(
        &mut self,
        request: Option<AdminRequest>,
        awaited: Vec<usize>,
        deadline: Instant,
    ) -> u64 {
        self.last += 1;
        let gathering = Gathering { request, deadline, awaited, answers: BTreeMap::new() };
        self.under_way.insert(self.last, gathering);
        self.last
    }

    /// A process has answered.
    pub(super) fn answered(&mut self, number: u64, process: usize, answer: ProcessAnswer) {
        if let Some(gathering) = self.under_way.get_mut(&number)
            && gathering.awaited.contains(&process)
        {
            gathering.awaited.retain(|awaited| *awaited != process);
            gathering.answers.insert(process, answer);
        }
    }

    /// A process has ended: its counters are kept, and it answers nothing more.
    pub(super) fn ended(&mut self, process: usize) {
        if let Some(page) = self.pages.remove(&process) {
            self.ended.add(process, &page);
            self.ended.keep_counters();
        }
        for gathering in self.under_way.values_mut() {
            gathering.awaited.retain(|awaited| *awaited != process);
        }
    }

    /// Answers requests for which no answer is to come: all have answered, or their time is over.
    /// `processes` is how many the server has.
    pub(super) fn finish(&mut self, processes: usize, exchange: &Exchange, now: Instant) {
        let is_over = |of: &Gathering| of.awaited.is_empty() || now >= of.deadline;
        let over: Vec<_> =
            self.under_way.iter().filter(|(_, of)| is_over(of)).map(|(at, _)| *at).collect();
        for number in over {
            let Some(gathering) = self.under_way.remove(&number) else { continue };
            let Gathering { request, answers, awaited, .. } = gathering;
            let is_of_metrics =
                request.as_ref().is_none_or(|of| of.command == AdminCommand::Metrics);
            if is_of_metrics {
                let good = answers.iter().filter(|(_, answer)| answer.status == 200);
                self.pages.extend(good.map(|(at, answer)| (*at, answer.text().into_owned())));
            }
            if let Some(request) = request {
                let answer = match request.command {
                    AdminCommand::Metrics => self.metrics(exchange),
                    AdminCommand::Status => status(&answers, processes),
                    AdminCommand::Readiness => all_well(&answers, processes, "ready"),
                    AdminCommand::Health => health(&answers, &awaited),
                    AdminCommand::Send { .. } | AdminCommand::Close { .. } => sockets(&answers),
                    AdminCommand::Reload | AdminCommand::LogLevel(_) | AdminCommand::Drain => {
                        first_fault(&answers, processes)
                    }
                };
                request.answer(answer);
            }
        }
    }

    /// When the next one is late.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.under_way.values().map(|of| of.deadline).min()
    }

    fn metrics(&self, exchange: &Exchange) -> Response {
        let mut sums = self.ended.clone();
        self.pages.iter().for_each(|(process, page)| sums.add(*process, page));
        let media_type = crate::pages::MetricsText::MEDIA_TYPE;
        Response::new(Status::OK, media_type, (sums.text() + &exchange.metrics()).into_bytes())
    }
}

/// The state of each process; `null` for one that does not run.
fn status(answers: &BTreeMap<usize, ProcessAnswer>, processes: usize) -> Response {
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
fn all_well(answers: &BTreeMap<usize, ProcessAnswer>, processes: usize, good: &str) -> Response {
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

/// 200 if each process that runs has answered with 200, so that none is `awaited` any more. One
/// that has ended is started again.
fn health(answers: &BTreeMap<usize, ProcessAnswer>, awaited: &[usize]) -> Response {
    let are_well = answers.values().all(|answer| answer.status == 200);
    match !answers.is_empty() && awaited.is_empty() && are_well {
        true => Response::text(Status::OK, "ok"),
        false => Response::text(Status::UNAVAILABLE, "a loop hangs, or no process runs"),
    }
}

/// How many sockets of all processes it concerns. A program is known where it has sockets.
fn sockets(answers: &BTreeMap<usize, ProcessAnswer>) -> Response {
    let count = |answer: &ProcessAnswer| {
        let text = answer.text();
        text.trim_end().strip_prefix("{\"sockets\":")?.strip_suffix('}')?.parse::<u64>().ok()
    };
    let counts: Vec<_> =
        answers.values().filter(|answer| answer.status == 202).filter_map(count).collect();
    if counts.is_empty() {
        return first_of(answers.values().next());
    }
    let len: u64 = counts.iter().sum();
    let text = format!("{{\"sockets\":{len}}}\n");
    let note = format!("sockets: {len}");
    Response::new(Status::ACCEPTED, "application/json", text.into_bytes()).note(&note)
}

/// The first answer that is not 200, or else that of the first process.
fn first_fault(answers: &BTreeMap<usize, ProcessAnswer>, processes: usize) -> Response {
    if let Some(answer) = answers.values().find(|answer| answer.status != 200) {
        return first_of(Some(answer));
    }
    if answers.len() < processes {
        return all_well(answers, processes, "");
    }
    first_of(answers.values().next())
}

fn first_of(answer: Option<&ProcessAnswer>) -> Response {
    let Some(answer) = answer else {
        return Response::text(Status::UNAVAILABLE, "no process runs");
    };
    let status = Status::new(answer.status).unwrap_or(Status::INTERNAL_ERROR);
    Response::text(status, answer.text().trim_end())
}

//! `Gatherings`: what operators have asked all processes, until each has answered.

use std::collections::{BTreeMap, BTreeSet};
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
    /// The processes that have let the time of a question pass, and have answered nothing since.
    silent: BTreeSet<usize>,
}

struct Gathering {
    /// `None`: only the metrics are wanted, to be kept.
    request: Option<AdminRequest>,
    deadline: Instant,
    /// The processes that have not answered.
    awaited: Vec<usize>,
    answers: BTreeMap<usize, ProcessAnswer>,
}

impl Gathering {
    /// Whether it waits for an answer. One that is silent would keep operators waiting whom others
    /// could answer. A reload takes long.
    fn waits(&self, silent: &BTreeSet<usize>) -> bool {
        let takes_long = matches!(&self.request, Some(of) if of.command == AdminCommand::Reload);
        self.awaited.iter().any(|process| takes_long || !silent.contains(process))
    }
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
    /// Those of these processes that are to get a request. One that is silent gets commands only:
    /// it has many questions to answer by then, and nobody waits for that.
    pub(super) fn worth_asking(&self, command: &AdminCommand, asked: &[usize]) -> Vec<usize> {
        let is_worth = |process: &&usize| !(command.is_question() && self.silent.contains(process));
        asked.iter().filter(is_worth).copied().collect()
    }

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

    /// Whether a process has let its time to answer pass, and has answered nothing since then.
    pub(super) fn is_silent(&self, process: usize) -> bool {
        self.silent.contains(&process)
    }

    /// A process has answered.
    pub(super) fn answered(&mut self, number: u64, process: usize, answer: ProcessAnswer) {
        self.silent.remove(&process);
        self.put(number, process, answer);
    }

    /// A process could not be asked.
    pub(super) fn refused(&mut self, number: u64, process: usize) {
        let content = b"it does not take what it is asked".to_vec();
        self.put(number, process, ProcessAnswer { status: 503, content });
    }

    fn put(&mut self, number: u64, process: usize, answer: ProcessAnswer) {
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
        self.silent.remove(&process);
        for gathering in self.under_way.values_mut() {
            gathering.awaited.retain(|awaited| *awaited != process);
        }
    }

    /// Answers requests for which no answer is to come: all have answered, or their time is over.
    /// `processes` is how many the server has.
    pub(super) fn finish(&mut self, processes: usize, exchange: &Exchange, now: Instant) {
        let late = self.under_way.values().filter(|of| now >= of.deadline);
        self.silent.extend(late.flat_map(|of| &of.awaited).copied());
        let is_over = |of: &Gathering| now >= of.deadline || !of.waits(&self.silent);
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
                    AdminCommand::Send { .. } | AdminCommand::Close { .. } => {
                        sockets(&answers, &awaited)
                    }
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

/// How many sockets of all processes it concerns. A program is known where it has sockets. 503 if
/// a process is still `awaited`, or could not be asked.
fn sockets(answers: &BTreeMap<usize, ProcessAnswer>, awaited: &[usize]) -> Response {
    let count = |answer: &ProcessAnswer| {
        let text = answer.text();
        text.trim_end().strip_prefix("{\"sockets\":")?.strip_suffix('}')?.parse::<u64>().ok()
    };
    let counts: Vec<_> =
        answers.values().filter(|answer| answer.status == 202).filter_map(count).collect();
    let len: u64 = counts.iter().sum();
    let late = |process| format!("process {process} does not answer; it may still do it");
    let mut faults: Vec<_> = awaited.iter().map(late).collect();
    let failed = answers.iter().filter(|(_, answer)| answer.status >= 500);
    let fault = |(process, answer): (_, &ProcessAnswer)| {
        format!("process {process}: {}", answer.text().trim_end())
    };
    faults.extend(failed.map(fault));
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::service::Audience;
    use crate::ws::Message;

    const TIME: Duration = Duration::from_secs(4);

    fn send() -> AdminCommand {
        let (service, message) = ("/a".to_owned(), Message::from("x"));
        AdminCommand::Send { service, to: Audience::all(), message, process: None }
    }

    fn sent(sockets: u64) -> ProcessAnswer {
        ProcessAnswer { status: 202, content: format!("{{\"sockets\":{sockets}}}\n").into_bytes() }
    }

    fn told(answer: Option<Response>) -> (u16, String) {
        let answer = answer.expect("there is one");
        let body = answer.body().map_or(&[][..], |body| body);
        (answer.status().number(), String::from_utf8_lossy(body).into_owned())
    }

    #[test]
    fn a_process_that_does_not_answer_is_named() {
        let (mut all, exchange, begin) = (Gatherings::default(), Exchange::new(3), Instant::now());
        let (request, answer) = AdminRequest::with_answer(send());
        let number = all.begin(Some(request), vec![0, 1, 2], begin + TIME);
        all.answered(number, 0, sent(5));
        all.refused(number, 2);
        all.finish(3, &exchange, begin);
        assert!(answer().is_none());
        all.finish(3, &exchange, begin + TIME);
        let text = [
            "process 1 does not answer; it may still do it",
            "process 2: it does not take what it is asked",
            "the others have done it, for 5 sockets",
            "",
        ];
        assert_eq!(told(answer()), (503, text.join("\n")));
        // The only one that is asked.
        let (request, answer) = AdminRequest::with_answer(send());
        all.begin(Some(request), vec![1], begin + TIME);
        all.finish(3, &exchange, begin + TIME);
        let (status, text) = told(answer());
        assert!(status == 503 && text.starts_with("process 1 does not answer"), "{text}");
    }

    /// Otherwise requests that wait for it keep all places of the listeners, one after the other.
    #[test]
    fn a_process_that_is_silent_keeps_nobody_waiting() {
        let (mut all, exchange, begin) = (Gatherings::default(), Exchange::new(2), Instant::now());
        let ask = |all: &mut Gatherings, at| {
            let (request, answer) = AdminRequest::with_answer(AdminCommand::Metrics);
            let number = all.begin(Some(request), vec![0, 1], at + TIME);
            all.answered(number, 0, ProcessAnswer { status: 200, content: Vec::new() });
            all.finish(2, &exchange, at);
            (number, answer)
        };
        let (first, of_first) = ask(&mut all, begin);
        let (_, of_second) = ask(&mut all, begin + TIME / 2);
        assert!(of_first().is_none() && of_second().is_none());
        all.finish(2, &exchange, begin + TIME);
        assert!(of_first().is_some() && of_second().is_some());
        let (_, of_third) = ask(&mut all, begin + TIME);
        assert!(of_third().is_some());
        // Commands alone wait for it there.
        assert_eq!(all.worth_asking(&AdminCommand::Metrics, &[0, 1]), [0]);
        assert_eq!(all.worth_asking(&send(), &[0, 1]), [0, 1]);
        // It answers late: then others wait for it again.
        all.answered(first, 1, sent(0));
        assert_eq!(all.worth_asking(&AdminCommand::Metrics, &[0, 1]), [0, 1]);
        let (fourth, of_fourth) = ask(&mut all, begin + TIME);
        assert!(of_fourth().is_none());
        all.answered(fourth, 1, sent(0));
        all.finish(2, &exchange, begin + TIME);
        assert!(of_fourth().is_some());
    }
}

//! `Gatherings`: what operators have asked all processes, until each has answered.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::admin::{AdminCommand, AdminRequest};
use crate::prefork::answers::{self, ProcessAnswer};
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
                    AdminCommand::Status => answers::status(&answers, processes),
                    AdminCommand::Readiness => answers::all_well(&answers, processes, "ready"),
                    AdminCommand::Health => answers::health(&answers, &awaited),
                    AdminCommand::Send { .. } | AdminCommand::Close { .. } => {
                        answers::sockets(&answers, &awaited)
                    }
                    AdminCommand::Reload | AdminCommand::LogLevel(_) | AdminCommand::Drain => {
                        answers::first_fault(&answers, processes)
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

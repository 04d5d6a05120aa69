//! `Gatherings`: what operators have asked all processes, until each has answered.

use std::collections::BTreeMap;
use std::mem;
use std::time::Instant;

use crate::admin::{AdminCommand, AdminRequest};
use crate::prefork::answers::{self, ProcessAnswer};
use crate::prefork::child::ServerProcess;
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
    /// Of each, whether a reload waits for it.
    silent: BTreeMap<usize, bool>,
}

struct Gathering {
    /// `None`: only the metrics are wanted, to be kept.
    request: Option<AdminRequest>,
    deadline: Instant,
    /// The processes that were asked, and have not answered.
    awaited: Vec<usize>,
    /// The silent ones that were not asked.
    unasked: Vec<usize>,
    answers: BTreeMap<usize, ProcessAnswer>,
}

impl Gathering {
    /// Whether it waits for an answer. One that is silent would keep operators waiting whom others
    /// could answer.
    fn waits(&self, silent: &BTreeMap<usize, bool>) -> bool {
        self.awaited.iter().any(|process| !silent.contains_key(process))
    }

    /// Whether a process that does not answer in time answers nothing else either. A reload is
    /// answered beside the rest, and may wait for a disk.
    fn shows_silence(&self) -> bool {
        self.request.as_ref().is_none_or(|of| of.command != AdminCommand::Reload)
    }
}

impl Gatherings {
    /// Begins one for these processes. Returns its number, and which of them are to be asked.
    pub(super) fn begin(
        &mut self,
        request: Option<AdminRequest>,
        processes: Vec<usize>,
        deadline: Instant,
    ) -> (u64, Vec<usize>) {
        self.last += 1;
        let command = request.as_ref().map_or(&AdminCommand::Metrics, |of| &of.command);
        let (asked, unasked): (Vec<_>, Vec<_>) =
            processes.into_iter().partition(|process| self.is_worth_asking(*process, command));
        let (awaited, answers) = (asked.clone(), BTreeMap::new());
        let gathering = Gathering { request, deadline, awaited, unasked, answers };
        self.under_way.insert(self.last, gathering);
        (self.last, asked)
    }

    /// Whether a process is to get a request. One that is silent has a question to answer, and gets
    /// no other one. A reload that waits for it reads what is there when it goes on.
    fn is_worth_asking(&mut self, process: usize, command: &AdminCommand) -> bool {
        match self.silent.get_mut(&process) {
            None => true,
            Some(reload_waits) if *command == AdminCommand::Reload => {
                !mem::replace(reload_waits, true)
            }
            Some(_) => !command.is_question(),
        }
    }

    /// Whether a process has let its time to answer pass, and has answered nothing since then.
    pub(super) fn is_silent(&self, process: usize) -> bool {
        self.silent.contains_key(&process)
    }

    /// A process has answered.
    pub(super) fn answered(&mut self, number: u64, process: usize, answer: ProcessAnswer) {
        self.silent.remove(&process);
        self.put(number, process, answer);
    }

    /// A process could not be asked.
    pub(super) fn refused(&mut self, number: u64, process: usize) {
        if let Some(reload_waits) = self.silent.get_mut(&process) {
            *reload_waits = false;
        }
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
            gathering.unasked.retain(|unasked| *unasked != process);
        }
    }

    /// Answers requests for which no answer is to come: all have answered, or their time is over.
    pub(super) fn finish(&mut self, all: &[ServerProcess], exchange: &Exchange, now: Instant) {
        let late = self.under_way.values().filter(|of| now >= of.deadline && of.shows_silence());
        for process in late.flat_map(|of| &of.awaited) {
            self.silent.entry(*process).or_default();
        }
        let is_over = |of: &Gathering| now >= of.deadline || !of.waits(&self.silent);
        let over: Vec<_> =
            self.under_way.iter().filter(|(_, of)| is_over(of)).map(|(at, _)| *at).collect();
        for number in over {
            let Some(gathering) = self.under_way.remove(&number) else { continue };
            let Gathering { request, answers, awaited, unasked, .. } = gathering;
            let unanswered: Vec<_> = awaited.into_iter().chain(unasked).collect();
            let is_of_metrics =
                request.as_ref().is_none_or(|of| of.command == AdminCommand::Metrics);
            if is_of_metrics {
                let good = answers.iter().filter(|(_, answer)| answer.status == 200);
                self.pages.extend(good.map(|(at, answer)| (*at, answer.text().into_owned())));
            }
            if let Some(request) = request {
                let answer = match request.command {
                    AdminCommand::Metrics => self.metrics(exchange),
                    AdminCommand::Status => answers::status(&answers, all.len()),
                    AdminCommand::Readiness => answers::all_well(&answers, all.len(), "ready"),
                    AdminCommand::Health => answers::health(&answers, &unanswered),
                    AdminCommand::Send { .. } | AdminCommand::Close { .. } => {
                        answers::sockets(&answers, &unanswered)
                    }
                    AdminCommand::Reload | AdminCommand::LogLevel(_) | AdminCommand::Drain => {
                        answers::done_by_all(&answers, &unanswered, all)
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

    fn answered(status: u16, text: &str) -> ProcessAnswer {
        ProcessAnswer { status, content: text.as_bytes().to_vec() }
    }

    fn unstarted<const N: usize>() -> [ServerProcess; N] {
        std::array::from_fn(ServerProcess::new)
    }

    #[test]
    fn a_process_that_does_not_answer_is_named() {
        let (mut all, exchange, begin) = (Gatherings::default(), Exchange::new(3), Instant::now());
        let processes = unstarted::<3>();
        let (request, answer) = AdminRequest::with_answer(send());
        let (number, asked) = all.begin(Some(request), vec![0, 1, 2], begin + TIME);
        assert_eq!(asked, [0, 1, 2]);
        all.answered(number, 0, sent(5));
        all.refused(number, 2);
        all.finish(&processes, &exchange, begin);
        assert!(answer().is_none());
        all.finish(&processes, &exchange, begin + TIME);
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
        all.finish(&processes, &exchange, begin + TIME);
        let (status, text) = told(answer());
        assert!(status == 503 && text.starts_with("process 1 does not answer"), "{text}");
    }

    /// Otherwise requests that wait for it keep all places of the listeners, one after the other.
    #[test]
    fn a_process_that_is_silent_keeps_nobody_waiting() {
        let (mut all, exchange, begin) = (Gatherings::default(), Exchange::new(2), Instant::now());
        let processes = unstarted::<2>();
        let ask = |all: &mut Gatherings, at| {
            let (request, answer) = AdminRequest::with_answer(AdminCommand::Metrics);
            let (number, asked) = all.begin(Some(request), vec![0, 1], at + TIME);
            all.answered(number, 0, answered(200, ""));
            all.finish(&processes, &exchange, at);
            (number, asked, answer)
        };
        let (first, _, of_first) = ask(&mut all, begin);
        let (.., of_second) = ask(&mut all, begin + TIME / 2);
        assert!(of_first().is_none() && of_second().is_none());
        all.finish(&processes, &exchange, begin + TIME);
        assert!(of_first().is_some() && of_second().is_some());
        let (_, asked, of_third) = ask(&mut all, begin + TIME);
        assert!(of_third().is_some());
        // Commands alone wait for it there.
        assert_eq!(asked, [0]);
        let (request, _) = AdminRequest::with_answer(send());
        assert_eq!(all.begin(Some(request), vec![0, 1], begin + 2 * TIME).1, [0, 1]);
        // It answers late: then others wait for it again.
        all.answered(first, 1, answered(200, ""));
        let (fourth, asked, of_fourth) = ask(&mut all, begin + TIME);
        assert_eq!(asked, [0, 1]);
        assert!(of_fourth().is_none());
        all.answered(fourth, 1, answered(200, ""));
        all.finish(&processes, &exchange, begin + TIME);
        assert!(of_fourth().is_some());
    }

    /// Otherwise it would be silent without a question, and so for ever.
    #[test]
    fn a_process_that_was_not_asked_is_not_silent_for_that() {
        let (mut all, exchange, begin) = (Gatherings::default(), Exchange::new(2), Instant::now());
        let processes = unstarted::<2>();
        let (first, _) = all.begin(None, vec![1], begin + TIME);
        all.finish(&processes, &exchange, begin + TIME);
        let (_, asked) = all.begin(None, vec![0, 1], begin + 2 * TIME);
        assert_eq!(asked, [0]);
        all.answered(first, 1, answered(200, ""));
        all.finish(&processes, &exchange, begin + 2 * TIME);
        assert!(all.is_silent(0) && !all.is_silent(1));
    }

    #[test]
    fn a_reload_does_not_wait_for_a_process_that_hangs() {
        let (mut all, exchange, begin) = (Gatherings::default(), Exchange::new(2), Instant::now());
        let (hung, _link) = ServerProcess::linked(1);
        let hung_pid = hung.pid().expect("it runs");
        let mut processes = [ServerProcess::new(0), hung];
        let reload = |all: &mut Gatherings, answer: ProcessAnswer| {
            let (request, told) = AdminRequest::with_answer(AdminCommand::Reload);
            let (number, asked) = all.begin(Some(request), vec![0, 1], begin + 12 * TIME);
            all.answered(number, 0, answer);
            all.finish(&processes, &exchange, begin + TIME);
            (number, asked, told)
        };
        let (question, _) = all.begin(None, vec![0, 1], begin + 2 * TIME);
        all.answered(question, 0, answered(200, ""));
        // It is not known yet that it hangs.
        let (_, asked, of_first) = reload(&mut all, answered(200, "read again\n"));
        assert!(asked == [0, 1] && of_first().is_none());
        all.finish(&processes, &exchange, begin + 2 * TIME);
        let hangs = format!(
            "process 1 (pid {hung_pid}) does not answer: it does it when it goes on; if it hangs, \
             kill it, and another one is started\n"
        );
        let text = format!("{hangs}the others: read again\n");
        assert_eq!(told(of_first()), (503, text.clone()));
        // One reload waits for it, however many are asked for.
        let (second, asked, of_second) = reload(&mut all, answered(200, "read again\n"));
        assert_eq!((asked, told(of_second())), (vec![0, 1], (503, text)));
        let (_, asked, of_third) = reload(&mut all, answered(422, "prot is unknown\n"));
        let text = format!("{hangs}the others: prot is unknown\n");
        assert_eq!((asked, told(of_third())), (vec![0], (422, text)));
        // It goes on.
        all.answered(second, 1, answered(200, "read again\n"));
        let (fourth, asked, of_fourth) = reload(&mut all, answered(200, "read again\n"));
        assert!(asked == [0, 1] && of_fourth().is_none());
        all.answered(fourth, 1, answered(200, "read again\n"));
        all.finish(&processes, &exchange, begin + 2 * TIME);
        assert_eq!(told(of_fourth()), (200, "read again\n".to_owned()));
        processes[1].ended(begin).expect("it runs");
    }

    /// Files are read beside all else.
    #[test]
    fn a_reload_that_takes_long_is_no_silence() {
        let (mut all, exchange, begin) = (Gatherings::default(), Exchange::new(1), Instant::now());
        let (request, answer) = AdminRequest::with_answer(AdminCommand::Reload);
        all.begin(Some(request), vec![0], begin + TIME);
        all.finish(&unstarted::<1>(), &exchange, begin + TIME);
        assert_eq!(told(answer()).0, 503);
        assert!(!all.is_silent(0));
    }
}

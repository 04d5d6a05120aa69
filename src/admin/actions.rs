//! What is done for a request: the loop is asked, the host is stopped, the configuration is read
//! again, the level of the log is set.

use std::sync::TryLockError;
use std::time::Duration;

use crate::admin::command::AdminCommand;
use crate::admin::exchange::no_service;
use crate::admin::form::bad;
use crate::admin::handle::MetricsHandle;
use crate::admin::reply::{Reply, ReplySlot, ReportPage};
use crate::admin::settings::ReloadCall;
use crate::engine::{HostEvent, IoFacts, LoopTask};
use crate::host::Stopper;
use crate::host::resolver::NoticeSender;
use crate::host::thread::spawn;
use crate::hub::{Collection, Hub};
use crate::pages::{HostReadiness, Metrics, MetricsText};
use crate::time::Time;
use crate::ws::{Response, Status};

/// Does what requests ask for. Nothing here waits: the answer is a [`Reply`].
pub(super) struct Actions {
    pub(super) notices: NoticeSender,
    pub(super) stopper: Stopper,
    pub(super) handle: MetricsHandle,
    pub(super) reload: Option<ReloadCall>,
}

impl Actions {
    /// How long its reply may take.
    pub(super) const fn time_max(command: &AdminCommand) -> Duration {
        match command {
            // It reads files, those of certificates and programs included.
            AdminCommand::Reload => RELOAD_TIME_MAX,
            _ => LOOP_TIME_MAX,
        }
    }

    /// Asks how long a message to a service may be.
    pub(super) fn find(&self, service: String, reply: ReplySlot) {
        self.ask(reply, move |hub, _, _| Reply::MessageMax(hub.message_bytes_max(&service)));
    }

    /// Begins what is asked for.
    pub(super) fn begin(&self, command: AdminCommand, reply: ReplySlot) {
        if command.one_process().is_some() {
            return reply.send(Reply::Answer(bad("this server is one process: leave process out")));
        }
        match command {
            AdminCommand::Health => {
                self.ask(reply, |_, _, _| answer(Status::OK, "ok"));
            }
            AdminCommand::Readiness => self.ask(reply, |hub, facts, _| {
                Reply::Answer(readiness(&hub.readiness(facts().descriptors)))
            }),
            AdminCommand::Status => self.begin_page(ReportPage::Status, reply),
            AdminCommand::Metrics => self.begin_page(ReportPage::Metrics, reply),
            AdminCommand::Send { service, to, message, .. } => {
                self.ask(reply, move |hub, _, now| {
                    counted(hub.publish(&service, to, message, now))
                });
            }
            AdminCommand::Close { service, to, close, .. } => self
                .ask(reply, move |hub, _, now| {
                    counted(hub.close_sockets(&service, to, &close, now))
                }),
            AdminCommand::Reload => self.reload(reply),
            AdminCommand::Drain => {
                // The host may end at once, and then the thread gets no reply behind its stop.
                reply.send(answer(Status::ACCEPTED, "the server closes its sockets, and ends"));
                self.stopper.stop();
            }
            AdminCommand::LogLevel(level) => {
                log::set_max_level(level);
                let text = format!("the log level is {}", level.as_str().to_ascii_lowercase());
                reply.send(answer(Status::OK, &text));
            }
        }
    }

    fn begin_page(&self, page: ReportPage, reply: ReplySlot) {
        self.ask(reply, move |hub, facts, now| {
            Reply::collected(page, facts(), hub.collect(hub.begin_collecting(now)))
        });
    }

    /// Collects on.
    pub(super) fn collect(
        &self,
        page: ReportPage,
        facts: IoFacts,
        more: Box<Collection>,
        reply: ReplySlot,
    ) {
        self.ask(reply, move |hub, _, _| Reply::collected(page, facts, hub.collect(more)));
    }

    /// A page of these metrics.
    pub(super) fn page(&self, page: ReportPage, facts: IoFacts, mut metrics: Metrics) -> Response {
        self.handle.complete(facts, &mut metrics);
        Self::page_of(page, metrics)
    }

    /// A page of metrics that are complete.
    pub(super) fn page_of(page: ReportPage, metrics: Metrics) -> Response {
        match page {
            ReportPage::Status => Response::new(
                Status::OK,
                "application/json",
                (metrics.to_json() + "\n").into_bytes(),
            ),
            ReportPage::Metrics => {
                let text: String = metrics.into_text().collect();
                Response::new(Status::OK, MetricsText::MEDIA_TYPE, text.into_bytes())
            }
        }
    }

    fn reload(&self, reply: ReplySlot) {
        let Some(reload) = self.reload.clone() else {
            let text = "this server has no configuration to read again";
            return reply.send(answer(Status::NOT_IMPLEMENTED, text));
        };
        let started = spawn("reload".to_owned(), move || {
            let done = match reload.try_lock() {
                Ok(mut reload) => reload(),
                Err(TryLockError::Poisoned(reload)) => reload.into_inner()(),
                Err(TryLockError::WouldBlock) => {
                    return reply.send(answer(Status::CONFLICT, "a reload is under way"));
                }
            };
            reply.send(match done {
                Ok(text) => answer(Status::OK, &text),
                Err(text) => answer(Status::UNPROCESSABLE, &text),
            });
        });
        if let Err(error) = started {
            log::warn!(
                target: "switchboard::admin",
                "there is no thread for a reload: {error}"
            );
        }
    }

    /// Asks the loop. If that has gone, the reply is [`Reply::None`].
    fn ask(
        &self,
        reply: ReplySlot,
        question: impl FnOnce(&mut Hub, &dyn Fn() -> IoFacts, Time) -> Reply + Send + 'static,
    ) {
        let task = move |hub: &mut Hub, facts: &dyn Fn() -> IoFacts, now| {
            reply.send(question(hub, facts, now));
        };
        self.notices.send_event(HostEvent::Task(LoopTask(Box::new(task))));
    }
}

fn answer(status: Status, line: &str) -> Reply {
    Reply::Answer(Response::text(status, line))
}

/// The answer with a number of sockets, or that there is no such service.
fn counted(sockets: Option<u64>) -> Reply {
    Reply::Answer(match sockets {
        Some(len) => {
            let text = format!("{{\"sockets\":{len}}}\n");
            let note = format!("sockets: {len}");
            Response::new(Status::ACCEPTED, "application/json", text.into_bytes()).note(&note)
        }
        None => no_service(),
    })
}

/// 200, or a 503 with each reason in a line.
fn readiness(readiness: &HostReadiness) -> Response {
    let status = if readiness.is_ready() { Status::OK } else { Status::UNAVAILABLE };
    Response::text(status, &readiness.to_string())
}

/// For the reply of the loop.
pub(super) const LOOP_TIME_MAX: Duration = Duration::from_secs(5);
/// For a reload.
pub(crate) const RELOAD_TIME_MAX: Duration = Duration::from_secs(60);

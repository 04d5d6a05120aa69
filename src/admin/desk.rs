//! `AdminDesk`: answers requests that come without a connection, in a process of several.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use mio::{Poll, Token, Waker};

use crate::admin::Admin;
use crate::admin::access::{AdminAccess, AdminWay};
use crate::admin::actions::{Actions, LOOP_TIME_MAX};
use crate::admin::command::AdminCommand;
use crate::admin::exchange::{AdminExchange, ExchangeStep};
use crate::admin::form::bad;
use crate::admin::reply::{AdminNotice, Reply, ReplySlot, Ticket};
use crate::host::Host;
use crate::ws::{Response, Status};

impl Admin {
    /// Answers requests for a host, which are allowed everything.
    ///
    /// # Errors
    /// The system lacks a descriptor.
    pub(crate) fn desk(&self, host: &Host) -> io::Result<AdminDesk> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), Token(0))?);
        let (sender, replies) = unbounded();
        Ok(AdminDesk { actions: self.actions(host), replies, sender, waker, number: 0 })
    }
}

/// Answers requests for a host, one after the other.
pub(crate) struct AdminDesk {
    actions: Actions,
    replies: Receiver<AdminNotice>,
    sender: Sender<AdminNotice>,
    waker: Arc<Waker>,
    number: u64,
}

impl AdminDesk {
    /// Answers a request. It waits for that.
    pub(crate) fn answer(&mut self, request: &[u8]) -> Response {
        let access = AdminAccess { way: AdminWay::Unix, token: None };
        let mut exchange = AdminExchange::new(access);
        let mut step = exchange.receive(request);
        loop {
            step = match step {
                Some(ExchangeStep::Find(service)) => {
                    let found = self.ask(LOOP_TIME_MAX, |actions, reply| {
                        actions.find(service, reply);
                    });
                    match found {
                        Reply::MessageMax(max) => exchange.allow(max),
                        _ => return late(),
                    }
                }
                Some(ExchangeStep::Do(command)) => return self.run(command),
                Some(ExchangeStep::Answer(answer)) => return answer,
                Some(ExchangeStep::Continue) | None => return bad("the request is not whole"),
            }
        }
    }

    fn run(&mut self, command: AdminCommand) -> Response {
        let time = Actions::time_max(&command);
        let mut reply = self.ask(time, |actions, reply| actions.begin(command, reply));
        loop {
            reply = match reply {
                Reply::Answer(answer) => return answer,
                Reply::Metrics(page, facts, metrics) => {
                    return self.actions.page(page, facts, *metrics);
                }
                Reply::More(page, facts, more) => self.ask(LOOP_TIME_MAX, |actions, reply| {
                    actions.collect(page, facts, more, reply);
                }),
                Reply::MessageMax(_) | Reply::None => return late(),
            }
        }
    }

    /// Asks for a reply, and waits for it. One that is late is [`Reply::None`].
    fn ask(&mut self, time: Duration, begin: impl FnOnce(&Actions, ReplySlot)) -> Reply {
        self.number += 1;
        let ticket = Ticket { place: 0, number: self.number };
        begin(&self.actions, ReplySlot::new(ticket, self.sender.clone(), self.waker.clone()));
        loop {
            match self.replies.recv_timeout(time) {
                Ok(AdminNotice::Reply(found, reply)) if found == ticket => return reply,
                // It is one to an earlier request.
                Ok(AdminNotice::Reply(..)) => {}
                Ok(AdminNotice::Stop) | Err(_) => return Reply::None,
            }
        }
    }
}

fn late() -> Response {
    Response::text(Status::UNAVAILABLE, "the loop of the process has not replied")
}

//! `Local`: a service on the loop. Its mail is called where it lies, and what it sends is
//! applied to the hub while it sends it: no channel, no other thread. So the most that a
//! callback can hold are the outboxes that it fills, and these have limits.

use std::collections::VecDeque;
use std::time::Duration;

use crate::host::kept::Kept;
use crate::host::watch::Watch;
use crate::host::worker::Make;
use crate::hub::{About, Hub, StationId};
use crate::limits::Limits;
use crate::service::way::Apply;
use crate::service::{Callbacks, Inbound, Line, Outbound, SocketId};
use crate::time::Time;
use crate::ws::Message;

/// The host's side of one service on the loop that runs.
#[derive(Debug)]
pub(super) struct Local {
    station: StationId,
    run: u32,
    limits: Limits,
    service: Kept,
    /// Mail that it has not been called with yet.
    mail: VecDeque<Inbound>,
    interval: Option<Duration>,
    /// Whether the interval has passed.
    pub(super) ticks: bool,
    /// Whether it has been told to finish, which it does after its mail.
    pub(super) finishes: bool,
    /// Whether it stands in the list of those to be called.
    pub(super) called: bool,
    watch: Watch,
}

/// What calling a service came to.
#[derive(Debug)]
pub(super) enum Called {
    /// It has been called with all its mail.
    Done,
    /// It has had its share of the turn, and there is more.
    More,
    /// It has ended, like this.
    Ended(String),
}

impl Local {
    /// Starts a service, and lets in those who wait for it.
    ///
    /// # Errors
    /// How it panicked.
    pub(super) fn start(
        make: &Make<dyn Callbacks>,
        station: StationId,
        run: u32,
        hub: &mut Hub,
        now: Time,
    ) -> Result<Self, String> {
        let limits = *hub.limits(station);
        let mut watch = Watch::new(&limits);
        let mut direct = Direct { hub, station, run, now, left: usize::MAX, applies: false };
        watch.begin();
        let made = Kept::make(make, |service| {
            let mut line = Line::on_loop(&mut direct, &limits);
            line.apply(Outbound::Ready(service.admission()));
            service.start(&mut line);
            interval_of(service)
        });
        direct.assert_sound(&made);
        watch.count();
        warn(hub.path(station), &mut watch);
        let (service, interval) = made?;
        let mail = VecDeque::new();
        Ok(Self {
            station,
            run,
            limits,
            service,
            mail,
            interval,
            ticks: false,
            finishes: false,
            called: false,
            watch,
        })
    }

    /// Calls the service with its mail, up to its share of a turn, of which so many deliveries are
    /// left.
    pub(super) fn call(&mut self, hub: &mut Hub, left: &mut usize, now: Time) -> Called {
        self.take_mail(hub);
        let Self { station, run, limits, .. } = *self;
        let mut direct = Direct { hub, station, run, now, left: *left, applies: false };
        let (mut messages, mut bytes) = (0, 0);
        self.watch.begin();
        let called = self.service.call(|service| {
            let mut line = Line::on_loop(&mut direct, &limits);
            if std::mem::take(&mut self.ticks) {
                service.tick(&mut line);
                self.watch.count();
            }
            while let Some(transaction) = self.mail.pop_front() {
                messages += 1;
                bytes += transaction.mail_bytes();
                service.receive(&mut line, transaction);
                self.watch.count();
                // Not before the first, or slow ticks would let no mail through.
                if line.is_spent() || self.watch.is_over() {
                    break;
                }
            }
            let ends = self.finishes && self.mail.is_empty();
            if ends {
                service.stop(&mut line);
                self.watch.count();
            }
            self.interval = interval_of(service);
            ends
        });
        direct.assert_sound(&called);
        if messages > 0 && called.is_ok() {
            direct.apply(Outbound::Taken { messages, bytes });
        }
        *left = direct.left;
        warn(hub.path(station), &mut self.watch);
        match called {
            Err(how) => Called::Ended(how),
            Ok(true) => Called::Ended("it has finished".to_owned()),
            Ok(false) if self.mail.is_empty() => Called::Done,
            Ok(false) => Called::More,
        }
    }

    /// Drops the service; tells how it ended, if its end is not as quiet as `how` it was called.
    pub(super) fn end(self, how: String) -> String {
        self.service.end().err().unwrap_or(how)
    }

    /// How often it is called for a tick. Each call may change it.
    pub(super) const fn interval(&self) -> Option<Duration> {
        self.interval
    }

    /// The number of this run.
    pub(super) const fn run(&self) -> u32 {
        self.run
    }

    /// Takes the mail from the hub, which gets a list that has grown already for it, unless
    /// that has grown large.
    fn take_mail(&mut self, hub: &mut Hub) {
        if self.mail.is_empty() && self.mail.capacity() <= SPARE_LEN_MAX {
            let spare = Vec::from(std::mem::take(&mut self.mail));
            self.mail = hub.swap_mail(self.station, spare).1.into();
            return;
        }
        self.mail.shrink_to(SPARE_LEN_MAX);
        self.mail.extend(hub.take_mail(self.station).1);
    }
}

/// What a service on the loop sends to.
struct Direct<'a> {
    hub: &'a mut Hub,
    station: StationId,
    run: u32,
    now: Time,
    /// How many deliveries are left of those that the turn allows.
    left: usize,
    /// Whether the hub applies something now.
    applies: bool,
}

impl Direct<'_> {
    /// A panic of the hub's own, during a call of the service, is no affair of the service: it
    /// would leave a hub behind that nobody can trust.
    fn assert_sound<T>(&self, called: &Result<T, String>) {
        if let (true, Err(how)) = (self.applies, called) {
            panic!("the hub cannot apply what a service has sent: {how}");
        }
    }
}

impl Apply for Direct<'_> {
    fn apply(&mut self, transaction: Outbound) {
        self.applies = true;
        let deliveries = self.hub.apply_one(self.station, self.run, transaction, self.now);
        self.left = self.left.saturating_sub(deliveries);
        self.applies = false;
    }

    fn send(&mut self, to: SocketId, message: Message) {
        self.applies = true;
        let deliveries = self.hub.send_one(self.station, self.run, to, message, self.now);
        self.left = self.left.saturating_sub(deliveries);
        self.applies = false;
    }

    fn is_spent(&self) -> bool {
        self.left == 0
    }
}

fn interval_of(service: &dyn Callbacks) -> Option<Duration> {
    service.tick_interval().filter(|interval| !interval.is_zero())
}

fn warn(path: &str, watch: &mut Watch) {
    if let Some(text) = watch.end() {
        About::service(path).warn(format_args!("{text}"));
    }
}

/// A longer list is given up once it has been used, rather than kept for a rush to come.
const SPARE_LEN_MAX: usize = 1_024;

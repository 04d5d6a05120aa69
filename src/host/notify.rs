//! `Notifier`: reports to what has started the process, such as systemd, by the protocol of
//! sd_notify(3): ready, reloads, the stop, a status, and signs of life for its watchdog. The loop
//! sends all of them, and never waits for the manager.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;
use std::{env, io, mem, process};

use crate::engine::HostEvent;
use crate::host::events::{EventSender, Notice};
use crate::sys;
use crate::time::Time;

/// Sends reports to the service manager that has started this process, such as systemd for a unit
/// with `Type=notify`. [`Host::report_by`](crate::Host::report_by) makes them.
///
/// ```no_run
/// use switchboard::host::Notifier;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = switchboard::Server::new(switchboard::Limits::SERVER);
/// let mut host = server.bind("127.0.0.1:12345")?;
/// if let Some(notifier) = Notifier::from_environment()? {
///     host.report_by(notifier);
/// }
/// host.run()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Notifier {
    /// It does not block.
    socket: UnixDatagram,
    /// Of the manager, which may open its socket again. `None`: the socket is connected.
    address: Option<SocketAddr>,
    /// How often the watchdog has to get a sign of life.
    watchdog_ms: u64,
}

impl Notifier {
    /// For the manager that the variables `NOTIFY_SOCKET` and `WATCHDOG_USEC` name, if they name
    /// one. There is no watchdog if `WATCHDOG_PID` is another process.
    ///
    /// The variables stay in the environment: to remove them is not safe while other threads may
    /// read it. Programs do not get them, since they only get variables that are passed. A child
    /// process of your own inherits them, unless you remove them from its
    /// [`Command`](std::process::Command).
    ///
    /// # Errors
    /// Those of [`Notifier::new`].
    pub fn from_environment() -> io::Result<Option<Self>> {
        let Some(address) = env::var_os("NOTIFY_SOCKET") else { return Ok(None) };
        let number = |name| env::var_os(name)?.to_str()?.parse::<u64>().ok();
        let pid = number("WATCHDOG_PID");
        let usec = number("WATCHDOG_USEC")
            .filter(|&usec| usec > 0 && pid.is_none_or(|pid| pid == u64::from(process::id())));
        let watchdog_ms = usec.map_or(u64::MAX, |usec| third(usec / 1_000));
        Ok(Some(Self { address: Some(find(&address)?), socket: unconnected()?, watchdog_ms }))
    }

    /// For the manager that listens at `address`: a path, or `@` and an abstract name. With a
    /// `watchdog`, it gets a sign of life each third of that time, in whole milliseconds.
    ///
    /// # Errors
    /// Nothing listens there, or the system refuses the connection.
    pub fn new(address: &OsStr, watchdog: Option<Duration>) -> io::Result<Self> {
        let ms = |all: Duration| third(u64::try_from(all.as_millis()).unwrap_or(u64::MAX));
        let watchdog_ms = watchdog.map_or(u64::MAX, ms);
        Ok(Self { address: Some(find(address)?), socket: unconnected()?, watchdog_ms })
    }

    /// For the manager at the other end of a socket, which gets a sign of life so often.
    ///
    /// # Errors
    /// The error of the system.
    #[doc(hidden)]
    pub fn connected(socket: UnixDatagram, watchdog_ms: u64) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { address: None, socket, watchdog_ms })
    }

    /// How often the watchdog has to get a sign of life; `u64::MAX` if there is none.
    #[doc(hidden)]
    #[must_use]
    pub const fn watchdog_ms(&self) -> u64 {
        self.watchdog_ms
    }

    /// Sends one datagram. It does not wait.
    ///
    /// # Errors
    /// The error of the system.
    #[doc(hidden)]
    pub fn send(&self, text: &str) -> io::Result<usize> {
        match &self.address {
            Some(address) => self.socket.send_to_addr(text.as_bytes(), address),
            None => self.socket.send(text.as_bytes()),
        }
    }
}

/// The loop sleeps between two signs of life.
fn third(ms: u64) -> u64 {
    (ms / 3).max(1)
}

/// The address of a manager that listens.
fn find(address: &OsStr) -> io::Result<SocketAddr> {
    let address = match address.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(address)?,
    };
    UnixDatagram::unbound()?.connect_addr(&address)?;
    Ok(address)
}

fn unconnected() -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Reports reloads of the configuration to the service manager of a host, if it has one. See
/// [`Host::reload_reporter`](crate::Host::reload_reporter).
#[derive(Clone, Debug)]
pub struct ReloadReporter(Option<EventSender>);

impl ReloadReporter {
    pub(super) const fn new(events: Option<EventSender>) -> Self {
        Self(events)
    }

    /// Reports that a reload has begun, and that it is over when the returned value is dropped.
    /// Call it on the thread that reloads; it does not wait for the loop.
    #[must_use = "the reload is over when this is dropped"]
    pub fn begin(&self) -> Reloading<'_> {
        // Some managers read the time of a reload in the same datagram only.
        self.send(format!("RELOADING=1\nMONOTONIC_USEC={}", sys::monotonic().as_micros()));
        Reloading(self)
    }

    fn send(&self, state: String) {
        if let Some(events) = &self.0 {
            events.send(HostEvent::Notice(Box::new(ReloadState(state))));
        }
    }
}

/// A reload that was reported, until this is dropped.
#[derive(Debug)]
pub struct Reloading<'a>(&'a ReloadReporter);

impl Drop for Reloading<'_> {
    /// The loop applies events in order: what the reload has sent it comes before this.
    fn drop(&mut self) {
        self.0.send(READY.to_owned());
    }
}

/// A datagram about a reload, for the loop.
#[derive(Debug)]
struct ReloadState(String);

/// What a loop does for its service manager. It is a trait so that a program without a
/// [`Notifier`] contains none of the code.
pub(super) trait Reports: Send {
    /// Sends a notice if it is about a reload. Returns whether it is.
    fn has_taken(&mut self, notice: &Notice, now: Time) -> bool;

    /// A stop has begun, in this turn or an earlier one.
    fn stop(&mut self);

    /// When something is to be sent even if nothing happens.
    fn deadline(&self) -> Time;

    /// A turn is over: sends what is due. `facts` are asked for only then.
    fn report(&mut self, facts: &dyn Fn() -> Facts, now: Time);
}

/// The datagrams that a service manager gets of a host, and when.
#[derive(Debug)]
pub(super) struct Datagrams {
    notifier: Notifier,
    /// The line of a state that is due, or nothing.
    state: &'static str,
    /// The next sign of life.
    alive: Time,
    /// When a stop asks for more time; never before a stop.
    extend: Time,
    /// When the facts are looked at.
    status: Time,
    /// The earliest time of that.
    rest: Time,
    /// The facts of the last status.
    told: Facts,
    /// A datagram that did not fit into the queue of the manager.
    unsent: String,
    /// Nothing is sent before this.
    pause: Time,
}

impl Datagrams {
    pub(super) const fn new(notifier: Notifier) -> Self {
        Self {
            state: READY,
            alive: Time::ZERO.after(notifier.watchdog_ms),
            extend: NEVER,
            status: Time::ZERO,
            rest: NEVER,
            told: UNKNOWN,
            unsent: String::new(),
            pause: Time::ZERO,
            notifier,
        }
    }

    /// All lines that are due.
    fn due(&mut self, facts: Facts, now: Time) -> String {
        let (mut more, mut alive, mut status) = ("", "", String::new());
        if now >= self.extend {
            self.extend = now.after(EXTEND_MS);
            more = "EXTEND_TIMEOUT_USEC=10000000\n";
        }
        if now >= self.alive {
            self.alive = now.after(self.notifier.watchdog_ms);
            alive = "WATCHDOG=1\n";
        }
        if now >= self.status {
            (self.status, self.rest) = (NEVER, now.after(STATUS_MS));
            if facts != self.told {
                self.told = facts;
                let Facts { sockets_len, services_len } = facts;
                let stop = if self.extend < NEVER { "stopping: " } else { "" };
                status = format!("STATUS={stop}{sockets_len} sockets, {services_len} services\n");
            }
        }
        format!("{}{status}{more}{alive}", mem::take(&mut self.state))
    }

    fn send(&mut self, now: Time) {
        let sent = self.notifier.send(&self.unsent);
        if sent.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            // It is tried again: without READY=1, the manager would end this process. Nothing can
            // be done about other faults.
            (self.status, self.pause) = (Time::ZERO, now.after(PAUSE_MS));
        } else {
            self.unsent.clear();
        }
    }
}

impl Reports for Datagrams {
    fn has_taken(&mut self, notice: &Notice, now: Time) -> bool {
        let Some(ReloadState(text)) = notice.downcast_ref() else { return false };
        // After STOPPING=1, no other state follows.
        if self.extend == NEVER {
            // A state replaces what is left of earlier ones.
            self.unsent.clone_from(text);
            self.send(now);
        }
        true
    }

    fn stop(&mut self) {
        if self.extend == NEVER {
            (self.extend, self.status) = (Time::ZERO, Time::ZERO);
            (self.state, self.told) = ("STOPPING=1\n", UNKNOWN);
        }
    }

    fn deadline(&self) -> Time {
        self.alive.min(self.extend).min(self.status).max(self.pause)
    }

    fn report(&mut self, facts: &dyn Fn() -> Facts, now: Time) {
        // What they are may have changed.
        self.status = self.status.min(self.rest);
        if now < self.deadline() {
            return;
        }
        if self.unsent.is_empty() {
            self.unsent = self.due(facts(), now);
        }
        if !self.unsent.is_empty() {
            self.send(now);
        }
    }
}

/// What of a host a status shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) sockets_len: usize,
    /// Of the services that run.
    pub(super) services_len: usize,
}

const READY: &str = "READY=1\n";
/// The facts before any status.
const UNKNOWN: Facts = Facts { sockets_len: usize::MAX, services_len: usize::MAX };
/// What is not due at all.
pub(super) const NEVER: Time = Time::from_ms(u64::MAX);
/// The least time between two statuses.
const STATUS_MS: u64 = 10_000;
/// How often a stop asks for more time, each time for ten seconds from then on.
const EXTEND_MS: u64 = 1_000;
/// The time after which a full queue is tried again.
const PAUSE_MS: u64 = 100;

#[cfg(test)]
mod tests;

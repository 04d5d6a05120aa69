//! `ServerProcess`: a process of the server, as its parent sees it.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use crate::hub::Backoff;
use crate::prefork::link::ParentLink;
use crate::prefork::place::{PLACE, PlaceText};
use crate::prefork::report::ChildReport;
use crate::sys::passing::{self, ServerSignal};

/// A process with a number, which is started again when it has ended.
pub(super) struct ServerProcess {
    pub(super) number: usize,
    running: Option<RunningProcess>,
    backoff: Backoff,
    /// When it is to be started.
    pub(super) due: Option<Instant>,
}

struct RunningProcess {
    process: process::Child,
    /// Its other end is closed when the parent has gone.
    link: ParentLink,
    reports: UnixDatagram,
    phase: ChildPhase,
    begun: Instant,
    /// When it gave a sign of life.
    alive: Instant,
    sockets: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChildPhase {
    Starting,
    Ready,
    Reloading,
}

/// What a child is started with.
pub(super) struct ChildStart {
    pub(super) listeners: Vec<(RawFd, &'static str)>,
    pub(super) count: usize,
    pub(super) watchdog_ms: u64,
    /// The first line of its link.
    pub(super) hello: String,
}

impl ServerProcess {
    pub(super) fn new(number: usize) -> Self {
        Self { number, running: None, backoff: Backoff::default(), due: None }
    }

    /// Starts its process. Returns the descriptors of its reports and of its link, which are to be
    /// watched.
    ///
    /// # Errors
    /// The error of the system.
    pub(super) fn start(&mut self, start: ChildStart, now: Instant) -> io::Result<[RawFd; 2]> {
        self.due = None;
        let (mut link, its_link) = UnixStream::pair()?;
        let (reports, its_reports) = UnixDatagram::pair()?;
        reports.set_nonblocking(true)?;
        // The system keeps it until the child reads.
        writeln!(link, "{}", start.hello)?;
        let (its_link_fd, its_reports_fd) = (its_link.as_raw_fd(), its_reports.as_raw_fd());
        let descriptors = start.listeners.iter().map(|(descriptor, _)| *descriptor);
        let descriptors = descriptors.chain([its_link_fd, its_reports_fd]).collect();
        let named = |(descriptor, role): (RawFd, &str)| (descriptor, role.to_owned());
        let place = PlaceText {
            parent: process::id(),
            number: self.number,
            count: start.count,
            watchdog_ms: start.watchdog_ms,
            link: its_link_fd,
            reports: its_reports_fd,
            listeners: start.listeners.into_iter().map(named).collect(),
        };
        let mut command = own_command();
        command.env(PLACE, place.write()).stdin(Stdio::null());
        for name in OF_MANAGERS {
            command.env_remove(name);
        }
        // A terminal signals the group of the parent, which passes that on once.
        command.process_group(0);
        passing::pass(&mut command, descriptors);
        let process = command.spawn()?;
        let link = ParentLink::new(link)?;
        let watched = [reports.as_raw_fd(), link.descriptor()];
        self.running = Some(RunningProcess {
            process,
            link,
            reports,
            phase: ChildPhase::Starting,
            begun: now,
            alive: now,
            sockets: 0,
        });
        Ok(watched)
    }

    /// The number of its process, if one runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.process.id())
    }

    /// How many sockets it has said it has.
    pub(super) fn sockets(&self) -> u64 {
        self.running.as_ref().map_or(0, |running| running.sockets)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.phase != ChildPhase::Starting)
    }

    pub(super) fn is_reloading(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.phase == ChildPhase::Reloading)
    }

    pub(super) fn signal(&self, signal: ServerSignal) {
        if let Some(id) = self.pid() {
            passing::send(id, signal);
        }
    }

    /// Has it read its configuration again.
    pub(super) fn reload(&mut self) {
        self.signal(ServerSignal::Reload);
        if let Some(running) = &mut self.running
            && running.phase == ChildPhase::Ready
        {
            running.phase = ChildPhase::Reloading;
        }
    }

    /// Reads its next report.
    pub(super) fn report(&mut self, now: Instant) -> Option<ChildReport> {
        let running = self.running.as_mut()?;
        let mut bytes = [0; 1_024];
        let len = loop {
            match running.reports.recv(&mut bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result.ok()?,
            }
        };
        let report = ChildReport::read(&String::from_utf8_lossy(&bytes[..len]));
        running.alive = now;
        running.sockets = report.sockets.unwrap_or(running.sockets);
        if report.is_ready {
            running.phase = ChildPhase::Ready;
        }
        Some(report)
    }

    /// Its link, while it runs.
    pub(super) fn link(&mut self) -> Option<&mut ParentLink> {
        self.running.as_mut().map(|running| &mut running.link)
    }

    /// Queues a line for it, unless the queue is full. Returns whether the line is queued.
    pub(super) fn send(&mut self, line: &[u8]) -> bool {
        self.link().is_some_and(|link| link.send(line))
    }

    /// When it is late with a sign of life, three of which it gives in the `time` of the watchdog.
    pub(super) fn late(&self, time: Duration) -> Option<Instant> {
        let running = self.running.as_ref().filter(|of| of.phase != ChildPhase::Starting)?;
        running.alive.checked_add(time)
    }

    /// Its process has exited: waits for it. Returns how it ended, and sets when it is due again.
    pub(super) fn ended(&mut self, now: Instant) -> Option<(u32, ExitStatus, Duration)> {
        let mut running = self.running.take()?;
        let lived = now.saturating_duration_since(running.begun);
        let pause = self.pause(lived);
        self.due = Some(now + pause);
        Some((running.process.id(), running.process.wait().ok()?, pause))
    }

    /// Its process could not be started. Returns after what pause it is due again.
    pub(super) fn failed(&mut self, now: Instant) -> Duration {
        let pause = self.pause(Duration::ZERO);
        self.due = Some(now + pause);
        pause
    }

    fn pause(&mut self, lived: Duration) -> Duration {
        let pause_ms = self.backoff.fail(u64::try_from(lived.as_millis()).unwrap_or(0));
        Duration::from_millis(pause_ms.min(PAUSE_MS_MAX))
    }
}

#[cfg(test)]
impl ServerProcess {
    /// One that is ready, as far as its parent knows, and the other end of its link.
    pub(super) fn linked(number: usize) -> (Self, UnixStream) {
        let (link, its_link) = UnixStream::pair().expect("it is made");
        let begun = Instant::now();
        let running = RunningProcess {
            process: Command::new("true").spawn().expect("it runs"),
            link: ParentLink::new(link).expect("it is set"),
            reports: UnixDatagram::unbound().expect("it is made"),
            phase: ChildPhase::Ready,
            begun,
            alive: begun,
            sockets: 0,
        };
        (Self { running: Some(running), ..Self::new(number) }, its_link)
    }
}

/// A pause before a start, as a text.
pub(super) fn when(pause: Duration) -> String {
    if pause.is_zero() { "at once".to_owned() } else { format!("in {} s", pause.as_secs()) }
}

/// This program with the same arguments: the same file, even if another one has its path by now.
fn own_command() -> Command {
    let mut words = env::args_os();
    let name = words.next().unwrap_or_else(|| OsString::from("switchboard"));
    let file = match fs::metadata(OWN_FILE) {
        Ok(_) => Path::new(OWN_FILE).to_owned(),
        // Without /proc.
        Err(_) => PathBuf::from(&name),
    };
    let mut command = Command::new(file);
    command.arg0(name).args(words);
    command
}

/// What has come to its listeners waits so long.
const PAUSE_MS_MAX: u64 = 8_000;
const OWN_FILE: &str = "/proc/self/exe";
/// What a service manager says to this process alone.
const OF_MANAGERS: [&str; 6] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
];

//! `ParentPlan`: what a parent listens on, and what it does besides.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::admin::Admin;
use crate::host::{ListenerSource, Terminal, unix_socket};
use crate::limits::Limits;
use crate::net::listener_set::ListenerPlan;
#[cfg(feature = "tls")]
use crate::net::tls::TicketSecret;
use crate::ws::Transport;

/// A parent before it listens.
pub struct ParentPlan {
    pub(super) processes: usize,
    pub(super) listeners: ListenerPlan,
    pub(super) terminal: Terminal,
    pub(super) reload: Box<dyn Fn()>,
    pub(super) start_again: Box<dyn Fn(usize)>,
    pub(super) open_log: fn(),
    pub(super) admin: Option<Admin>,
    pub(super) message_bytes_max: usize,
    pub(super) drain: Duration,
    pub(super) refusal: Option<i32>,
    #[cfg(feature = "tls")]
    pub(super) tickets: Option<TicketSecret>,
}

impl ParentPlan {
    /// For so many processes.
    #[must_use]
    pub fn new(processes: usize) -> Self {
        Self {
            processes,
            listeners: ListenerPlan::default(),
            terminal: Terminal::none(),
            reload: Box::new(|| {}),
            start_again: Box::new(|_| {}),
            open_log: || {},
            admin: None,
            message_bytes_max: 0,
            drain: Duration::from_millis(Limits::SERVER.drain_ms_max),
            refusal: None,
            #[cfg(feature = "tls")]
            tickets: None,
        }
    }

    /// Listens on these addresses of TCP.
    pub fn listen(&mut self, addresses: &[SocketAddr]) -> &mut Self {
        let plain = addresses.iter().map(|address| (*address, Transport::Unknown));
        self.listeners.addresses.extend(plain);
        self
    }

    /// Likewise with TLS.
    #[cfg(feature = "tls")]
    pub fn listen_tls(&mut self, addresses: &[SocketAddr]) -> &mut Self {
        let secure = addresses.iter().map(|address| (*address, Transport::Secure));
        self.listeners.addresses.extend(secure);
        self
    }

    /// Listens on a Unix socket, as [`Server::unix_socket`](crate::Server::unix_socket) does.
    pub fn unix_socket(&mut self, path: impl Into<PathBuf>, mode: u32) -> &mut Self {
        self.listeners.sockets.push(unix_socket(path.into(), mode));
        self
    }

    /// Listens on inherited listeners.
    pub fn listen_on(&mut self, inherited: Vec<ListenerSource>) -> &mut Self {
        self.listeners.inherited.extend(inherited);
        self
    }

    /// Sets the terminal that the server was started from: it stops when that has gone.
    pub const fn terminal(&mut self, terminal: Terminal) -> &mut Self {
        self.terminal = terminal;
        self
    }

    /// Sets what the parent itself does for a reload. It must not wait.
    pub fn on_reload(&mut self, act: impl Fn() + 'static) -> &mut Self {
        self.reload = Box::new(act);
        self
    }

    /// Sets what the parent does when it has started a process again, with the number of that. It
    /// must not wait.
    pub fn on_start_again(&mut self, act: impl Fn(usize) + 'static) -> &mut Self {
        self.start_again = Box::new(act);
        self
    }

    /// Sets the listeners for operators, and the longest message that these may send.
    pub fn admin(&mut self, admin: Admin, message_bytes_max: usize) -> &mut Self {
        self.admin = Some(admin);
        self.message_bytes_max = message_bytes_max;
        self
    }

    /// Sets how long a clean stop of a process takes at most,
    /// [`Limits::drain_ms_max`](crate::Limits::drain_ms_max). One that takes much longer is killed.
    pub const fn drain(&mut self, time: Duration) -> &mut Self {
        self.drain = time;
        self
    }

    /// Sets the exit code of a process that refuses its configuration, for the log.
    pub fn refusal_code(&mut self, code: u8) -> &mut Self {
        self.refusal = Some(code.into());
        self
    }

    /// Sets what opens the file of the log again, for SIGUSR1.
    pub const fn open_log(&mut self, act: fn()) -> &mut Self {
        self.open_log = act;
        self
    }

    /// Sets the secret of the tickets of all processes.
    #[cfg(feature = "tls")]
    pub fn ticket_secret(&mut self, secret: TicketSecret) -> &mut Self {
        self.tickets = Some(secret);
        self
    }
}

impl fmt::Debug for ParentPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParentPlan").field("processes", &self.processes).finish_non_exhaustive()
    }
}

/// How long a clean stop may take beyond the drain, for services and programs that finish.
pub(super) const LATE_STOP: Duration = Duration::from_secs(10);

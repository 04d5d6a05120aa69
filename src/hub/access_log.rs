//! Which lines are logged about sockets and requests: one line for each, when it ends.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

use log::Level;

use crate::hub::address_key::{AddressKey, PeerName};
use crate::hub::identity::NO_HEADER;
#[cfg(feature = "admin")]
use crate::hub::notes::Notes;
use crate::hub::report::{LogField, log_fields};
use crate::hub::socket::{Membership, Socket};
use crate::hub::socket_flags::SocketFlag;
use crate::hub::tls::has_failed_at_tls;
use crate::hub::{Hub, Subject, more_like_this};
use crate::service::{LIFE_FIELDS, SocketId};
use crate::time::Time;
use crate::ws::syntax::cut;
use crate::ws::{Head, Response, Status, Target};

/// Which lines the log has of sockets and requests: one for each, when it ends. They have the
/// target `switchboard::access`. If many peers cause them, only some are logged in each second, and
/// the others are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessLog {
    /// A line for each socket, and for each request.
    All,
    /// A line for each socket of a service, and for each request that was refused or failed. This
    /// is the default.
    #[default]
    Sockets,
    /// None of these lines.
    Off,
}

/// How a connection ended, for its log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It was a socket of a service.
    Closed,
    /// It was answered with a page, a file, a redirect or the like.
    Answered,
    /// Its request was refused, or never became whole.
    Refused,
    /// No byte came, as from a TCP health check, or none behind a TLS handshake.
    Silent,
}

impl Hub {
    /// Sets which lines are logged.
    pub const fn access_log(&mut self, access: AccessLog) {
        self.access = access;
    }

    /// Keeps for the log how a socket ended, or why its request is about to be refused. The first
    /// reason is kept.
    pub fn record_end(&mut self, id: SocketId, reason: &str) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let cold = socket.cold.get_or_insert_default();
        if cold.reason.is_empty() {
            reason[..reason.floor_char_boundary(REASON_BYTES_MAX)].clone_into(&mut cold.reason);
        }
    }

    /// Whether the log has a line for each socket that ends.
    pub(super) fn logs_ends(&self) -> bool {
        self.access != AccessLog::Off && Level::Info <= log::max_level()
    }

    /// Keeps the target of the request for the log, without the query.
    pub(super) fn note_request(&mut self, id: SocketId, method: &str, path: &str) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let cold = socket.cold.get_or_insert_default();
        cut(method).clone_into(&mut cold.method);
        cut(&without_secrets(path)).clone_into(&mut cold.path);
    }

    /// Keeps the head of a request for the log, until it is known whether a line has any of it.
    pub(super) fn note_head(&mut self, id: SocketId, head: &Head) {
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.cold.get_or_insert_default().head = Some(head.clone());
        }
    }

    /// A line is to come about a request: keeps the words of its head that the line has.
    pub(super) fn note_words(&mut self, id: SocketId) {
        let cold = self.sockets.get_mut(id).and_then(|socket| socket.cold.as_mut());
        let Some(head) = cold.and_then(|cold| cold.head.take()) else { return };
        match Target::parse(head.target()) {
            Ok(target) => self.note_request(id, head.method(), &target.path),
            Err(_) => self.note_request(id, head.method(), head.target()),
        }
        #[cfg(feature = "admin")]
        if self.access != AccessLog::Off
            && let Some(socket) = self.sockets.get_mut(id)
        {
            let text = |name| {
                let value = String::from_utf8_lossy(head.first(name).unwrap_or_default());
                cut(&value).to_owned()
            };
            let notes = socket.cold.get_or_insert_default().notes.get_or_insert_default();
            (notes.host, notes.user_agent) = (text("Host"), text("User-Agent"));
        }
    }

    /// Keeps that a proxy has connected for the client of a socket. The first one is the peer of
    /// the connection; others are before it.
    #[cfg(feature = "admin")]
    pub(super) fn note_proxy(&mut self, id: SocketId, proxy: Option<SocketAddr>) {
        if self.access == AccessLog::Off {
            return;
        }
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let notes = socket.cold.get_or_insert_default().notes.get_or_insert_default();
        if notes.proxy.is_empty() {
            notes.proxy = PeerName(proxy).to_string();
        }
    }

    /// Keeps for the log how a request is answered. The first answer is the one that is sent.
    pub(super) fn note_answer(&mut self, id: SocketId, response: &Response) {
        self.note_words(id);
        let status = response.status();
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let cold = socket.cold.get_or_insert_default();
        if cold.status.is_some() {
            return;
        }
        cold.status = Some(status);
        self.counters.respond(status.number());
        if is_page(status) {
            // Whether all of it arrives is not known yet.
            return cold.reason.clear();
        }
        self.record_end(id, response.reason());
    }

    /// The one line about a connection.
    pub(super) fn log_end(&mut self, id: SocketId, socket: &Socket, now: Time) {
        let cold = socket.cold.as_deref();
        let status = cold.and_then(|cold| cold.status);
        let counts = socket.counts();
        let has_no_header =
            cfg!(feature = "proxy") && cold.is_some_and(|cold| cold.reason == NO_HEADER);
        let outcome = match socket.membership {
            Membership::Member | Membership::Left => Outcome::Closed,
            _ if status.is_some_and(is_page) => Outcome::Answered,
            _ if counts.0 == 0
                && status.is_none()
                && !socket.flags.has(SocketFlag::Surplus)
                && !has_no_header
                && !has_failed_at_tls(socket) =>
            {
                Outcome::Silent
            }
            Membership::None | Membership::Waiting | Membership::Asked => Outcome::Refused,
        };
        let peer = self.addresses.of(socket.peer);
        let reason = match cold.map_or("", |cold| &cold.reason) {
            // Without another reason by now, all of the answer has been sent.
            "" if outcome != Outcome::Closed => "page",
            reason => reason,
        };
        if !self.is_logged(outcome, status, reason, peer, now) {
            return;
        }
        let path = cold.map_or("", |cold| &cold.path);
        let path = match socket.worker {
            Some(worker) if path.is_empty() => self.path_of(worker),
            Some(_) | None => path,
        };
        let address = PeerName(peer).to_string();
        let mut fields = vec![
            ("socket", LogField::Number(id.as_u64())),
            ("peer", LogField::Word(&address)),
            ("method", LogField::Text(cold.map_or("", |cold| &cold.method))),
            ("path", LogField::Text(path)),
            ("status", LogField::Number(status.map_or(0, Status::number).into())),
            ("reason", LogField::Text(reason)),
            ("received", LogField::Number(counts.0)),
            ("sent", LogField::Number(counts.1)),
            ("ms", LogField::Number(socket.age_ms(now))),
        ];
        // The line of a socket has these fields only; that of a request has those that are known.
        fields.retain(|(key, value)| {
            let is_there = outcome != Outcome::Closed
                && !matches!(value, LogField::Text("") | LogField::Number(0));
            LIFE_FIELDS.contains(key) || is_there
        });
        #[cfg(feature = "admin")]
        {
            let notes = cold.and_then(|cold| cold.notes.as_deref());
            let notes = notes.filter(|_| outcome != Outcome::Closed);
            fields.extend(known(self.listeners.name_of(id), notes));
        }
        let labels = cold.map_or(&[][..], |cold| &cold.labels);
        fields.extend(labels.iter().map(|(key, value)| (&**key, LogField::Text(value))));
        log_fields(outcome.level(status), TARGET, [outcome.event(), ""], &fields);
    }

    /// The line about a socket that opens, whose request is answered with the 101.
    #[cfg(feature = "admin")]
    pub(super) fn log_open(&mut self, id: SocketId) {
        if self.access != AccessLog::All || Level::Info > log::max_level() {
            return;
        }
        self.note_words(id);
        let Some(socket) = self.sockets.get(id) else { return };
        let Some((worker, cold)) = socket.worker.zip(socket.cold.as_deref()) else { return };
        let address = PeerName(self.addresses.of(socket.peer)).to_string();
        let path = if cold.path.is_empty() { self.path_of(worker) } else { &cold.path };
        let mut fields = vec![
            ("socket", LogField::Number(id.as_u64())),
            ("peer", LogField::Word(&address)),
            ("method", LogField::Text(&cold.method)),
            ("path", LogField::Text(path)),
            ("status", LogField::Number(101)),
        ];
        fields.extend(known(self.listeners.name_of(id), cold.notes.as_deref()));
        log_fields(Level::Info, TARGET, ["socket opened", ""], &fields);
    }

    /// The line about a connection that is dropped without an answer, since even refusals have used
    /// up their capacity.
    pub(super) fn log_dropped(&mut self, peer: Option<SocketAddr>, reason: &str, now: Time) {
        if self.is_logged(Outcome::Refused, None, reason, peer, now) {
            let fields = [
                ("peer", LogField::Word(&PeerName(peer).to_string())),
                ("reason", LogField::Text(reason)),
                #[cfg(feature = "admin")]
                ("listener", LogField::Apart(self.listeners.current())),
            ];
            log_fields(Level::Info, TARGET, [Outcome::Refused.event(), ""], &fields);
        }
    }

    /// Whether this line is logged. Of those that any peer can cause, only some are logged each
    /// second.
    fn is_logged(
        &mut self,
        outcome: Outcome,
        status: Option<Status>,
        reason: &str,
        peer: Option<SocketAddr>,
        now: Time,
    ) -> bool {
        let is_wanted = match outcome {
            Outcome::Answered => self.access == AccessLog::All,
            Outcome::Closed | Outcome::Refused | Outcome::Silent => self.access != AccessLog::Off,
        };
        if !is_wanted || outcome.level(status) > log::max_level() {
            return false;
        }
        if outcome != Outcome::Refused {
            return true;
        }
        self.log_left_out(now);
        // The first two words of a reason never come from a peer.
        let end = reason.match_indices(' ').nth(1).map_or(reason.len(), |(at, _)| at);
        let peer = AddressKey::of(peer).to_string();
        let kind = LineKind { subject: Some(peer), status, words: reason[..end].to_owned() };
        self.refusals.admits(kind, now)
    }

    /// Logs a warning, with its service if it has one. If there were too many of this kind, it is
    /// only counted. `what` names the kind. It contains no text from a peer or a program.
    pub fn warn(&mut self, service: Option<&str>, what: &str, text: fmt::Arguments<'_>, now: Time) {
        self.log_left_out(now);
        let subject = service.map(str::to_owned);
        let kind = LineKind { subject, status: None, words: what.to_owned() };
        if self.warnings.admits(kind, now) {
            log_warning(service, text);
        }
    }

    /// Logs how many lines were left out, once their second is over.
    pub(super) fn log_left_out(&mut self, now: Time) {
        while let Some((count, kind)) = self.warnings.overdue(now) {
            let service = kind.as_ref().and_then(|kind| kind.subject.as_deref());
            let text = more_like_this(count, kind.as_ref().map(|kind| &*kind.words));
            log_warning(service, format_args!("{text}"));
        }
        while let Some((count, kind)) = self.refusals.overdue(now) {
            let mut fields = vec![("count", LogField::Number(count))];
            let reason;
            match &kind {
                // Those that share a count have neither address nor reason in common.
                None => fields.push(("peer", LogField::Word("others"))),
                Some(LineKind { subject, status, words }) => {
                    reason = format!("{words} ...");
                    let peer = subject.as_deref().map(|peer| ("peer", LogField::Word(peer)));
                    let status = status.map(|s| ("status", LogField::Number(s.number().into())));
                    fields.extend(peer.into_iter().chain(status));
                    fields.push(("reason", LogField::Text(&reason)));
                }
            }
            let intro = "more like this in 1 s: ";
            log_fields(Level::Info, TARGET, ["requests refused", intro], &fields);
        }
    }
}

/// What lines have in common that are counted together once they are many.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LineKind {
    /// A service, or as much of a peer's address as counts as one; `None` if it is the server.
    subject: Option<String>,
    /// How requests were answered, if they were.
    status: Option<Status>,
    /// The name of the warning, or the beginning of the reason.
    words: String,
}

impl Outcome {
    fn level(self, status: Option<Status>) -> Level {
        match self {
            // A 500 is a fault of the server.
            Self::Refused if status == Some(Status::INTERNAL_ERROR) => Level::Warn,
            Self::Closed | Self::Answered | Self::Refused => Level::Info,
            Self::Silent => Level::Debug,
        }
    }

    /// The event, for loggers with structured fields.
    const fn event(self) -> &'static str {
        match self {
            Self::Closed => "socket closed",
            Self::Answered => "request answered",
            Self::Refused => "request refused",
            Self::Silent => "nothing was sent",
        }
    }
}

fn log_warning(service: Option<&str>, text: fmt::Arguments<'_>) {
    match service {
        Some(service) => Subject::service(service).warn(text),
        None => log::warn!(target: "switchboard::server", "{text}"),
    }
}

/// What is known of a request beside what each line has, for loggers that keep fields apart.
#[cfg(feature = "admin")]
fn known<'a>(
    listener: &'a str,
    notes: Option<&'a Notes>,
) -> impl Iterator<Item = (&'a str, LogField<'a>)> {
    let text = |text: fn(&Notes) -> &String| notes.map_or("", |notes| text(notes));
    let known = [
        ("listener", listener),
        ("proxy", text(|notes| &notes.proxy)),
        ("host", text(|notes| &notes.host)),
        ("user_agent", text(|notes| &notes.user_agent)),
    ];
    known
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(key, text)| (key, LogField::Apart(text)))
}

/// A target without its query and its user, which may be secrets.
fn without_secrets(target: &str) -> Cow<'_, str> {
    let path = target.split('?').next().unwrap_or_default();
    let Some((scheme, rest)) = path.split_once("://") else { return path.into() };
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]).into(),
        None => path.into(),
    }
}

/// Whether the request was answered successfully.
const fn is_page(status: Status) -> bool {
    status.number() < 400
}

const TARGET: &str = "switchboard::access";
/// Each quoted value is cut already; this bounds a text that quotes several.
const REASON_BYTES_MAX: usize = 1_024;

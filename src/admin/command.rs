//! `AdminCommand`: what a request asks for, from its method and its target.

use log::LevelFilter;

use crate::admin::access::Power;
use crate::admin::form::{Form, bad};
use crate::service::Audience;
#[cfg(feature = "processes")]
use crate::service::audience::Recipients;
use crate::service::audience_text::audience;
use crate::ws::syntax::number;
use crate::ws::{Close, CloseCode, Head, Message, Response, Status, Target};

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminCommand {
    /// Whether the loop turns.
    Health,
    /// Whether new sockets should come here.
    Readiness,
    /// The state as JSON.
    Status,
    /// The metrics for Prometheus.
    Metrics,
    /// Send a message to sockets of a service.
    Send {
        /// The path of the service.
        service: String,
        /// Which sockets.
        to: Audience,
        /// What; empty until the content of the request has come.
        message: Message,
        /// The one process that it is for, of several.
        process: Option<usize>,
    },
    /// Close sockets of a service.
    Close {
        /// The path of the service.
        service: String,
        /// Which sockets.
        to: Audience,
        /// The code and the reason.
        close: Close,
        /// The one process that it is for, of several.
        process: Option<usize>,
    },
    /// Read the configuration again.
    Reload,
    /// Stop cleanly.
    Drain,
    /// Log at this level.
    LogLevel(LevelFilter),
}

impl AdminCommand {
    /// The one process that it is for, of several.
    pub(crate) const fn one_process(&self) -> Option<usize> {
        match self {
            Self::Send { process, .. } | Self::Close { process, .. } => *process,
            _ => None,
        }
    }
}

#[cfg(feature = "processes")]
impl AdminCommand {
    /// Whether its answer is all that it is for. The others change something.
    pub(crate) const fn is_question(&self) -> bool {
        match self {
            Self::Health | Self::Readiness | Self::Status | Self::Metrics => true,
            Self::Send { .. }
            | Self::Close { .. }
            | Self::Reload
            | Self::Drain
            | Self::LogLevel(_) => false,
        }
    }

    /// Whether it names sockets by their ids.
    pub(super) fn is_for_ids(&self) -> bool {
        match self {
            Self::Send { to, .. } | Self::Close { to, .. } => {
                matches!(to.who, Recipients::One(_) | Recipients::Many(_))
                    || to.but.is_some()
                    || to.slows != Audience::NOBODY
            }
            _ => false,
        }
    }
}

/// What can be asked for.
struct Route {
    path: &'static str,
    power: Power,
    read: fn(&mut Form) -> Result<AdminCommand, Response>,
}

const ROUTES: [Route; 9] = [
    Route { path: "/healthz", power: Power::Probe, read: |_| Ok(AdminCommand::Health) },
    Route { path: "/readyz", power: Power::Probe, read: |_| Ok(AdminCommand::Readiness) },
    Route { path: "/status", power: Power::Look, read: |_| Ok(AdminCommand::Status) },
    Route { path: "/metrics", power: Power::Look, read: |_| Ok(AdminCommand::Metrics) },
    Route { path: "/send", power: Power::Change, read: send },
    Route { path: "/close", power: Power::Change, read: close },
    Route { path: "/reload", power: Power::Change, read: |_| Ok(AdminCommand::Reload) },
    Route { path: "/drain", power: Power::Change, read: |_| Ok(AdminCommand::Drain) },
    Route { path: "/log-level", power: Power::Change, read: log_level },
];

/// What can be asked for under the target of a request. Who asks is to be checked next, and then
/// the rest of the request.
pub(super) struct Routed {
    route: &'static Route,
    query: String,
}

impl Routed {
    /// Finds what is at the target.
    ///
    /// # Errors
    /// Nothing is there.
    pub(super) fn find(head: &Head) -> Result<Self, Response> {
        let target = Target::parse(head.target())
            .map_err(|error| Response::text(error.status(), error.reason()))?;
        match ROUTES.iter().find(|route| route.path == target.path) {
            Some(route) => Ok(Self { route, query: target.query }),
            None => Err(Response::text(Status::NOT_FOUND, &nothing())),
        }
    }

    /// What the request can do.
    pub(super) const fn power(&self) -> Power {
        self.route.power
    }

    /// Reads what is asked for.
    ///
    /// # Errors
    /// The method is another one, or a parameter is missing, wrong or unknown.
    pub(super) fn read(&self, method: &str) -> Result<AdminCommand, Response> {
        let allowed = if self.power() == Power::Change { "POST" } else { "GET, HEAD" };
        if !allowed.split(", ").any(|allowed| allowed == method) {
            let text = format!("{} takes {allowed}", self.route.path);
            // RFC 9110, 15.5.6: with the methods that are allowed.
            let refusal = Response::text(Status::METHOD_NOT_ALLOWED, &text);
            return Err(refusal.header("Allow", allowed));
        }
        // Load balancers and caches append parameters to probes.
        if self.power() != Power::Change {
            return (self.route.read)(&mut Form::read("")?);
        }
        let mut form = Form::read(&self.query)?;
        let command = (self.route.read)(&mut form)?;
        form.end()?;
        Ok(command)
    }
}

fn nothing() -> String {
    let paths: Vec<_> = ROUTES.iter().map(|route| route.path).collect();
    format!("nothing is here; there are {}", paths.join(", "))
}

fn send(form: &mut Form) -> Result<AdminCommand, Response> {
    let message = match form.take("type").as_deref() {
        None | Some("text") => Message::from(""),
        Some("binary") => Message::from(Vec::new()),
        Some(other) => return Err(bad(&format!("type is {other:?}: text or binary"))),
    };
    let (service, to, process) = (form.need("service")?, recipients(form)?, one_process(form)?);
    Ok(AdminCommand::Send { service, to, message, process })
}

fn close(form: &mut Form) -> Result<AdminCommand, Response> {
    let (service, to, process) = (form.need("service")?, recipients(form)?, one_process(form)?);
    let code = form.take("code").unwrap_or_else(|| CloseCode::NORMAL.number().to_string());
    // The library would also accept a sign.
    let digits = number(&code, CODE_DIGITS).and_then(|number| u16::try_from(number).ok());
    let found = digits.and_then(CloseCode::new).ok_or_else(|| {
        bad(&format!(
            "code is {code:?}, which is no close code to send: 1000 to 1003, 1007 to 1014, 3000 to \
             4999"
        ))
    })?;
    let close = Close::new(found, form.take("reason").unwrap_or_default());
    // RFC 6455, 5.5: a control frame has 125 bytes, two of them for the code.
    if close.sent_reason().len() < close.reason.len() {
        return Err(bad("reason is longer than the 123 bytes of a close frame"));
    }
    Ok(AdminCommand::Close { service, to, close, process })
}

fn recipients(form: &mut Form) -> Result<Audience, Response> {
    audience(&form.need("to")?)
        .map_err(|error| bad(&format!("to: {error}; * is all, and @news a topic")))
}

fn one_process(form: &mut Form) -> Result<Option<usize>, Response> {
    let Some(text) = form.take("process") else { return Ok(None) };
    let digits = number(&text, PROCESS_DIGITS).and_then(|number| usize::try_from(number).ok());
    match digits {
        Some(number) => Ok(Some(number)),
        None => Err(bad(&format!("process is {text:?}: the number of a process, from 0"))),
    }
}

fn log_level(form: &mut Form) -> Result<AdminCommand, Response> {
    let level = form.need("level")?;
    match level.parse() {
        Ok(found) if level == level.to_ascii_lowercase() => Ok(AdminCommand::LogLevel(found)),
        _ => Err(bad(&format!("level is {level:?}: off, error, warn, info, debug or trace"))),
    }
}

const CODE_DIGITS: usize = 4;
const PROCESS_DIGITS: usize = 2;

//! `FailureLog`: the log lines about errors of callbacks.

use std::time::Instant;

use log::kv::Value;
use log::{Level, Record};

use crate::service::SocketId;
use crate::service::line_limit::LineLimit;

/// What a service did wrong, for the log.
#[derive(Clone, Copy, Debug)]
pub(super) enum Failure<'a> {
    /// A callback about a socket has returned an error, which has this text.
    Callback(SocketId, &'a str),
    /// The same, with an error that says how to close the socket.
    Close(SocketId, &'a str),
    /// A gate has dropped a request without an answer.
    Dropped(SocketId),
    /// So many lines were left out.
    LeftOut(u64),
}

/// Logs failures. A peer may cause one with each message, so the log has few lines for a second,
/// and then the count of those that were left out.
#[derive(Default)]
pub(super) struct FailureLog {
    limit: LineLimit,
}

impl FailureLog {
    /// Logs a failure of the service with this path.
    pub(super) fn write(&mut self, service: &str, failure: Failure<'_>) {
        #[cfg(feature = "testing")]
        record(failure);
        let left_out = self.limit.begin(Instant::now()).map(Failure::LeftOut);
        left_out.into_iter().for_each(|lines| log_failure(service, lines));
        if self.limit.admits() {
            log_failure(service, failure);
        }
    }

    /// Logs how many failures were left out since the last line.
    pub(super) fn end(&mut self, service: &str) {
        let left_out = self.limit.take_left_out().map(Failure::LeftOut);
        left_out.into_iter().for_each(|lines| log_failure(service, lines));
    }
}

/// Logs what a service with this path did wrong about one of its sockets.
fn log_failure(service: &str, failure: Failure<'_>) {
    let (level, id, text) = match failure {
        Failure::Callback(id, error) => (Level::Warn, Some(id), error.to_owned()),
        Failure::Close(id, error) => (Level::Info, Some(id), error.to_owned()),
        Failure::Dropped(id) => (Level::Warn, Some(id), DROPPED.to_owned()),
        Failure::LeftOut(lines) => {
            (Level::Warn, None, format!("{lines} more errors of its callbacks were left out"))
        }
    };
    if level > log::max_level() {
        return;
    }
    let mut fields = vec![("event", Value::from(text.as_str())), ("service", Value::from(service))];
    let mut socket = String::new();
    if let Some(id) = id {
        fields.push(("socket", Value::from(id.as_u64())));
        socket = format!("socket {id}: ");
    }
    let target = "switchboard::service";
    let mut record = Record::builder();
    record.level(level).target(target).module_path_static(Some(module_path!()));
    let fields = fields.as_slice();
    let words = format_args!("service {service}: {socket}{text}");
    log::logger().log(&record.key_values(&fields).args(words).build());
}

/// Calls something with the services of this thread. Returns their failures besides, those left out
/// of the log included.
#[cfg(feature = "testing")]
pub(crate) fn recording_failures<T>(call: impl FnOnce() -> T) -> (T, Vec<String>) {
    RECORDED.set(Some(Vec::new()));
    let result = call();
    (result, RECORDED.take().unwrap_or_default())
}

#[cfg(feature = "testing")]
fn record(failure: Failure<'_>) {
    let text = match failure {
        Failure::Callback(id, error) => format!("a callback about socket {id} has failed: {error}"),
        Failure::Dropped(id) => format!("socket {id}: {DROPPED}"),
        // They are as intended.
        Failure::Close(..) | Failure::LeftOut(_) => return,
    };
    let mut recorded = RECORDED.take();
    recorded.iter_mut().for_each(|texts| texts.push(text.clone()));
    RECORDED.set(recorded);
}

#[cfg(feature = "testing")]
thread_local! {
    /// The failures of a call, while there is one.
    static RECORDED: std::cell::Cell<Option<Vec<String>>> = const { std::cell::Cell::new(None) };
}

const DROPPED: &str = "its gate has dropped the request without an answer, which makes a 500";

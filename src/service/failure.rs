//! `FailureLog`: the log lines about errors of callbacks.

use std::time::{Duration, Instant};

use log::kv::Value;
use log::{Level, Record};

use crate::service::SocketId;

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
    /// When the current second has begun.
    begun: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl FailureLog {
    /// Logs a failure of the service with this path.
    pub(super) fn write(&mut self, service: &str, failure: Failure<'_>) {
        #[cfg(feature = "testing")]
        record(failure);
        let now = Instant::now();
        self.begin(now).into_iter().for_each(|lines| log_failure(service, lines));
        if self.admits() {
            log_failure(service, failure);
        }
    }

    /// Logs how many failures were left out since the last line.
    pub(super) fn end(&mut self, service: &str) {
        self.take_left_out().into_iter().for_each(|lines| log_failure(service, lines));
    }

    /// Begins another second, if the last one is over. Returns what it has left out.
    fn begin(&mut self, now: Instant) -> Option<Failure<'static>> {
        let is_going_on = |begun: Instant| now.saturating_duration_since(begun) < SECOND;
        if self.begun.is_some_and(is_going_on) {
            return None;
        }
        (self.begun, self.lines) = (Some(now), 0);
        self.take_left_out()
    }

    /// Whether there is another line in this second. Otherwise it is counted.
    const fn admits(&mut self) -> bool {
        let admitted = self.lines < LINES_MAX;
        if admitted {
            self.lines += 1;
        } else {
            self.left_out += 1;
        }
        admitted
    }

    fn take_left_out(&mut self) -> Option<Failure<'static>> {
        let left_out = std::mem::take(&mut self.left_out);
        (left_out > 0).then_some(Failure::LeftOut(left_out))
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
const SECOND: Duration = Duration::from_secs(1);
/// How many failures the log has for one second of a service.
const LINES_MAX: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_ten_lines_and_a_count() {
        let (mut log, start) = (FailureLog::default(), Instant::now());
        for second in 0..3 {
            let now = start + SECOND * second;
            let left_out = log.begin(now);
            match second {
                0 => assert!(left_out.is_none()),
                _ => assert!(matches!(left_out, Some(Failure::LeftOut(15))), "{left_out:?}"),
            }
            assert!(log.begin(now + SECOND / 2).is_none());
            assert_eq!((0..25).filter(|_| log.admits()).count(), 10);
        }
        assert!(matches!(log.take_left_out(), Some(Failure::LeftOut(15))));
        assert!(log.take_left_out().is_none());
    }
}

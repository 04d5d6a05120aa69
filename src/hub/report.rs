//! Log lines about a service, as text and as fields for loggers with structured fields.

use std::fmt;

use log::kv::Value;
use log::{Level, Record};

use crate::service::SocketId;

/// The subject of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// The path of the service.
    pub service: &'a str,
    /// The number of its worker that the line is about, if it has several.
    #[cfg(feature = "workers")]
    pub worker: Option<usize>,
    /// The process of its program that the line comes from, if there is one.
    pub pid: Option<u32>,
}

impl<'a> Subject<'a> {
    /// The service itself.
    #[must_use]
    pub(crate) const fn service(service: &'a str) -> Self {
        Self {
            service,
            #[cfg(feature = "workers")]
            worker: None,
            pid: None,
        }
    }

    /// Logs a text.
    pub(crate) fn log(self, level: Level, text: fmt::Arguments<'_>) {
        if level > log::max_level() {
            return;
        }
        let Self { service, pid, .. } = self;
        let text = text.to_string();
        let mut fields =
            vec![("event", Value::from(text.as_str())), ("service", Value::from(service))];
        let mut process = String::new();
        #[cfg(feature = "workers")]
        if let Some(worker) = self.worker {
            fields.push(("worker", Value::from(worker)));
            process = format!("worker {worker}: ");
        }
        let mut target = "switchboard::service";
        if let Some(pid) = pid {
            fields.push(("pid", Value::from(pid)));
            process += &format!("process {pid}: ");
            target = "switchboard::program";
        }
        log_line(level, target, &fields, format_args!("service {service}: {process}{text}"));
    }

    /// Logs a warning.
    pub(crate) fn warn(self, text: fmt::Arguments<'_>) {
        self.log(Level::Warn, text);
    }
}

/// Logs an event of a socket, at debug or trace.
#[inline(always)]
pub(super) fn log_socket(level: Level, id: SocketId, text: fmt::Arguments<'_>) {
    if level <= log::max_level() {
        log_any(level, id, text);
    }
}

#[cold]
fn log_any(level: Level, id: SocketId, text: fmt::Arguments<'_>) {
    let text = text.to_string();
    let fields = [("event", Value::from(text.as_str())), ("socket", Value::from(id.as_u64()))];
    log_line(level, "switchboard::socket", &fields, format_args!("socket {id}: {text}"));
}

/// The value of a field. Texts of peers are in quotes.
#[derive(Clone, Copy, Debug)]
pub(super) enum LogField<'a> {
    Text(&'a str),
    Number(u64),
    Word(&'a str),
    /// Only for loggers that keep fields apart: a line of text would become too long.
    #[cfg(feature = "admin")]
    Apart(&'a str),
}

/// Logs the fields as words behind `intro`, and as fields for loggers that keep them apart, where
/// `event` says what has happened.
pub(super) fn log_fields(
    level: Level,
    target: &'static str,
    [event, intro]: [&'static str; 2],
    fields: &[(&str, LogField<'_>)],
) {
    let in_text = fields.iter().filter(|(_, value)| value.is_in_text());
    let words: String = in_text.map(|(key, value)| format!(" {key}={value}")).collect();
    let mut pairs = vec![("event", Value::from(event))];
    pairs.extend(fields.iter().map(|(key, value)| match value {
        LogField::Text(text) | LogField::Word(text) => (*key, Value::from(*text)),
        LogField::Number(number) => (*key, Value::from(*number)),
        #[cfg(feature = "admin")]
        LogField::Apart(text) => (*key, Value::from(*text)),
    }));
    log_line(level, target, &pairs, format_args!("{intro}{}", words.trim_start()));
}

impl LogField<'_> {
    /// Whether it is in lines of text.
    const fn is_in_text(&self) -> bool {
        match self {
            Self::Text(_) | Self::Number(_) | Self::Word(_) => true,
            #[cfg(feature = "admin")]
            Self::Apart(_) => false,
        }
    }
}

impl fmt::Display for LogField<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => fmt::Debug::fmt(text, f),
            Self::Number(number) => number.fmt(f),
            Self::Word(word) => word.fmt(f),
            #[cfg(feature = "admin")]
            Self::Apart(text) => text.fmt(f),
        }
    }
}

/// Logs a line as text, with its fields for loggers with structured fields.
pub(super) fn log_line(
    level: Level,
    target: &str,
    fields: &[(&str, Value<'_>)],
    words: fmt::Arguments<'_>,
) {
    let mut record = Record::builder();
    record.level(level).target(target).module_path_static(Some(module_path!()));
    log::logger().log(&record.key_values(&fields).args(words).build());
}

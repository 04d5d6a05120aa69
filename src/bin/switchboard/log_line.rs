//! A line of the log: a record in one of the formats.

#[cfg(feature = "processes")]
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use log::kv::{self, Key, Value, VisitSource};
use log::{Level, Record};
use switchboard::config::LogFormat;
use switchboard::pages::escape::{json, plain};
use switchboard::ws::http_date::civil;

/// The whole line with its line feed.
pub(crate) fn line(format: LogFormat, now: SystemTime, record: &Record<'_>) -> String {
    let time = rfc3339(now);
    let level = name_of(record.level());
    let target = record.target();
    let message = record.args().to_string();
    #[cfg(feature = "processes")]
    let process = PROCESS.get();
    match format {
        LogFormat::Text => {
            // Above debug, messages are for readers who do not know the modules.
            let is_shown = record.level() >= Level::Debug;
            let target = if is_shown { format!("{target}: ") } else { String::new() };
            #[cfg(feature = "processes")]
            let target = process.map_or_else(String::new, |own| format!("[{own}] ")) + &target;
            format!("{time} {level:<5} {}{}\n", plain(&target), plain(&message))
        }
        LogFormat::Json => {
            let mut fields = Fields { message, rest: String::new() };
            // The collector accepts all fields.
            let _ = record.key_values().visit(&mut fields);
            let Fields { message, rest } = fields;
            #[cfg(feature = "processes")]
            let rest =
                process.map_or_else(String::new, |own| format!(",\"process\":{own}")) + &rest;
            let (target, message) = (json(target), json(&message));
            let head = format!("\"time\":\"{time}\",\"level\":\"{level}\",\"target\":{target}");
            format!("{{{head},\"message\":{message}{rest}}}\n")
        }
    }
}

/// The fields of a record as members of a JSON object, each with its comma. A field with the name
/// of a member that every line has is renamed, since readers keep only one of two. A field called
/// `event` is the message without the fields, and replaces it.
struct Fields {
    message: String,
    rest: String,
}

impl<'a> VisitSource<'a> for Fields {
    fn visit_pair(&mut self, key: Key<'a>, value: Value<'a>) -> Result<(), kv::Error> {
        // Lines of the server have no other types. Others would need the formatting of floats.
        let value = match (value.to_borrowed_str(), value.to_u64()) {
            (Some(text), _) if key.as_str() == "event" => {
                text.clone_into(&mut self.message);
                return Ok(());
            }
            (Some(text), _) => json(text),
            (None, Some(number)) => number.to_string(),
            (None, None) => return Ok(()),
        };
        let mark = if MEMBERS.contains(&key.as_str()) { "_" } else { "" };
        self.rest.push_str(&format!(",{}:{value}", json(&format!("{mark}{key}"))));
        Ok(())
    }
}

const fn name_of(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

/// The moment in UTC with milliseconds, such as `2001-02-03T04:05:06.789Z`.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    // A clock before 1970 is not set, which is no fault of the log.
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / DAY_SECONDS, since.as_secs() % DAY_SECONDS);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let ms = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// The number of this process, if it is one of several.
#[cfg(feature = "processes")]
pub(crate) static PROCESS: OnceLock<usize> = OnceLock::new();
/// The members of the object that a line is in JSON, before its fields.
pub(crate) const MEMBERS: [&str; 4] = ["time", "level", "target", "message"];
const DAY_SECONDS: u64 = 86_400;

//! The log lines about a database.

use std::fmt;

use log::kv::Value;
use log::{Level, Record};

/// Logs a line about the database of this name.
pub(super) fn log_database(level: Level, name: &str, text: fmt::Arguments<'_>) {
    if level > log::max_level() {
        return;
    }
    let text = text.to_string();
    let fields = [("event", Value::from(text.as_str())), ("database", Value::from(name))];
    let fields = fields.as_slice();
    let mut record = Record::builder();
    record.level(level).target("switchboard::database").module_path_static(Some(module_path!()));
    let words = format_args!("database {name}: {text}");
    log::logger().log(&record.key_values(&fields).args(words).build());
}

//! `DatabaseValue`: the keys of a section of a database, with their values.

use std::ffi::OsStr;
use std::time::Duration;

use crate::config::database_config::{DatabaseConfig, DatabaseKind, DiskSync, SslMode};
use crate::config::value::numbers::{count, time_above_zero};
use crate::config::value::words::{file_or_none, word};
use crate::service::Start;

/// A key of a database.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DatabaseValue {
    Url,
    Connections,
    Queue,
    Wait,
    QueryTimeout,
    Start,
    Synchronous,
    PasswordFile,
    SslMode,
    CaFile,
}

impl DatabaseValue {
    /// Reads the value and sets it; `None` if it is not allowed.
    pub(crate) fn set(self, target: &mut DatabaseConfig, value: &OsStr) -> Option<()> {
        let text = value.to_str();
        let options = &mut target.options;
        match self {
            Self::Url => {
                let url = text?;
                DatabaseKind::of(url)?;
                target.url = url.to_owned();
            }
            Self::Connections => {
                options.connections =
                    count(text?).filter(|connections| *connections <= CONNECTIONS_MAX)?;
            }
            Self::Queue => options.queue = count(text?)?,
            Self::Wait => options.wait = Duration::from_millis(time_above_zero(text?)?),
            Self::QueryTimeout => {
                options.query_timeout = Duration::from_millis(time_above_zero(text?)?);
            }
            Self::Start => options.start = Start::named(text?)?,
            Self::Synchronous => {
                let words = [("full", DiskSync::Full), ("normal", DiskSync::Normal)];
                target.synchronous = word(text?, words)?;
            }
            Self::PasswordFile => target.password_file = file_or_none(value)?,
            Self::SslMode => {
                let words = [("disable", SslMode::Disable), ("verify-full", SslMode::VerifyFull)];
                target.ssl_mode = word(text?, words)?;
            }
            Self::CaFile => target.ca_file = file_or_none(value)?,
        }
        Some(())
    }

    /// The allowed values, as a text after "allowed is".
    pub(crate) const fn allowed(self) -> &'static str {
        match self {
            Self::Url => "sqlite:PATH or postgres://USER@HOST/NAME",
            Self::Connections => "a number from 1 to 256",
            Self::Queue => "a number from 1 to 16777216",
            Self::Wait | Self::QueryTimeout => {
                "a time from 1ms to 8760h, such as 500ms, 25s, 2m or 1h"
            }
            Self::Start => "lazy or eager",
            Self::Synchronous => "full or normal",
            Self::PasswordFile | Self::CaFile => "a file, or none",
            Self::SslMode => "disable or verify-full",
        }
    }
}

/// Each connection has a thread.
const CONNECTIONS_MAX: usize = 256;

//! `BackplaneValue`: the keys of the section of the backplane, with their values.

use std::ffi::OsStr;

use crate::backplane::RedisOptions;
use crate::config::value::numbers::size;
use crate::config::value::words::{file_or_none, word};

/// A key of the backplane.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BackplaneValue {
    Url,
    Prefix,
    Queue,
    Required,
    PasswordFile,
    CaFile,
}

impl BackplaneValue {
    /// Reads the value and sets it; `None` if it is not allowed.
    pub(crate) fn set(self, target: &mut RedisOptions, value: &OsStr) -> Option<()> {
        let text = value.to_str();
        match self {
            Self::Url => target.url = text.filter(|url| RedisOptions::is_url(url))?.to_owned(),
            Self::Prefix => {
                let is_plain =
                    |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
                let prefix = text.filter(|text| text.bytes().all(is_plain))?;
                (1..=64).contains(&prefix.len()).then(|| prefix.clone_into(&mut target.prefix))?;
            }
            Self::Queue => target.queue_bytes_max = size(text?)?,
            Self::Required => target.is_required = word(text?, [("no", false), ("yes", true)])?,
            Self::PasswordFile => target.password_file = file_or_none(value)?,
            Self::CaFile => target.ca_file = file_or_none(value)?,
        }
        Some(())
    }

    /// The allowed values, as a text after "allowed is".
    pub(crate) const fn allowed(self) -> &'static str {
        match self {
            Self::Url => "redis://USER@HOST:PORT/DB, rediss://USER@HOST:PORT/DB or redis+unix:PATH",
            Self::Prefix => "up to 64 of: letters, digits, - . _",
            Self::Queue => "a size from 1 to 1g, such as 65536, 64k or 1m",
            Self::Required => "no or yes",
            Self::PasswordFile | Self::CaFile => "a file, or none",
        }
    }
}

//! `TlsValue`: the kinds of values of the keys of TLS.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::config::tls_words::{TlsClient, TlsRedirect};
use crate::config::value::words::{FieldOf, word};

/// A kind of value about TLS, and its place in a `T`.
pub(crate) enum TlsValue<T> {
    /// Files. Whether they can be used is checked at the start, when they are read.
    Files(FieldOf<T, Vec<PathBuf>>),
    FileOrNone(FieldOf<T, Option<PathBuf>>),
    Clients(FieldOf<T, TlsClient>),
    Redirect(FieldOf<T, TlsRedirect>),
}

impl<T> TlsValue<T> {
    /// Reads the value and sets it; `None` if it is not allowed.
    pub(super) fn set(&self, target: &mut T, value: &OsStr) -> Option<()> {
        match self {
            Self::Files(place) => *place(target) = files(value)?,
            Self::FileOrNone(place) => {
                let mut files = files(value)?;
                *place(target) = files.pop();
                return files.is_empty().then_some(());
            }
            Self::Clients(place) => {
                use TlsClient::{Ask, Require};
                *place(target) = word(value.to_str()?, [("require", Require), ("ask", Ask)])?;
            }
            Self::Redirect(place) => {
                let words = [("no", TlsRedirect::No), ("yes", TlsRedirect::Yes)];
                *place(target) = word(value.to_str()?, words)?;
            }
        }
        Some(())
    }

    /// Whether the values of two targets differ.
    pub(super) fn differs(&self, one: &mut T, other: &mut T) -> bool {
        match self {
            Self::Files(place) => place(one) != place(other),
            Self::FileOrNone(place) => place(one) != place(other),
            Self::Clients(place) => place(one) != place(other),
            Self::Redirect(place) => place(one) != place(other),
        }
    }

    /// The allowed values, as a text after "allowed is".
    pub(super) const fn allowed(&self) -> &'static str {
        match self {
            Self::Files(_) => {
                "none, or a list of files in PEM, without blanks, such as /etc/ssl/chain.pem"
            }
            Self::FileOrNone(_) => "none, or a file in PEM, such as /etc/ssl/clients.pem",
            Self::Clients(_) => "require or ask",
            Self::Redirect(_) => "no or yes",
        }
    }
}

/// `none`, or files, separated by commas or blanks. They need not be UTF-8.
fn files(value: &OsStr) -> Option<Vec<PathBuf>> {
    if value.eq_ignore_ascii_case("none") {
        return Some(Vec::new());
    }
    let items = value.as_bytes().split(|byte| matches!(byte, b',' | b' ' | b'\t'));
    let items = items.filter(|item| !item.is_empty() && !item.contains(&0));
    let files: Vec<_> = items.map(|item| PathBuf::from(OsStr::from_bytes(item))).collect();
    (!files.is_empty()).then_some(files)
}

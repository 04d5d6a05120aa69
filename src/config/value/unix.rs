//! `UnixValue`: the kinds of values of the keys about Unix sockets, and about processes that share
//! listeners.

#[cfg(feature = "processes")]
use std::thread::available_parallelism;

#[cfg(feature = "processes")]
use crate::config::value::numbers::count;
use crate::config::value::words::FieldOf;
#[cfg(feature = "processes")]
use crate::service::Share;
use crate::ws::syntax::items;

/// A kind of value about Unix sockets or processes, and its place in a `T`.
pub(crate) enum UnixValue<T> {
    /// Paths.
    Sockets(FieldOf<T, Vec<String>>),
    /// The permissions of a file.
    Mode(FieldOf<T, u32>),
    /// A number of processes; `cores` are those that this process may use.
    #[cfg(feature = "processes")]
    Processes(FieldOf<T, usize>),
    /// What processes share of the messages of a service.
    #[cfg(feature = "processes")]
    Share(FieldOf<T, Share>),
}

impl<T> UnixValue<T> {
    /// Reads the value and sets it; `None` if it is not allowed.
    pub(super) fn set(&self, target: &mut T, text: &str) -> Option<()> {
        match self {
            Self::Sockets(place) => *place(target) = sockets(text)?,
            Self::Mode(place) => *place(target) = file_mode(text)?,
            #[cfg(feature = "processes")]
            Self::Processes(place) => *place(target) = count_of_processes(text)?,
            #[cfg(feature = "processes")]
            Self::Share(place) => *place(target) = Share::named(text)?,
        }
        Some(())
    }

    /// Whether the values of two targets differ.
    pub(super) fn differs(&self, one: &mut T, other: &mut T) -> bool {
        match self {
            Self::Sockets(place) => place(one) != place(other),
            Self::Mode(place) => place(one) != place(other),
            #[cfg(feature = "processes")]
            Self::Processes(place) => place(one) != place(other),
            #[cfg(feature = "processes")]
            Self::Share(place) => place(one) != place(other),
        }
    }

    /// The allowed values, as a text after "allowed is".
    pub(super) const fn allowed(&self) -> &'static str {
        match self {
            Self::Sockets(_) => {
                "none, or a list of paths in folders that exist, of up to 107 bytes, without \
                 blanks and no @ in front, such as /run/switchboard/chat.sock"
            }
            Self::Mode(_) => "an octal number from 000 to 0777, such as 0660",
            #[cfg(feature = "processes")]
            Self::Processes(_) => "a number from 1 to 64, or cores",
            #[cfg(feature = "processes")]
            Self::Share(_) => "none, topics or all",
        }
    }
}

/// `none`, or paths of Unix sockets, separated by commas or blanks, none of them twice.
fn sockets(text: &str) -> Option<Vec<String>> {
    let mut paths: Vec<String> = Vec::new();
    if text.eq_ignore_ascii_case("none") {
        return Some(paths);
    }
    for item in items(text) {
        // An @ is usual for abstract names, which have no permissions.
        if item.len() > PATH_BYTES_MAX || item.starts_with('@') || item.contains('\0') {
            return None;
        }
        if paths.iter().all(|path| path != item) {
            paths.push(item.to_owned());
        }
    }
    (!paths.is_empty()).then_some(paths)
}

/// The permissions of a file: three octal digits, or four of which the first is 0.
fn file_mode(text: &str) -> Option<u32> {
    let is_octal = text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let is_mode = text.len() == 3 || text.len() == 4 && text.starts_with('0');
    let mode = text.bytes().fold(0, |mode, digit| mode << 3 | u32::from(digit & 7));
    (is_octal && is_mode).then_some(mode)
}

#[cfg(feature = "processes")]
fn count_of_processes(text: &str) -> Option<usize> {
    if text.eq_ignore_ascii_case("cores") {
        return Some(available_parallelism().map_or(1, |cores| cores.get().min(PROCESSES_MAX)));
    }
    count(text).filter(|count| *count <= PROCESSES_MAX)
}

#[cfg(feature = "processes")]
const PROCESSES_MAX: usize = 64;
/// The longest path of a Unix socket (unix(7)): a zero follows it.
const PATH_BYTES_MAX: usize = 107;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_sockets() {
        let longest = "x".repeat(107);
        let rows: [(&str, &[&str]); 5] = [
            ("None", &[]),
            ("/run/a.sock", &["/run/a.sock"]),
            ("a, ./@b a,c", &["a", "./@b", "c"]),
            (&longest, &[&longest]),
            ("a, none", &["a", "none"]),
        ];
        for (text, expected) in rows {
            let expected = expected.iter().map(|path| (*path).to_owned()).collect();
            assert_eq!(sockets(text), Some(expected), "{text}");
        }
        let too_long = "x".repeat(108);
        for text in ["", ",", "@a", "a, @b", "a\0b", &too_long] {
            assert_eq!(sockets(text), None, "{text:?}");
        }
    }

    #[test]
    fn modes_of_files() {
        for (text, expected) in [
            ("0660", Some(0o660)),
            ("666", Some(0o666)),
            ("000", Some(0)),
            ("0777", Some(0o777)),
            ("1777", None),
            ("00660", None),
            ("66", None),
            ("+66", None),
            ("0o660", None),
            ("668", None),
            ("", None),
        ] {
            assert_eq!(file_mode(text), expected, "{text:?}");
        }
    }
}

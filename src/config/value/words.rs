//! Values that are words or files, and the places of values.

#[cfg(any(feature = "database", feature = "redis"))]
use std::{ffi::OsStr, path::PathBuf};

/// The place of a key's value in a `T`.
pub(crate) type FieldOf<T, V> = fn(&mut T) -> &mut V;

/// The meaning of a word, compared without regard to case.
pub(crate) fn word<T: Copy, const N: usize>(text: &str, words: [(&str, T); N]) -> Option<T> {
    let found = words.iter().find(|(word, _)| text.eq_ignore_ascii_case(word));
    found.map(|(_, meaning)| *meaning)
}

/// The file that a value names, or none if it is this word.
#[cfg(any(feature = "database", feature = "redis"))]
pub(crate) fn file_or_none(value: &OsStr) -> Option<Option<PathBuf>> {
    if value.eq_ignore_ascii_case("none") {
        return Some(None);
    }
    (!value.is_empty()).then(|| Some(PathBuf::from(value)))
}

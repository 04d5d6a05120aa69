//! The files that a line `include: PATTERN` names, and which files are open around it. It reads
//! folders; `load` reads the files.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::config::input::ConfigInput;
use crate::config::value_source::{FileLine, FileNames};

/// The name of the line. It is no key: it sets nothing, and stands in any section.
pub(super) const INCLUDE: &str = "include";

/// The state of a read over all files.
#[derive(Clone, Debug, Default)]
pub(super) struct Includes {
    /// The files that are being read, from the outermost on: the canonical path of each, and the
    /// line of the file before it that includes it.
    open: Vec<(PathBuf, Option<FileLine>)>,
    /// The bytes of all files so far.
    bytes_len: usize,
}

impl Includes {
    /// Begins a file of so many bytes. `at` is the line that includes it.
    pub(super) fn begin(&mut self, canonical: PathBuf, at: Option<FileLine>, bytes_len: usize) {
        self.open.push((canonical, at));
        self.bytes_len += bytes_len;
    }

    /// Ends the file that was begun last.
    pub(super) fn end(&mut self) {
        self.open.pop();
    }

    /// The bytes of all files so far.
    pub(super) const fn bytes_len(&self) -> usize {
        self.bytes_len
    }

    /// Why a file cannot be included, if it is open or lies too deep.
    pub(super) fn refusal(&self, canonical: &Path, names: &FileNames) -> Option<String> {
        if let Some(index) = self.open.iter().position(|(open, _)| open == canonical) {
            // The line of that file which leads here.
            let leads = self.open.get(index + 1).and_then(|(_, at)| *at);
            return Some(match leads {
                Some(at) => format!(
                    "which includes this file, in {}: leave out one of the two",
                    names.place(at)
                ),
                None => "which is this file itself: name another one".to_owned(),
            });
        }
        (self.open.len() > DEPTH_MAX)
            .then(|| format!("which is included more than {DEPTH_MAX} files deep"))
    }
}

/// The files that `value` names, seen from the file `from`: one, or those that a pattern matches,
/// in the order of the bytes of their names. The error is why not.
pub(super) fn named(
    value: &OsStr,
    from: &Path,
    input: &impl ConfigInput,
) -> Result<Vec<PathBuf>, String> {
    let path = from.parent().unwrap_or(Path::new("")).join(value);
    let is_pattern = |part: &OsStr| part.as_bytes().contains(&b'*');
    let value = Path::new(value);
    let (Some(name), folder) = (value.file_name(), value.parent().unwrap_or(Path::new(""))) else {
        return Err(format!("allowed is {ALLOWED}"));
    };
    if is_pattern(folder.as_os_str()) {
        return Err(format!("which has a * in the name of a folder, allowed is {ALLOWED}"));
    }
    if !is_pattern(name) {
        return Ok(vec![path]);
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    // A folder that is missing is a mistake, while one without such a file is none yet.
    let names = input.list(folder).map_err(|error| unreadable(&error))?;
    let is_hidden = |name: &OsString| name.as_bytes().starts_with(b".");
    let hidden_too = name.as_bytes().starts_with(b".");
    let mut names: Vec<_> = names
        .into_iter()
        .filter(|found| matches(name.as_bytes(), found.as_bytes()))
        .filter(|found| hidden_too || !is_hidden(found))
        .collect();
    names.sort_unstable();
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

/// The end of the fault that a file or a folder cannot be read.
pub(super) fn unreadable(error: &io::Error) -> String {
    format!("which cannot be read: {error}")
}

/// Whether a name is one of a pattern, in which each `*` stands for any bytes.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let mut parts = pattern.split(|byte| *byte == b'*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        // The first place leaves the most for the parts behind it.
        let places = 0..(rest.len() + 1).saturating_sub(part.len());
        let Some(at) = places.into_iter().find(|&at| rest[at..].starts_with(part)) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The allowed values, as a text after "allowed is".
const ALLOWED: &str = "a file, or a pattern such as conf.d/*.conf";
/// Files within files. Two or three are usual.
const DEPTH_MAX: usize = 8;
/// Files in all.
pub(super) const FILES_MAX: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_bytes() {
        let rows = [
            ("*", "", true),
            ("*", "a", true),
            ("*.conf", "a.conf", true),
            ("*.conf", ".conf", true),
            ("*.conf", "a.conf~", false),
            ("*.conf", "aconf", false),
            ("a*", "a", true),
            ("a*", "ba", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "axbxbxc", true),
            ("a*b*c", "acb", false),
            ("a**c", "ac", true),
            ("ab*ba", "aba", false),
            ("*aa*a", "aa", false),
            ("*aa*a", "aaa", true),
            ("a?[b]", "a?[b]", true),
            ("a?", "ab", false),
            ("a", "a", true),
            ("a", "ab", false),
        ];
        for (pattern, name, expected) in rows {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}

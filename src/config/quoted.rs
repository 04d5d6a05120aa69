//! `Quoted`: a text of a file or a command line in an error.

use std::fmt;

/// A text as it was found, in quotes, with control characters escaped, and cut if it is long.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(QUOTED_CHARS_MAX) {
            Some((end, _)) => write!(f, "{:?}...", &self.0[..end]),
            None => write!(f, "{:?}", self.0),
        }
    }
}

const QUOTED_CHARS_MAX: usize = 80;

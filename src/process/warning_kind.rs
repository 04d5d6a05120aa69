//! `WarningKind`: which warnings about programs are counted together.

/// Warnings that are counted together once they are many.
#[derive(Debug)]
pub(super) struct WarningKind {
    /// The part that they have in common.
    pub(super) key: String,
    /// The text of their count.
    pub(super) shown: String,
}

impl From<&str> for WarningKind {
    fn from(words: &str) -> Self {
        Self { key: words.to_owned(), shown: words.to_owned() }
    }
}

impl PartialEq for WarningKind {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

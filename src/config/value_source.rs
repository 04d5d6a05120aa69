//! `ValueSource`: the place that a value comes from, and the names of the files that were read.

use std::fmt;
use std::path::{Path, PathBuf};

/// The source of a value. Faults are shown in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ValueSource {
    /// The file as a whole.
    File,
    /// A line.
    Line(FileLine),
    /// A flag.
    CommandLine,
}

/// A line of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileLine {
    /// The number of the file: 0, or that of an included one, which counts from 1 in the order in
    /// which they are read.
    #[cfg(feature = "admin")]
    pub(super) file: usize,
    /// The number of the line, counted from 1.
    pub(super) line: usize,
}

/// The names of the files of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FileNames {
    /// The file that was named, or found, if any.
    pub(super) file: Option<PathBuf>,
    /// The files that it includes, in the order in which they are read.
    #[cfg(feature = "admin")]
    pub(super) included: Vec<PathBuf>,
}

impl FileNames {
    /// The file that a line is in.
    #[cfg_attr(not(feature = "admin"), expect(unused_variables, reason = "there is one file"))]
    pub(super) fn of(&self, at: FileLine) -> &Path {
        #[cfg(feature = "admin")]
        if let Some(index) = at.file.checked_sub(1) {
            return &self.included[index];
        }
        self.main()
    }

    /// The first file.
    pub(super) fn main(&self) -> &Path {
        self.file.as_deref().unwrap_or(Path::new(""))
    }

    /// A line with its file, as in `server.conf:7`.
    #[cfg(feature = "admin")]
    pub(super) fn place(&self, at: FileLine) -> String {
        format!("{}:{}", self.of(at).display(), at.line)
    }

    /// A source, or the default, as a text behind a value in a fault at another source.
    #[cfg_attr(not(feature = "admin"), expect(unused_variables, reason = "there is one file"))]
    pub(super) const fn shown(
        &self,
        source: Option<ValueSource>,
        from: ValueSource,
    ) -> SourceText<'_> {
        SourceText {
            source,
            #[cfg(feature = "admin")]
            from,
            names: self,
        }
    }
}

/// The text of a source, as it is seen from another one: a line names its file if that is another.
pub(super) struct SourceText<'a> {
    source: Option<ValueSource>,
    #[cfg(feature = "admin")]
    from: ValueSource,
    #[cfg_attr(not(feature = "admin"), expect(dead_code, reason = "there is one file"))]
    names: &'a FileNames,
}

impl fmt::Display for SourceText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            None => f.write_str("by default"),
            Some(ValueSource::File) => f.write_str("in the file"),
            Some(ValueSource::Line(at)) => {
                #[cfg(feature = "admin")]
                if at.file != self.from.file() {
                    return write!(f, "in {}", self.names.place(at));
                }
                write!(f, "in line {}", at.line)
            }
            Some(ValueSource::CommandLine) => f.write_str("on the command line"),
        }
    }
}

#[cfg(feature = "admin")]
impl ValueSource {
    /// The number of the file that the source is seen from.
    const fn file(self) -> usize {
        match self {
            Self::Line(at) => at.file,
            Self::File | Self::CommandLine => 0,
        }
    }
}

//! The sources of the project.

use std::fs;
use std::path::{Path, PathBuf};

/// A source file: its path from the root of the project, and its text.
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    pub fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.contains("/tests")
    }

    pub fn is_of_the_library(&self) -> bool {
        self.path.starts_with("src/") && !self.is_of_the_binary()
    }

    pub fn is_of_the_binary(&self) -> bool {
        self.path.starts_with(BINARY)
    }

    /// Whether it is a part of these rules, which name what they forbid.
    pub fn is_tidy(&self) -> bool {
        self.path.starts_with("tests/tidy/")
    }

    /// The lines without those that are comments, numbered from 1.
    pub fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = (1..).zip(self.text.lines());
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// All sources in Rust, those of the fuzz targets and benchmarks included.
pub fn sources() -> Vec<Source> {
    let mut paths = vec![root().join("build.rs")];
    for folder in
        ["src", "services", "tests", "examples", "benches", "fuzz/checks", "fuzz/fuzz_targets"]
    {
        collect(&root().join(folder), &mut paths);
    }
    assert!(paths.len() > 40, "the sources are found");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source is UTF-8");
        let path = path.strip_prefix(root()).expect("it is below the root");
        Source { path: path.to_string_lossy().into_owned(), text }
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() && !path.ends_with("node_modules") {
            collect(&path, paths);
        } else if path.extension().is_some_and(|end| end == "rs") {
            paths.push(path);
        }
    }
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Fails with what is wrong, if anything is.
pub fn none(faults: &[String]) {
    assert!(faults.is_empty(), "house rules are broken:\n{}", faults.join("\n"));
}

/// Where the binary lies.
pub const BINARY: &str = "src/bin/switchboard/";

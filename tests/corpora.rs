//! Every input that a fuzzer has kept, passed through the body of its fuzz target. Here, on the
//! stable toolchain, a corpus is a table of generated rows.
#![cfg(feature = "host")]

use std::fs;
use std::path::Path;

#[path = "../fuzz/checks/mod.rs"]
mod checks;

#[test]
fn all_corpora_hold() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, check) in checks::ALL {
        let folder = corpora.join(name);
        let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let mut inputs_len = 0;
        for entry in entries {
            let path = entry.expect("a folder can be read").path();
            let input = fs::read(&path).expect("a file can be read");
            inputs_len += 1;
            // A check that fails panics; this says with which file.
            let outcome = std::panic::catch_unwind(|| check(&input));
            assert!(outcome.is_ok(), "{} fails", path.display());
        }
        assert!(inputs_len > 0, "{name} has a corpus");
    }
}

/// A new target has to be added everywhere.
#[test]
fn every_target_is_a_check_with_a_corpus() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let names = |folder: &str| {
        let entries = fs::read_dir(fuzz.join(folder)).expect("the folder is there");
        let name = |entry: std::io::Result<fs::DirEntry>| {
            let name = entry.expect("a folder can be read").file_name();
            name.to_string_lossy().trim_end_matches(".rs").to_owned()
        };
        entries.map(name).collect::<std::collections::BTreeSet<_>>()
    };
    let all: std::collections::BTreeSet<_> =
        checks::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    // Some are for builds with a feature.
    let compressing = &["compressed", "inflate", "negotiation"][..];
    let compressing = if cfg!(feature = "deflate") { &[] } else { compressing };
    let serving = if cfg!(feature = "programs") { &[] } else { &["counted_lines", "paths"][..] };
    let proxied = if cfg!(feature = "proxy") { &[] } else { &["forwarded"][..] };
    let sealed = if cfg!(feature = "tls") { &[] } else { &["tls"][..] };
    let operated = if cfg!(feature = "admin") { &[] } else { &["admin"][..] };
    let of_processes = if cfg!(feature = "processes") { &[] } else { &["link_lines"][..] };
    let of_hosts = if cfg!(feature = "redis") { &[] } else { &["published"][..] };
    let others = [compressing, serving, proxied, sealed, operated, of_processes, of_hosts];
    let others = others.into_iter().flatten().map(|name| (*name).to_owned()).collect();
    let all = &all | &others;
    assert_eq!(names("fuzz_targets"), all);
    assert_eq!(names("corpus"), all);
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).expect("it is there");
    let bins: std::collections::BTreeSet<_> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""))
        .map(str::to_owned)
        .collect();
    assert_eq!(bins, all, "the targets in fuzz/Cargo.toml");
}

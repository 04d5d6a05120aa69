//! Makes every file below `services/` a service of the binary: the file's path is its URL.
//! It writes a module tree and a table, which `main.rs` includes.
//!
//! Programs may be there as well, and a change of theirs compiles nothing. Cargo watches all files
//! of a folder that this script names, so it names the files that are compiled in, and a folder
//! only if nothing else is in it. Links are not followed: they may form a cycle.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let mut tree = Tree::default();
    tree.folder(&root.join("services"), "/", "");
    let Tree { modules, table, words, .. } = tree;
    let mut code =
        format!("{modules}\n/// All of them.\npub const ALL: &[BuiltinService] = &[\n{table}];\n");
    if has_feature("sqlite") || has_feature("postgres") {
        let words: Vec<_> = words.into_iter().collect();
        let _ = writeln!(
            code,
            "\n/// What they may call a database.\n\
             pub const DATABASE_WORDS: &[&str] = &{words:?};"
        );
    }
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it")).join("services.rs");
    fs::write(&out, code).unwrap_or_else(|error| panic!("cannot write {}: {error}", out.display()));
    if env::var("OPT_LEVEL").as_deref() != Ok("z") {
        return;
    }
    let packed = "-Wl,-z,pack-relative-relocs";
    // Functions with the same code are there once, which takes 6 kB less: lld can do that.
    let folded = "-Wl,--icf=all";
    for (flag, is_known) in [(packed, loader_unpacks_relocations()), (folded, links_with(folded))] {
        for kind in ["bins", "examples"].into_iter().filter(|_| is_known) {
            println!("cargo::rustc-link-arg-{kind}={flag}");
        }
    }
}

/// Whether the linker of the target, whichever is set for it, takes a flag: tries it.
fn links_with(flag: &str) -> bool {
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let source = Path::new(&variable("OUT_DIR")).join("links.rs");
    fs::write(&source, "fn main() {}\n").expect("the folder of the build can be written to");
    let mut command = Command::new(variable("RUSTC"));
    command.args(["--target", &variable("TARGET"), "-C", &format!("link-arg={flag}"), "-o"]);
    command.arg(source.with_extension("probe")).arg(&source);
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        command.args(["-C", &format!("linker={linker}")]);
    }
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    command.args(flags.split('\u{1f}').filter(|flag| !flag.is_empty()));
    command.output().is_ok_and(|output| output.status.success())
}

/// Whether the loader of the target reads relative relocations in their packed form (`DT_RELR`),
/// which takes 24 kB less in the file: glibc does since 2.36. Other targets than this machine, and
/// other C libraries, get the usual form.
fn loader_unpacks_relocations() -> bool {
    let is_of_this_machine = env::var("HOST") == env::var("TARGET");
    if !is_of_this_machine || env::var("CARGO_CFG_TARGET_ENV").as_deref() != Ok("gnu") {
        return false;
    }
    let Ok(output) = Command::new("getconf").arg("GNU_LIBC_VERSION").output() else { return false };
    // As in "glibc 2.36".
    let version = String::from_utf8_lossy(&output.stdout);
    let mut numbers = version.trim().trim_start_matches("glibc ").split('.').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (2_u32, 36_u32),
        _ => false,
    }
}

/// The code that is being written.
#[derive(Default)]
struct Tree {
    modules: String,
    table: String,
    modules_len: usize,
    /// What stands in quotes in the code, if it can be the name of a database.
    words: BTreeSet<String>,
}

impl Tree {
    /// One folder: its URLs begin with `url`, its modules stand below `module`. Returns whether
    /// nothing lies in it but what is compiled in.
    fn folder(&mut self, folder: &Path, url: &str, module: &str) -> bool {
        let mut entries: Vec<_> = fs::read_dir(folder)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", folder.display()))
            .map(|entry| entry.expect("a folder that was opened can be read"))
            .collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        let mut is_pure = true;
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_str().unwrap_or_default();
            let kind = entry.file_type().expect("it was there a moment ago");
            is_pure &= if name.starts_with('.') || name == "__pycache__" {
                false
            } else if kind.is_dir() {
                let id = self.identifier("in_", name);
                let _ = writeln!(self.modules, "mod {id} {{");
                let is_pure =
                    self.folder(&path, &format!("{url}{name}/"), &format!("{module}{id}::"));
                self.modules.push_str("}\n");
                is_pure
            } else {
                self.entry(&path, kind.is_symlink(), name, url, module)
            };
        }
        if is_pure {
            println!("cargo::rerun-if-changed={}", folder.display());
        }
        is_pure
    }

    /// What is no folder. Returns whether it is compiled in.
    fn entry(&mut self, path: &Path, is_link: bool, name: &str, url: &str, module: &str) -> bool {
        let (stem, is_page) = (name.strip_suffix(".rs"), name.ends_with(".html"));
        if is_link {
            if stem.is_some() {
                let path = path.display();
                println!("cargo::warning={path}: a link is not compiled in, copy the file instead");
            }
            return false;
        }
        if let Some(stem) = stem {
            self.file(path, stem, url, module);
        } else if is_page && !path.with_extension("rs").is_file() {
            let path = path.display();
            println!("cargo::warning={path}: a page without a service of its name is not shown");
        }
        stem.is_some() || is_page
    }

    /// One file, unless it needs a feature that is off.
    fn file(&mut self, path: &Path, stem: &str, url: &str, module: &str) {
        println!("cargo::rerun-if-changed={}", path.display());
        let text = fs::read_to_string(path)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
        if needed_feature(&text).is_some_and(|feature| !has_feature(feature)) {
            return;
        }
        let id = self.identifier("", stem);
        let _ = writeln!(self.modules, "#[path = {path:?}]\npub(crate) mod {id};");
        let quoted = text.lines().flat_map(|line| line.split('"').skip(1).step_by(2));
        self.words.extend(quoted.filter(|word| is_database_name(word)).map(str::to_owned));
        // Shared code has no URL.
        if stem.starts_with('_') {
            return;
        }
        let Some(about) = text.lines().next().and_then(|line| line.strip_prefix("//! ")) else {
            let wanted = "its first line has to say what the service does, as in `//! An echo.`";
            return println!("cargo::error={}: {wanted}", path.display());
        };
        if !text.contains("pub fn service()") {
            let wanted = "it has to have a `pub fn service() -> impl Service`";
            return println!("cargo::error={}: {wanted}", path.display());
        }
        let name = if stem == "ws_service" { "" } else { stem };
        let url = format!("{url}{name}");
        let html = path.with_extension("html");
        let (page, policy) = if html.is_file() {
            println!("cargo::rerun-if-changed={}", html.display());
            (format!("Some(include_bytes!({html:?}))"), policy(&html))
        } else {
            ("None".to_owned(), "")
        };
        let one_worker = match (has_feature("workers"), text.contains("pub const ONE_WORKER: &str"))
        {
            (true, true) => format!(", one_worker: Some({module}{id}::ONE_WORKER)"),
            (true, false) => ", one_worker: None".to_owned(),
            (false, _) => String::new(),
        };
        let _ = writeln!(
            self.table,
            "BuiltinService {{ path: {url:?}, about: {about:?}, page: {page}, policy: {policy:?}, \
             mount: |server, path| server.mount(path, {module}{id}::service), \
             has_callbacks: || has_callbacks({module}{id}::service){one_worker} }},"
        );
    }

    /// A module's name: the file's own, if it can be one, for the sake of messages. A folder's
    /// has a prefix, since a file of the same name may stand beside it.
    fn identifier(&mut self, prefix: &str, name: &str) -> String {
        self.modules_len += 1;
        let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let word = format!("{prefix}{name}");
        let reserved = ["self", "super", "crate", "_"].contains(&word.as_str());
        if plain && !reserved && !word.starts_with(|c: char| c.is_ascii_digit()) {
            return format!("r#{word}");
        }
        format!("service_{}", self.modules_len)
    }
}

/// What the policy of a shipped page allows. A page that was changed belongs to the user and has no
/// policy.
fn policy(page: &Path) -> &'static str {
    let bytes = fs::read(page).unwrap_or_default();
    // FNV-1a, which is enough to tell a page from one that was changed.
    let number = bytes.iter().fold(0xCBF2_9CE4_8422_2325, |number, byte| {
        (number ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    });
    SHIPPED.iter().find(|(shipped, _)| *shipped == number).map_or("", |(_, policy)| policy)
}

/// The shipped pages, by the FNV-1a of their bytes, with the hashes of their scripts and styles.
/// `tests/pages.rs` fails when a hash is wrong.
const SHIPPED: [(u64, &str); 1] = [(
    0x68AF_7E43_88E5_46F2,
    "script-src 'sha256-m14KpxUAeZU1n19kWlFPkJ67+xHd6gP4xpWeuhemOng='; \
     style-src 'sha256-ZPEArvF/FHUJrscqxSSq3eooXSVY4piGw0MFgKL8V/Q='; img-src data:",
)];

/// The feature in a line `#![cfg(feature = "name")]`.
fn needed_feature(text: &str) -> Option<&str> {
    let line = text.lines().find_map(|line| line.strip_prefix("#![cfg(feature = \""))?;
    line.strip_suffix("\")]")
}

/// Whether a section `[database NAME]` may have this name.
fn is_database_name(word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&word.len()) && word.bytes().all(is_plain)
}

fn has_feature(feature: &str) -> bool {
    let name = feature.to_uppercase().replace('-', "_");
    env::var_os(format!("CARGO_FEATURE_{name}")).is_some()
}

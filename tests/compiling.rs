//! What `build.rs` has Cargo compile: it is held against a small package whose services only say
//! their paths.

#![cfg(feature = "host")]

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A package with the build script of this one.
struct Package(PathBuf);

impl Package {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiling");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("src")).expect("it can be made");
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs");
        fs::copy(own, folder.join("build.rs")).expect("it can be copied");
        let package = Self(folder);
        package.write("Cargo.toml", MANIFEST);
        package.write("src/main.rs", MAIN);
        package
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }

    fn service(&self, name: &str) {
        self.write(name, "//! A service.\npub fn service() {}\n");
    }

    /// Has it built: whether anything was compiled, and which services it has then.
    fn build(&self) -> (bool, String) {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--offline"]).current_dir(&self.0);
        let built = cargo.env("CARGO_TARGET_DIR", self.0.join("target")).output();
        let built = built.expect("cargo runs");
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{said}");
        let run = Command::new(self.0.join("target/debug/tiny")).output().expect("it runs");
        (said.contains("Compiling"), String::from_utf8(run.stdout).expect("it is text"))
    }
}

#[test]
fn what_is_compiled_in_is_compiled_when_it_changes_and_nothing_else_is() {
    let package = Package::new();
    package.service("services/echo.rs");
    package.service("services/games/chess.rs");
    package.write("services/echo.html", "a page");
    assert_eq!(package.build(), (true, "/echo /games/chess ".to_owned()));
    assert_eq!(package.build(), (false, "/echo /games/chess ".to_owned()));
    // A new one is found in a folder of services,
    package.service("services/mirror.rs");
    assert_eq!(package.build(), (true, "/echo /games/chess /mirror ".to_owned()));
    // and beside programs in those folders that have none.
    package.write("services/shout.py", "#!/usr/bin/env python3\n");
    package.build();
    package.service("services/games/go.rs");
    assert_eq!(package.build(), (true, "/echo /games/chess /games/go /mirror ".to_owned()));
    for (name, text) in [
        ("services/shout.py", "#!/usr/bin/env python3\n# a comment\n"),
        ("services/__pycache__/shout.pyc", "code"),
        ("services/other.py", "#!/usr/bin/env python3\n"),
    ] {
        package.write(name, text);
        assert!(!package.build().0, "{name}");
    }
    package.write("services/echo.html", "another page");
    assert!(package.build().0);
    fs::rename(package.0.join("services/mirror.rs"), package.0.join("services/glass.rs"))
        .expect("it is there");
    assert_eq!(package.build(), (true, "/echo /games/chess /games/go /glass ".to_owned()));
}

/// A circle would have no end.
#[test]
fn links_are_not_followed() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("links");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("services")).expect("it can be made");
    let text = "//! A service.\npub fn service() {}\n";
    fs::write(folder.join("services/echo.rs"), text).expect("it can be written");
    for (to, link) in [(".", "loop"), ("echo.rs", "linked.rs"), ("nowhere", "gone.rs")] {
        symlink(to, folder.join("services").join(link)).expect("it can be made");
    }
    let script = folder.join("build");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs");
    let rustc = env::var_os("RUSTC").unwrap_or("rustc".into());
    let compiled =
        Command::new(rustc).args(["--edition=2024", "-o"]).arg(&script).arg(own).status();
    assert!(compiled.expect("rustc runs").success());
    let mut run = Command::new(script);
    run.env("CARGO_MANIFEST_DIR", &folder).env("OUT_DIR", &folder);
    let run = run.output().expect("it runs");
    let said = String::from_utf8_lossy(&run.stdout);
    let code = fs::read_to_string(folder.join("services.rs")).expect("it was written");
    assert!(run.status.success() && !code.contains("loop"), "{code}");
    assert_eq!(code.matches("BuiltinService {").count(), 1, "{code}");
    assert!(said.contains("services/linked.rs: a link is not compiled in"), "{said}");
    let watched: Vec<_> = said.lines().filter(|line| line.contains("rerun-if-changed")).collect();
    let echo = format!("cargo::rerun-if-changed={}/services/echo.rs", folder.display());
    assert_eq!(watched, [echo]);
}

const MANIFEST: &str = "[package]\nname = \"tiny\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
    [workspace]\n[profile.dev]\ndebug = false\n";

const MAIN: &str = r#"#![allow(dead_code)]
pub struct BuiltinService {
    path: &'static str,
    about: &'static str,
    page: Option<&'static [u8]>,
    policy: &'static str,
    mount: fn(&mut Server, &'static str),
    has_callbacks: fn() -> bool,
}
struct Server;
impl Server {
    fn mount(&mut self, _: &str, _: fn()) {}
}
fn has_callbacks(_: fn()) -> bool {
    true
}
mod services {
    use super::{BuiltinService, has_callbacks};
    include!(concat!(env!("OUT_DIR"), "/services.rs"));
}
fn main() {
    for service in services::ALL {
        print!("{} ", service.path);
    }
}
"#;
